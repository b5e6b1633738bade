"""The order in which a person looks through queries."""

from __future__ import annotations

import pytest

from evaluator.experiments import lifecycle
from evaluator.inspection.query_list import Position, listed_queries, position
from evaluator.workspace.workspace import Workspace
from tests.unit.finished import finished


@pytest.fixture
def compared(workspace: Workspace) -> Workspace:
    """Reciprocal ranks: q0 1 and 1/2, q1 1/2 and 1, q2 1 and 1; q9 failed."""
    finished(
        workspace,
        "tiny",
        {
            "a": {"q0": ["d0"], "q1": ["d9", "d1"], "q2": ["d2"]},
            "b": {"q0": ["d9", "d0"], "q1": ["d1"], "q2": ["d2"]},
        },
        failed=["q9"],
    )
    return workspace


def ids(workspace: Workspace, *variants: str, **chosen: str) -> list[str]:
    experiment = lifecycle.find(workspace, "look")
    lines = listed_queries(workspace, experiment, variants, "RR@10", **chosen)  # type: ignore[arg-type]
    return [line.query.query_id for line in lines]


def test_failed_queries_come_first_then_those_that_differ_most(compared: Workspace) -> None:
    assert ids(compared, "a", "b")[:4] == ["q9", "q0", "q2", "q1"]
    assert ids(compared, "a", "b", order="second")[:4] == ["q9", "q1", "q2", "q0"]
    assert ids(compared, "a", "b", order="given") == [f"q{n}" for n in range(10)]
    experiment = lifecycle.find(compared, "look")
    lines = listed_queries(compared, experiment, ["a", "b"], "RR@10")
    assert [(line.difference, line.failed) for line in lines[:5]] == [
        (None, True), (0.5, False), (0.0, False), (-0.5, False), (None, False),
    ]  # fmt: skip


def test_with_one_variant_the_worst_come_first(compared: Workspace) -> None:
    assert ids(compared, "a")[:4] == ["q9", "q1", "q0", "q2"]


def test_a_search_matches_ids_and_texts(compared: Workspace) -> None:
    assert ids(compared, "a", "b", search="HEAT") == ["q9", "q1"]
    assert ids(compared, "a", "b", search="q2") == ["q2"]
    assert ids(compared, "a", "b", search="nothing like it") == []
    assert ids(compared, "a", "b", tag="none has it") == []


def test_a_position_knows_its_neighbours(compared: Workspace) -> None:
    experiment = lifecycle.find(compared, "look")
    lines = listed_queries(compared, experiment, ["a", "b"], "RR@10")
    assert position(lines, "q0") == Position(2, 10, "q9", "q2")
    assert position(lines, "q9") == Position(1, 10, None, "q0")
    assert position(lines[:2], "q5") == Position(None, 2, None, "q9")
    assert position([], "q5") == Position(None, 0, None, None)
