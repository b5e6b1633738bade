"""Several datasets at once: ranks on each, and an average only where it means something."""

from __future__ import annotations

import dataclasses

import pytest

from evaluator.analysis import several_datasets as service
from evaluator.analysis.several_datasets import across, beside
from evaluator.domain.records import ExperimentRow
from evaluator.errors import InvalidInputError
from evaluator.library import catalog
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.made_scores import WAITING, made


@pytest.fixture
def pair(workspace: Workspace, write_dataset: WriteDataset) -> tuple[ExperimentRow, ExperimentRow]:
    """The same three variants over two datasets; the second calls the first of them otherwise."""
    catalog.import_folder(workspace, write_dataset("other", queries=["wing lift", "heat transfer"]))
    one = made(workspace, {"a": [0.8, 0.6], "b": [0.5, 0.5], "c": [0.1, 0.1]}, "one")
    other = made(workspace, {"renamed": [0.2, 0.2], "b": [0.4, 0.4], "c": [0.2, 0.2]}, "two", "other")
    return one, other


def test_ranks_on_each_and_their_average(
    workspace: Workspace, pair: tuple[ExperimentRow, ExperimentRow]
) -> None:
    combined = across(workspace, pair)
    assert (combined.measure, combined.reasons) == ("nDCG@10", ())
    rows = {row.name: row for row in combined.rows}
    assert rows["a"].scores == pytest.approx((0.7, 0.2))
    assert rows["a"].ranks == (1, 2.5)  # shares the places 2 and 3 with c
    assert rows["a"].average_rank == pytest.approx(1.75)
    assert rows["a"].average_score == pytest.approx(0.45)
    assert rows["b"].ranks == (2, 1)
    assert [row.name for row in combined.rows] == ["b", "a", "c"]  # 1.5, 1.75, 2.75


def test_variants_that_differ_have_ranks_but_no_average(
    workspace: Workspace, pair: tuple[ExperimentRow, ExperimentRow]
) -> None:
    smaller = made(workspace, {"a": [0.8, 0.6], "b": [0.5, 0.5]}, "small")
    combined = across(workspace, (smaller, pair[1]))
    assert combined.reasons == (
        "One variant has no score on all of them, so that averages would be over different datasets.",
    )
    assert combined.rows[-1].name == "c"
    assert (combined.rows[-1].ranks, combined.rows[-1].average_rank) == ((None, 2.5), None)


def test_why_there_is_no_average(workspace: Workspace, pair: tuple[ExperimentRow, ExperimentRow]) -> None:
    one, other = pair
    again = made(workspace, {"a": [0.8, WAITING], "b": [0.5, 0.5], "c": [0.1, 0.1]}, "again")
    reasons = across(workspace, (one, again)).reasons
    assert "More than one of them is over tiny, which would count that often." in reasons
    assert "Not finished: again." in reasons
    board, newer = across(workspace, (one, other)).boards
    older = dataclasses.replace(other, spec=dataclasses.replace(other.spec, policy=0))
    (reason,) = beside(newer.measure, (board, dataclasses.replace(newer, experiment=older))).reasons
    assert reason == "They were scored under different ranking policies: 0, 1."


def test_what_cannot_stand_beside_each_other_is_refused(
    workspace: Workspace, pair: tuple[ExperimentRow, ExperimentRow]
) -> None:
    one, other = pair
    with pytest.raises(InvalidInputError, match="name two or more"):
        across(workspace, [one])
    with pytest.raises(
        InvalidInputError, match=r"not all of one, two computed AP; they share nDCG@10, RR@10"
    ):
        across(workspace, pair, "AP")
    without = dataclasses.replace(other, spec=dataclasses.replace(other.spec, measures=("AP",)))
    assert service.shared_measures((one, without)) == ()
    with pytest.raises(InvalidInputError, match="they share no measure"):
        across(workspace, (one, without))
