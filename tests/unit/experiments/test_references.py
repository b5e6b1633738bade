"""Which experiment is meant: by id, by name, by the beginning of an id; and an error where that is not clear."""

from __future__ import annotations

import dataclasses

import pytest

from evaluator.domain.records import ExperimentRow
from evaluator.errors import AmbiguousNameError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.experiments.references import LISTED, meant
from evaluator.judging.judgments import edit
from evaluator.library import catalog
from evaluator.store.status import change_status
from evaluator.workspace.workspace import Workspace
from tests.recorded import dataset_id
from tests.unit.finished import submitted


def id_of(workspace: Workspace, name: str, *variants: str) -> str:
    return submitted(workspace, "tiny", variants or ("bm25",), name).id


def test_an_exact_name_wins_over_the_beginning_of_an_id(workspace: Workspace) -> None:
    """`delete e5` must not reach an experiment whose id happens to begin with e5."""
    other = id_of(workspace, "another")
    named = id_of(workspace, other[:2])
    id_of(workspace, "another")  # submitted again: it is the newest
    assert lifecycle.find(workspace, other[:2]).id == named
    assert lifecycle.find(workspace, other).id == other


def test_an_exact_id_wins_over_a_name(workspace: Workspace) -> None:
    one = id_of(workspace, "one")
    id_of(workspace, one)
    assert lifecycle.find(workspace, one).name == "one"


def test_several_of_one_name_are_listed(workspace: Workspace) -> None:
    ids = [id_of(workspace, "look", *("a", "b", "c")[: n + 1]) for n in range(2)]
    with pytest.raises(
        AmbiguousNameError, match="2 experiments are called 'look'; give the id of one"
    ) as told:
        lifecycle.find(workspace, "look")
    assert told.value.candidates == tuple(reversed(ids))  # the newest first
    assert all(f"{id_} (look on tiny, 20" in str(told.value) for id_ in ids)


def test_one_experiment_under_several_judgments_is_the_newest_of_them(workspace: Workspace) -> None:
    first = submitted(workspace, "tiny")
    change_status(workspace.database, first.id, "complete")
    for grade in (1, 2):
        edit(workspace, dataset_id(workspace, "tiny"), {("q0", "d3"): grade})
    rows = lifecycle.all_experiments(workspace)
    assert [row.name for row in rows] == ["look"] * 3
    assert lifecycle.find(workspace, "look") == rows[0]
    assert rows[0].spec.qrels == catalog.find(workspace, "tiny").manifest.qrels
    with pytest.raises(AmbiguousNameError):
        lifecycle.find(workspace, "look", beginnings=False)


def test_a_beginning_must_fit_one_id_only(workspace: Workspace) -> None:
    rows = [row_like(workspace, id_) for id_ in ("ab12", "ab34", "cd56")]
    assert meant(rows, "c").id == "cd56"
    with pytest.raises(AmbiguousNameError, match="2 experiments have an id that begins with 'ab'"):
        meant(rows, "ab")
    with pytest.raises(UnknownNameError, match="there are: look"):
        meant(rows, "")


def test_of_many_candidates_some_are_counted(workspace: Workspace) -> None:
    rows = [row_like(workspace, f"ab{n}") for n in range(LISTED + 3)]
    with pytest.raises(AmbiguousNameError, match=r"ab7 \([^)]*\) and 3 more$"):
        meant(rows, "look")


def test_a_beginning_will_not_do_for_what_cannot_be_undone(workspace: Workspace) -> None:
    id_ = id_of(workspace, "look")
    assert lifecycle.find(workspace, id_[:4]).id == id_
    with pytest.raises(UnknownNameError, match=f"give a whole id, not its beginning: {id_}"):
        lifecycle.find(workspace, id_[:4], beginnings=False)
    assert lifecycle.find(workspace, id_, beginnings=False).id == id_
    assert lifecycle.find(workspace, "look", beginnings=False).id == id_


def test_without_a_reference_it_is_the_last_submitted(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="there is no experiment yet"):
        lifecycle.find(workspace)
    id_of(workspace, "before")
    assert lifecycle.find(workspace).id == lifecycle.all_experiments(workspace)[0].id
    assert id_of(workspace, "after") == lifecycle.find(workspace).id


def row_like(workspace: Workspace, id_: str) -> ExperimentRow:
    """The row of an experiment `look` of that id, over documents of its own."""
    if not lifecycle.all_experiments(workspace):
        id_of(workspace, "look")
    row = lifecycle.find(workspace, "look")
    return dataclasses.replace(row, id=id_, spec=dataclasses.replace(row.spec, corpus=id_))
