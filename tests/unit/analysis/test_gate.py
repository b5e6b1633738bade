"""The gate: what passes, what is a regression, what the data do not decide, and what was not evaluated."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from evaluator.analysis.gate import Gate, gate_of, gate_text
from evaluator.analysis.leaderboard import board_of, leaderboard_record
from evaluator.errors import InvalidInputError, NotEvaluatedError, UnknownNameError
from tests.unit.made_scores import EXCLUDED, FAILED, WAITING, Score, snapshot_of

DRAW = np.random.default_rng(3)
OLD = DRAW.beta(2, 2, 60).clip(0.2, 0.8)


def changed(by: float, spread: float = 0.0) -> list[Score]:
    """Scores that differ from the baseline's by a mean difference, and by chance."""
    noise = DRAW.normal(0, spread, 60) if spread else np.zeros(60)
    return [float(score) for score in OLD + by + noise - noise.mean()]


SCORES: Mapping[str, Sequence[Score]] = {"old": changed(0), "new": changed(-0.05, 0.02)}


def record_of(
    scores: Mapping[str, Sequence[Score]], measure: str | None = None, broken: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The record of a leaderboard whose baseline is `old`, as REST gives it."""
    board = board_of(snapshot_of(scores, broken), measure, baseline="old")
    record: dict[str, Any] = json.loads(json.dumps(leaderboard_record(board)))
    return record


def gated(scores: Mapping[str, Sequence[Score]], max_loss: float = 0.01, **given: Any) -> Gate:
    return gate_of(record_of(scores), max_loss, **given)


def verdicts(gate: Gate) -> dict[str, str]:
    return {of.variant: of.verdict for of in gate.variants}


def test_a_loss_that_the_data_show_is_a_regression() -> None:
    gate = gated(SCORES)
    (new,) = gate.variants
    # 60 differences around -0.05 with a deviation of 0.02: an interval of about -0.05 +- 2 * 0.02 / sqrt(60)
    assert new.difference == pytest.approx(-0.05)
    assert new.high is not None
    assert new.high < -0.04
    assert (gate.verdict, gate.passed) == ("regression", False)
    assert not gate_of(record_of(SCORES), 0.01, undecided="pass").passed
    text = gate_text(gate)
    assert text.startswith("### Retrieval gate: failed: regression\n")
    assert "- **new** loses 0.0500, and the data show that it is more than allowed." in text
    assert "| new | nDCG\\@10 | -0.0500 | -0.05" in text
    assert "| < 0.001 | 60 | 0 | 0 | **regression** |" in text
    assert (
        "Compared over 60 of 60 queries; p is corrected for the only comparison with the baseline old."
        in text
    )


def test_the_same_loss_is_let_through_where_it_is_allowed() -> None:
    gate = gated(SCORES, 0.06)
    assert (gate.verdict, gate.passed) == ("pass", True)
    assert "**new** loses 0.0500, and the data rule out a larger loss than allowed." in gate_text(gate)


def test_an_interval_that_spans_the_bound_decides_nothing() -> None:
    """Worse by more than is allowed, and so says the leaderboard; but the true loss may be smaller than 0.045."""
    gate = gated(SCORES, 0.049)
    assert (gate.verdict, gate.passed) == ("undecided", False)
    text = gate_text(gate)
    assert text.startswith("### Retrieval gate: failed: undecided\n")
    assert "the data neither show nor rule out a larger loss." in text
    assert "What is undecided fails: judge more queries" in text
    let_through = gate_of(record_of(SCORES), 0.049, undecided="pass")
    assert let_through.passed
    assert gate_text(let_through).startswith("### Retrieval gate: passed, though undecided\n")


def test_equal_scores_pass_even_if_nothing_may_be_lost() -> None:
    gate = gated({"old": changed(0), "same": changed(0)}, 0.0)
    (same,) = gate.variants
    assert (same.verdict, same.difference, same.p_corrected, same.ties) == ("pass", 0, 1, 60)
    assert "**same** scores no lower" in gate_text(gate)


def test_rounding_makes_no_regression() -> None:
    """Every query loses 0.01, in floating point a little more: that is what is allowed."""
    gate = gated({"old": [0.3, 0.5, 0.7, 0.9] * 5, "new": [0.29, 0.49, 0.69, 0.89] * 5}, 0.01)
    assert verdicts(gate) == {"new": "pass"}


def test_the_gate_asks_the_leaderboards_decision() -> None:
    """Six queries, each lost by 0.5: p = 2 / 2^6 = 0.031 alone, and 0.094 as one of three comparisons."""
    scores: dict[str, list[Score]] = {"old": [0.75] * 6, "new": [0.25] * 6}
    assert verdicts(gated(scores)) == {"new": "regression"}
    others: dict[str, list[Score]] = {"a": [0.75] * 6, "b": [0.75] * 6}
    gate = gated({**scores, **others})
    assert verdicts(gate) == {"new": "undecided", "a": "pass", "b": "pass"}
    assert "seems to lose 0.5000, but that may be chance (p = 0.094 after the correction)" in gate_text(gate)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_few_queries_decide_nothing(n: int) -> None:
    """The smallest p over five queries is 2 / 2^5 = 0.0625."""
    gate = gated({"old": [0.5] * n, "better": [0.75] * n, "worse": [0.25] * n})
    assert set(verdicts(gate).values()) == {"undecided"}
    assert "below 6 no difference, however large, can be told from chance" in gate_text(gate)


def test_few_queries_have_a_remark() -> None:
    scores: dict[str, list[Score]] = {"old": [0.5] * 49, "new": [0.5] * 49}
    assert "Below 50 queries intervals are somewhat too narrow." in gate_text(gated(scores))


@pytest.mark.parametrize("failing", ["old", "new", "third"])
def test_no_variant_passes_while_queries_failed(failing: str) -> None:
    """The query that failed may be the one that would be lost; a third variant's takes it from the comparison."""
    scores = {"old": changed(0), "new": changed(0.1), "third": changed(0.1)}
    scores[failing][7] = FAILED
    gate = gated(scores, variants=["new"])
    (new,) = gate.variants
    assert (new.verdict, gate.compared, gate.left_out) == ("undecided", 59, 1)
    assert "keeps within the bound where it was compared, but 1 query" in new.reason
    assert gate.passed is False
    worse = gated({**scores, "bad": changed(-0.2)}, variants=["bad"])
    assert worse.verdict == "regression"


def test_a_query_that_failed_everywhere_is_counted() -> None:
    scores = {"old": changed(0), "new": changed(0.1)}
    for values in scores.values():
        values[7] = FAILED
    gate = gated(scores)
    assert gate.left_out == 0
    assert "1 query failed, 1 query failed under the baseline" in gate.variants[0].reason
    assert "| new | nDCG\\@10 | +0.1000 | +0.1000 to +0.1000 | < 0.001 | 59 | 1 | 0 |" in gate_text(gate)


def test_queries_without_a_relevant_document_are_counted_and_hinder_nothing() -> None:
    scores = {"old": changed(0), "new": changed(0.1)}
    for values in scores.values():
        values[7] = EXCLUDED
    gate = gated(scores)
    assert (gate.verdict, gate.of_baseline.unscored, gate.variants[0].counts.unscored) == ("pass", 1, 1)
    assert "| 59 | 0 | 1 | **pass** |" in gate_text(gate)


def test_what_failed_altogether_was_not_evaluated() -> None:
    scores: dict[str, list[Score]] = {"old": changed(0), "new": [FAILED] * 60, "worse": changed(-0.2)}
    record = record_of(scores, broken={"new": "EncodingError: no model"})
    gate = gate_of(record, 0.01)
    assert verdicts(gate) == {"new": "not evaluated", "worse": "regression"}
    assert gate.verdict == "regression"  # is known, whatever the other would have been
    alone = gate_of(record, 0.01, ["new"])
    assert (alone.verdict, alone.passed) == ("not evaluated", False)
    assert "**new** was not compared, because it failed\\: EncodingError\\: no model." in gate_text(alone)


def test_without_a_common_query_nothing_was_evaluated() -> None:
    gate = gated({"old": [0.5, FAILED], "new": [FAILED, 0.5]}, undecided="pass")
    assert (gate.verdict, gate.passed) == ("not evaluated", False)
    assert "| new | nDCG\\@10 | – | – | – | 1 | 1 | 0 | **not evaluated** |" in gate_text(gate)


@pytest.mark.parametrize("value", [None, math.nan])
def test_no_number_is_no_pass(value: float | None) -> None:
    board = record_of(SCORES)
    (new,) = (row for row in board["variants"] if row["variant"] == "new")
    assert gate_of({**board, "variants": board["variants"]}, 1.0).verdict == "pass"
    new["difference_low"] = value
    assert gate_of(board, 1.0).verdict == "undecided"
    new["difference"] = value
    assert gate_of(board, 1.0).verdict == "not evaluated"


def test_another_measure_can_decide() -> None:
    """RR@10 is made as 1 minus nDCG@10: what loses by one wins by the other."""
    by_rr = gate_of(record_of(SCORES, measure="RR@10"), 0.01)
    assert (by_rr.measure, by_rr.verdict) == ("RR@10", "pass")
    with pytest.raises(UnknownNameError, match="did not compute AP; it computed nDCG@10, RR@10"):
        record_of(SCORES, measure="AP")
    with pytest.raises(InvalidInputError):
        record_of(SCORES, measure="no such measure")


def test_what_cannot_be_compared_is_said() -> None:
    board = record_of(SCORES)
    with pytest.raises(UnknownNameError, match="no variant 'absent'; it has old, new"):
        gate_of(board, 0.01, ["absent"])
    with pytest.raises(UnknownNameError, match="no variant 'older'"):
        gate_of({**board, "baseline": "older"}, 0.01)
    with pytest.raises(InvalidInputError, match="'old' is the baseline"):
        gate_of(board, 0.01, ["old"])
    with pytest.raises(InvalidInputError, match="'old' is the only variant"):
        gate_of(record_of({"old": changed(0)}), 0.01)
    for wrong in (-0.01, math.nan, math.inf):
        with pytest.raises(InvalidInputError, match="give a number from 0 on"):
            gate_of(board, wrong)
    with pytest.raises(InvalidInputError, match="undecided='maybe' is not one of fail, pass"):
        gate_of(board, 0.01, undecided="maybe")  # type: ignore[arg-type]


def test_an_unfinished_experiment_is_not_judged() -> None:
    scores = {**SCORES, "new": [*SCORES["new"][:59], WAITING]}
    with pytest.raises(NotEvaluatedError, match="'look' is running; a gate needs a finished one"):
        gated(scores)
    board = record_of(scores)
    board["experiment"] |= {"status": "cancelled", "reason": "its budget is spent"}
    with pytest.raises(NotEvaluatedError, match="is cancelled: its budget is spent;"):
        gate_of(board, 0.01)


def test_the_record_holds_all_of_it() -> None:
    record = json.loads(json.dumps(gated(SCORES).to_json()))
    assert (record["verdict"], record["passed"], record["max_loss"], record["baseline"]) == (
        "regression", False, 0.01, "old",
    )  # fmt: skip
    assert record["variants"][0]["counts"] == {"scored": 60, "failed": 0, "unscored": 0}


def test_names_draw_nothing_on_a_page() -> None:
    board = record_of(SCORES)
    board["experiment"]["name"] = "a | b <img src=x> @all"
    assert "Experiment a \\| b \\<img src=x\\> \\@all (" in gate_text(gate_of(board, 0.01))


def test_a_loss_of_just_the_bound_seldom_passes() -> None:
    """The true loss is the bound. Wrong either way: passes and regressions, each about 2.5 % of 200 experiments."""
    draw, n, bound = np.random.default_rng(0), 60, 0.02
    outcomes = []
    for _ in range(200):
        differences = draw.normal(-bound, 0.1, n)
        outcomes.append(verdict_of(differences, bound))
    assert outcomes.count("pass") <= 10
    assert outcomes.count("regression") <= 10


def verdict_of(differences: Any, max_loss: float) -> str:
    """The verdict on a variant with these differences to the baseline, without a database."""
    from evaluator.domain.statistics.resampling import Resampled

    sampled = Resampled.of(differences[np.newaxis], resamples=2000, permutations=2000)
    (low, high), (evidence,) = sampled.intervals()[0].tolist(), sampled.evidence()
    row = {
        "variant": "new", "error": None, "failed": 0, "unscored": 0, "scored": len(differences),
        "difference": evidence.difference, "difference_low": low, "difference_high": high,
        "p": evidence.p, "p_test": evidence.test, "p_corrected": evidence.p, "wins": 0, "ties": 0, "losses": 0,
    }  # fmt: skip
    board = {
        "experiment": {"id": "x", "name": "x", "dataset": "x", "queries": 60, "status": "finished", "reason": None},
        "baseline": "old", "measure": "nDCG@10", "compared": len(differences), "corrected_for": "",
        "variants": [{**row, "variant": "old", "difference": None}, row],
    }  # fmt: skip
    return gate_of(board, max_loss).verdict
