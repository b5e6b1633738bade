"""The same two variants get the same answer everywhere: leaderboard, compare, recommendation, report, exports."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import duckdb
import numpy as np
import pytest

from evaluator.analysis.decisions import Correction, between
from evaluator.analysis.export import export
from evaluator.analysis.leaderboard import board_of, leaderboard, leaderboard_record
from evaluator.analysis.pair_wording import headline
from evaluator.analysis.pairwise import against, agreement, compare
from evaluator.analysis.recommendation import recommend
from evaluator.analysis.snapshot import Snapshot, read_snapshot
from evaluator.domain.statistics import significance
from evaluator.domain.statistics.separability import Decision
from evaluator.report.contents import collect
from evaluator.workspace.workspace import Workspace
from tests.unit.made_scores import FAILED, Score, cost, made, measured

NDCG = "nDCG@10"


def decided(snapshot: Snapshot, a: str, b: str, baseline: str | None = None) -> Decision:
    """What is decided of two variants."""
    found = between(snapshot, NDCG, a, b, baseline)
    assert found is not None
    return found.decision


def require_agreement(snapshot: Snapshot) -> None:
    """Check that all that is said of every pair of variants is the same, without a baseline and with each."""
    names = snapshot.scores(NDCG).names
    board = board_of(snapshot, NDCG)
    best = board.rows[0].variant
    for a, b in itertools.combinations(names, 2):
        found, mirrored = decided(snapshot, a, b), decided(snapshot, b, a)
        assert mirrored == found.mirrored
        pair = compare(snapshot, NDCG, a, b)
        assert pair is not None
        assert pair.outcome.decision == found
        assert pair.outcome.test.difference == found.difference
        assert ("beats" in headline(pair.outcome)) == found.separable
        by_measure = next(row for row in agreement(snapshot, a, b) if row.measure == NDCG)
        assert (by_measure.decision, by_measure.correction) == (found, pair.outcome.correction)
        rows = {row.variant: row for row in board.rows}
        assert (pair.outcome.mean_a, pair.outcome.mean_b) == (rows[a].score, rows[b].score)
    for row in board.scored:
        if row.variant != best:
            found = decided(snapshot, row.variant, best)
            assert row.difference is not None
            assert row.difference.decision == found
            assert row.tied == (not found.separable) == (row.variant in board.tie_group)
    for baseline in names:
        pinned = {row.variant: row.difference for row in board_of(snapshot, NDCG, baseline=baseline).scored}
        for outcome in against(snapshot, NDCG, baseline):
            difference, pair = pinned[outcome.a], compare(snapshot, NDCG, outcome.a, baseline, baseline)
            assert difference is not None
            assert pair is not None
            assert difference.decision == outcome.decision == pair.outcome.decision
            assert pair.outcome.correction == outcome.correction


@pytest.mark.parametrize("seed", range(6))
def test_every_pair_gets_the_same_answer_everywhere(workspace: Workspace, seed: int) -> None:
    draw = np.random.default_rng(seed)
    n_variants = int(draw.integers(2, 6))
    n_queries = int(draw.integers(14, 60))  # fewer take Wilcoxon's test half a second
    difficulty = draw.beta(0.6, 0.8, n_queries)
    scores: dict[str, list[Score]] = {}
    for number in range(n_variants):
        made_up = np.clip(difficulty + 0.15 * number / n_variants + draw.normal(0, 0.1, n_queries), 0, 1)
        values: list[Score] = [round(float(value), int(draw.integers(1, 3))) for value in made_up]
        for place in np.flatnonzero(draw.random(n_queries) < 0.05 * (seed % 3)):
            values[int(place)] = FAILED
        scores[f"v{number}"] = values
    require_agreement(read_snapshot(workspace, made(workspace, scores).id))


@pytest.mark.parametrize("edge", [0.0, 1e-9, -1e-9], ids=["at the level", "below", "above"])
def test_the_level_is_the_same_boundary_everywhere(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edge: float
) -> None:
    """Two variants whose corrected p is the level exactly: it counts as found, everywhere."""
    lost = [0.2] * 11 + [0.9] * 5
    experiment = made(workspace, {"a": [0.7] * 16, "b": lost, "c": [0.7] * 16})
    measured(workspace, experiment, {"a": cost(100), "b": cost(1), "c": cost(100)})
    snapshot = read_snapshot(workspace, experiment.id)
    corrected = decided(snapshot, "a", "b").corrected
    monkeypatch.setattr(significance, "SIGNIFICANCE", corrected + edge)
    found = edge >= 0
    assert decided(snapshot, "a", "b").separable is found
    fresh = read_snapshot(
        workspace, made(workspace, {"a": [0.7] * 16, "b": lost, "c": [0.7] * 16}, "again").id
    )
    require_agreement(fresh)
    board = board_of(fresh, NDCG)
    assert ("b" in board.tie_group) is not found
    record = next(r for r in leaderboard_record(board)["variants"] if r["variant"] == "b")
    assert (record["p_corrected"], record["tied"]) == (corrected, not found)
    advice = recommend(snapshot, board_of(snapshot, NDCG), {}).reasons
    assert any("as good as can be told" in reason for reason in advice) is not found
    (path,) = export(workspace, fresh.experiment, "duckdb", tmp_path)
    with duckdb.connect(str(path), read_only=True) as exported:
        row = exported.execute(
            "SELECT tied, p_corrected, p_test FROM leaderboard WHERE variant = 'b'"
        ).fetchone()
    assert row == (not found, corrected, "randomization")


MANY = 600


def test_hundreds_of_variants_are_judged_alike_on_every_page(workspace: Workspace) -> None:
    """Corrected for hundreds of comparisons, the smallest p of 10,000 sign flips says nothing: the t-test's does."""
    draw = np.random.default_rng(7)
    base = draw.beta(0.6, 0.8, 40).clip(0.1, 0.7)
    scores = {f"v{n:03d}": (base + draw.normal(0, 0.02, 40)).tolist() for n in range(MANY)}
    scores["better"] = (base + 0.2 + draw.normal(0, 0.02, 40)).tolist()
    experiment = made(workspace, scores)
    snapshot = read_snapshot(workspace, experiment.id)
    board = leaderboard(workspace, experiment, baseline="v000")
    row = next(row for row in board.rows if row.variant == "better")
    pair = compare(snapshot, NDCG, "better", "v000", "v000")
    assert row.difference is not None
    assert pair is not None
    assert pair.outcome.test.p_randomization * MANY > 0.05  # by itself it could not tell
    assert row.difference.decision == pair.outcome.decision
    assert row.difference.decision.test == "t"
    assert pair.outcome.separable
    assert pair.outcome.correction == Correction(MANY, "v000")
    record = next(r for r in leaderboard_record(board)["variants"] if r["variant"] == "better")
    assert (record["p_test"], record["p_corrected"]) == ("t", pair.outcome.decision.corrected)
    assert json.loads(json.dumps(record)) == record
    without = compare(snapshot, NDCG, "v000", "better")
    assert without is not None
    assert without.outcome.correction.words == f"all {(MANY + 1) * MANY // 2:,} pairs of variants"
    assert without.outcome.separable is (not board_of(snapshot, NDCG).rows[-1].tied)


def test_the_report_says_what_the_pages_say(workspace: Workspace) -> None:
    draw = np.random.default_rng(3)
    base = draw.beta(0.6, 0.8, 10).clip(0.1, 0.7)
    scores = {f"v{n}": (base + 0.03 * n + draw.normal(0, 0.03, 10)).tolist() for n in range(4)}
    experiment = made(workspace, scores)
    snapshot = read_snapshot(workspace, experiment.id)
    for baseline in (None, "v0", "v3"):
        contents = collect(workspace, experiment, NDCG, baseline)
        assert contents.comparison is not None
        outcome = contents.comparison.outcome
        pair = compare(snapshot, NDCG, outcome.a, outcome.b, baseline)
        assert pair is not None
        assert outcome.decision == pair.outcome.decision
        assert outcome.correction == pair.outcome.correction
        assert contents.board.records == board_of(snapshot, NDCG, baseline=baseline).records
