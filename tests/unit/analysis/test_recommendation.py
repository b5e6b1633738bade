"""Quality against cost: the Pareto front, and what to take within limits."""

from __future__ import annotations

import pytest

from evaluator.analysis.leaderboard import Leaderboard, leaderboard
from evaluator.analysis.recommendation import cost_of, pareto_front, recommend
from evaluator.analysis.snapshot import read_snapshot
from evaluator.workspace.workspace import Workspace
from tests.unit.made_scores import cost, made, measured

RERANKED = [0.9, 0.8, 0.9, 0.7, 0.8, 0.9, 0.8, 0.9, 0.7, 0.8]
CHEAP = [score - 0.01 for score in RERANKED[:5]] + [score + 0.005 for score in RERANKED[5:]]
POOR = [score - 0.4 for score in RERANKED]
COSTS = {
    "reranked": cost(200, 9, 12.5), "cheap": cost(20, 4), "poor": cost(2, 2), "wasteful": cost(300, 9)
}  # fmt: skip


@pytest.fixture
def board(workspace: Workspace) -> Leaderboard:
    scores = {"reranked": RERANKED, "cheap": CHEAP, "poor": POOR, "wasteful": POOR, "unknown": POOR}
    experiment = made(workspace, scores)
    measured(workspace, experiment, COSTS)
    return leaderboard(workspace, experiment)


def test_nothing_on_the_front_is_beaten(board: Leaderboard) -> None:
    assert pareto_front(board, "p95_ms") == ("reranked", "cheap", "poor")
    assert pareto_front(board, "usd_per_million_queries") == ("reranked", "cheap")


def test_costs_that_nobody_measured_are_not_zero(board: Leaderboard) -> None:
    rows = {row.variant: row for row in board.rows}
    assert cost_of(rows["unknown"], "p95_ms") is cost_of(rows["unknown"], "usd_per_million_queries") is None
    assert cost_of(rows["cheap"], "usd_per_million_queries") == 0  # no endpoint with a price is asked
    assert cost_of(rows["cheap"], "index_mb") == 4


def test_without_limits_the_best_is_taken_and_cheaper_ones_are_named(
    workspace: Workspace, board: Leaderboard
) -> None:
    found = recommend(read_snapshot(workspace, board.experiment.id), board, {})
    assert (found.variant, found.excluded) == ("reranked", {})
    assert found.reasons[0] == "The highest nDCG@10 of all variants: 0.8200."
    assert found.reasons[1] == (
        "cheap is as good as can be told, and costs less: p95 latency 20.0 ms instead of 200.0 ms."
    )


def test_limits_exclude_and_say_why(workspace: Workspace, board: Leaderboard) -> None:
    found = recommend(read_snapshot(workspace, board.experiment.id), board, {"p95_ms": 50})
    assert found.variant == "cheap"
    assert found.reasons == (
        "The highest nDCG@10 of the 2 variants within the limits: 0.8175.",
        "p95 latency: 20.0 ms, of 50.0 ms that it may be.",
    )
    assert found.excluded == {
        "reranked": "p95 latency 200.0 ms, more than 50.0 ms",
        "wasteful": "p95 latency 300.0 ms, more than 50.0 ms",
        "unknown": "p95 latency is not measured",
    }


def test_the_cost_of_limits_is_reported(workspace: Workspace, board: Leaderboard) -> None:
    found = recommend(
        read_snapshot(workspace, board.experiment.id), board, {"index_mb": 3, "usd_per_million_queries": 1}
    )
    assert found.variant == "poor"
    assert found.reasons[0] == "The only variant within the limits: nDCG@10 0.4200."
    assert found.reasons[-1] == "The limits cost 0.4000 of nDCG@10: reranked is better, but not within them."


def test_nothing_within_the_limits(workspace: Workspace, board: Leaderboard) -> None:
    found = recommend(read_snapshot(workspace, board.experiment.id), board, {"p95_ms": 1})
    assert found.variant is None
    assert found.reasons == ("No variant keeps within the limits.",)
    assert len(found.excluded) == 5
