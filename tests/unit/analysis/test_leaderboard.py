"""Scores with what they are worth: intervals, tie group, differences, over the queries that all variants completed."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator.analysis.decisions import between
from evaluator.analysis.leaderboard import Leaderboard, leaderboard, leaderboard_record
from evaluator.analysis.snapshot import Scores, read_snapshot
from evaluator.domain.ranking import Doubles
from evaluator.domain.records import ExperimentRow
from evaluator.domain.result import QueryResult, VariantFailure
from evaluator.domain.statistics.paired import paired_test
from evaluator.domain.statistics.resampling import Resampled
from evaluator.domain.statistics.significance import holm
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.store import results
from evaluator.workspace.workspace import Workspace
from tests.unit.made_scores import EXCLUDED, FAILED, RANKING, WAITING, made

DRAW = np.random.default_rng(4)
BASE = DRAW.beta(0.9, 1.1, 60).clip(0.1, 0.8)
SCORES = {
    "bm25": (BASE - 0.1 + DRAW.normal(0, 0.02, 60)).tolist(),
    "hybrid": (BASE + 0.1).tolist(),
    "minilm": (BASE + 0.1 + DRAW.normal(-0.002, 0.05, 60)).tolist(),
}


def in_order(variant: str) -> Doubles:
    """A variant's scores in the order of the query ids: which sign flips a query gets depends on it."""
    return np.array(SCORES[variant])[sorted(range(60), key=lambda number: f"q{number}")]


def row(board: Leaderboard, variant: str) -> dict[str, object]:
    return next(row for row in board.records if row["variant"] == variant)


def score_matrix(workspace: Workspace, experiment: ExperimentRow) -> Scores:
    """nDCG@10 as it is recorded now."""
    return read_snapshot(workspace, experiment.id).scores("nDCG@10")


def test_scores_as_a_matrix(workspace: Workspace) -> None:
    experiment = made(workspace, {"a": [0.5, FAILED, 0.25], "b": [1.0, 0.0, EXCLUDED], "c": [WAITING] * 3})
    scores = score_matrix(workspace, experiment)
    assert scores.variants == ("a", "b", "c")
    assert scores.query_ids == ("q0", "q1", "q2")
    nan = np.nan
    assert scores.values == pytest.approx(np.array([[0.5, nan, 0.25], [1, 0, nan], [nan] * 3]), nan_ok=True)
    assert scores.scored.tolist() == [True, True, False]
    assert scores.common.tolist() == [True, False, False]


def test_scores_are_read_again_after_new_results(workspace: Workspace) -> None:
    experiment = made(workspace, {"a": [0.5, WAITING], "b": [1.0, FAILED]})
    before = score_matrix(workspace, experiment)
    assert score_matrix(workspace, experiment) is not None
    assert score_matrix(workspace, experiment).values is before.values
    values = {"nDCG@10": 0.75, "RR@10": 0.25, "Judged@10": 0.5}
    results.record(workspace.database, [QueryResult(experiment.id, "b", "q1", RANKING, values, 0.1)])
    assert score_matrix(workspace, experiment).values[1].tolist() == [1.0, 0.75]


def test_means_are_over_the_queries_that_all_variants_scored(workspace: Workspace) -> None:
    scores: dict[str, list[float | str]] = {
        "bm25": [1.0, 0.5, 0.2, 0.9],
        "other": [0.4, 0.6, FAILED, EXCLUDED],
        "none": [FAILED] * 4,
    }
    board = leaderboard(workspace, made(workspace, scores))
    # q0 and q1 are common: (1.0 + 0.5) / 2 and (0.4 + 0.6) / 2; who has no score hides no other
    assert [(r["variant"], r["nDCG@10"]) for r in board.records] == [
        ("bm25", 0.75),
        ("other", 0.5),
        ("none", None),
    ]
    assert (board.compared, board.n_scored) == (2, 2)
    assert row(board, "bm25")["RR@10"] == pytest.approx(0.25)
    assert row(board, "bm25")["ms_per_query"] == pytest.approx(250)
    other = row(board, "other")
    assert (other["scored"], other["failed"], other["unscored"], other["waiting"]) == (2, 1, 1, 0)
    assert row(board, "none")["tied"] is None


def test_no_query_in_common_is_no_mean(workspace: Workspace) -> None:
    board = leaderboard(workspace, made(workspace, {"a": [1.0, FAILED], "b": [FAILED, 1.0]}))
    assert (board.compared, board.reference, board.tie_group) == (0, None, ())
    assert [r["nDCG@10"] for r in board.records] == [None, None]


def test_what_is_not_separable_from_the_best_is_tied(workspace: Workspace) -> None:
    board = leaderboard(workspace, made(workspace, SCORES))
    assert board.tie_group == ("hybrid", "minilm")
    assert [r["tied"] for r in board.records] == [True, True, False]
    hybrid, minilm = in_order("hybrid"), in_order("minilm")
    alone = paired_test(minilm, hybrid)
    tied = row(board, "minilm")
    assert tied["difference"] == pytest.approx(alone.difference)
    assert tied["p"] == alone.p_randomization
    # The best was picked after looking: three variants make three pairs.
    p = [row(board, "bm25")["p"], tied["p"]]
    assert tied["p_corrected"] == pytest.approx(holm([float(str(v)) for v in p], 3)[1])
    assert (tied["wins"], tied["ties"], tied["losses"]) == (alone.wins, alone.ties, alone.losses)
    interval = Resampled.of(minilm[np.newaxis]).intervals()[0]
    assert (tied["low"], tied["high"]) == pytest.approx(tuple(interval))
    assert isinstance(tied["needed"], int)
    assert tied["needed"] > 60
    assert row(board, "hybrid")["needed"] is row(board, "bm25")["needed"] is None
    assert row(board, "hybrid")["difference"] is None  # to itself


def test_differences_to_a_pinned_baseline(workspace: Workspace) -> None:
    experiment = made(workspace, SCORES)
    board = leaderboard(workspace, experiment, baseline="bm25")
    assert (board.baseline, board.reference) == ("bm25", "bm25")
    assert board.tie_group == ("hybrid", "minilm")
    hybrid = row(board, "hybrid")
    alone = paired_test(in_order("hybrid"), in_order("bm25"))
    assert hybrid["difference"] == pytest.approx(alone.difference)
    assert (hybrid["difference_low"], hybrid["difference_high"]) == pytest.approx(
        (alone.interval.low, alone.interval.high)
    )
    assert float(str(hybrid["p_corrected"])) < 1e-6  # no sign flip reached it: the t-test's
    assert row(board, "bm25")["p"] is None
    assert hybrid["p_test"] == "t"
    snapshot = read_snapshot(workspace, experiment.id)
    scores_by_variant = {
        pair: between(snapshot, "nDCG@10", *pair)
        for pair in (("bm25", "hybrid"), ("bm25", "minilm"), ("minilm", "hybrid"))
    }
    assert [finding is not None and finding.decision.separable for finding in scores_by_variant.values()] == [
        True, True, False,
    ]  # fmt: skip


def test_one_query_has_no_interval(workspace: Workspace) -> None:
    board = leaderboard(workspace, made(workspace, {"a": [0.5], "b": [0.25]}))
    assert [(r["low"], r["high"]) for r in board.records] == [(None, None)] * 2
    assert board.tie_group == ("a", "b")
    assert row(board, "b")["p"] == 1.0
    assert row(board, "b")["needed"] is None


def test_a_baseline_without_a_score_leaves_differences_open(workspace: Workspace) -> None:
    experiment = made(workspace, {"a": [0.5, 0.25], "b": [FAILED, FAILED]})
    board = leaderboard(workspace, experiment, baseline="b")
    assert [r["difference"] for r in board.records] == [None, None]


def test_a_failed_variant_is_reported_at_once(workspace: Workspace) -> None:
    experiment = made(workspace, {"a": [0.5, 0.25], "b": [WAITING, WAITING]})
    assert leaderboard(workspace, experiment).records[1]["error"] is None
    results.record(workspace.database, [VariantFailure(experiment.id, "b", "no such model")])
    assert leaderboard(workspace, experiment).records[1]["error"] == "no such model"


def test_missing_names_are_reported(workspace: Workspace) -> None:
    experiment = made(workspace, {"a": [0.5]})
    with pytest.raises(UnknownNameError, match="has no variant 'b'; it has a"):
        leaderboard(workspace, experiment, baseline="b")
    with pytest.raises(UnknownNameError, match="did not compute AP; it computed nDCG@10, RR@10"):
        leaderboard(workspace, experiment, "AP")
    with pytest.raises(InvalidInputError, match="did you mean nDCG@10"):
        leaderboard(workspace, experiment, "nDGC@10")


def test_queries_that_a_measure_could_not_be_computed_for_are_counted(workspace: Workspace) -> None:
    """A query without a score at all is another matter, and so is a measure that has all of its values."""
    experiment = made(workspace, {"a": [0.5, 0.25, EXCLUDED, FAILED], "b": [0.5, 0.75, EXCLUDED]})
    assert leaderboard(workspace, experiment).uncomputed == {}
    rows = [
        QueryResult(experiment.id, "a", "q4", RANKING, {"nDCG@10": 0.5, "Judged@10": 0.5}, 0.1),
        QueryResult(experiment.id, "b", "q4", RANKING, {"nDCG@10": 0.5, "RR@10": 1.0, "Judged@10": 0.5}, 0.1),
        QueryResult(experiment.id, "b", "q5", RANKING, {"Judged@10": 0.5}, 0.1),
    ]
    results.record(workspace.database, rows)
    board = leaderboard(workspace, experiment)
    assert board.uncomputed == {"nDCG@10": 1, "RR@10": 2}
    assert leaderboard_record(board)["uncomputed"] == {"nDCG@10": 1, "RR@10": 2}
