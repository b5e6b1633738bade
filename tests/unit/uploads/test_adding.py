"""Uploads that add queries and judgments to a stored dataset."""

from __future__ import annotations

import dataclasses

import pytest

from evaluator.domain.records import DatasetRow
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.library import catalog, queries
from evaluator.library.queries import NewQuery
from evaluator.uploads import uploads
from evaluator.workspace.workspace import Workspace
from tests.unit.uploads.sending import CORPUS, checked, recognised, send, settled

GOLDEN = b"question,expected\nwhich is first,d1\nwhich is second,d2\n"


@pytest.fixture
def alone(workspace: Workspace) -> DatasetRow:
    """Two documents, stored by an upload without queries."""
    upload = recognised(workspace, corpus_jsonl=CORPUS)
    state = uploads.state(workspace, upload)
    assert state.recognised is not None
    assert [option.changes for doubt in state.recognised.doubts for option in doubt.options] == [
        {"queries": None}
    ]
    uploads.check(workspace, upload, state.certain({"queries": None}), exclude_self=False)
    assert settled(workspace, upload).status == "checked"
    return uploads.store(workspace, upload, "mine")


def arrived(workspace: Workspace, name: str, content: bytes) -> str:
    """A recognised upload of one file that adds to the dataset `mine`."""
    upload = uploads.create(workspace, adds_to="mine")
    send(workspace, upload, name, content)
    uploads.recognise(workspace, upload)
    assert settled(workspace, upload).status == "recognised"
    return upload


def test_documents_first_then_queries_and_judgments(workspace: Workspace, alone: DatasetRow) -> None:
    upload = arrived(workspace, "golden.csv", GOLDEN)
    state = checked(workspace, upload)
    assert (state.adds_to, [item.place for item in state.unused]) == (alone.id, [])
    assert state.report is not None
    assert (state.report.n_documents, state.report.n_queries, state.report.n_judgments) == (2, 2, 2)
    row = uploads.store(workspace, upload, "")
    assert (row.name, row.version, row.manifest.n_judgments) == ("mine", 2, 2)
    assert row.source == alone.source  # as when a command adds; the provenance names the new files
    assert catalog.versions(workspace, row.id)[0].change == "2 queries and 2 judgments added from files"
    found = catalog.provenance(workspace, row)
    assert found is not None
    assert [file.name for file in found[1].files] == ["golden.csv", "stored dataset/corpus.parquet"]


def test_files_that_add_nothing_are_refused(workspace: Workspace, alone: DatasetRow) -> None:
    uploads_of_the_same = [arrived(workspace, "golden.csv", GOLDEN) for _ in range(2)]
    checked(workspace, uploads_of_the_same[0])
    uploads.store(workspace, uploads_of_the_same[0], "")
    again = arrived(workspace, "golden.csv", GOLDEN)
    assert checked(workspace, again).status == "checked"
    with pytest.raises(InvalidInputError, match="the files add nothing: the dataset has all"):
        uploads.store(workspace, again, "")


def test_a_dataset_that_changed_meanwhile_loses_nothing(workspace: Workspace, alone: DatasetRow) -> None:
    """The check read the dataset as it was: what somebody added since would be missing."""
    upload = arrived(workspace, "golden.csv", GOLDEN)
    checked(workspace, upload)
    queries.add(workspace, alone.id, [NewQuery("something else")])
    with pytest.raises(InvalidInputError, match="'mine' has changed since these files were looked at"):
        uploads.store(workspace, upload, "")
    uploads.recognise(workspace, upload)
    settled(workspace, upload)
    checked(workspace, upload)
    assert uploads.store(workspace, upload, "").manifest.n_queries == 3


def test_a_person_may_read_the_files_in_another_way(workspace: Workspace, alone: DatasetRow) -> None:
    upload = arrived(workspace, "golden.csv", GOLDEN)
    state = uploads.state(workspace, upload)
    assert state.recognised is not None
    assert state.recognised.reading is not None
    uploads.check(workspace, upload, dataclasses.replace(state.recognised.reading, qrels=None), False)
    assert settled(workspace, upload).status == "checked"
    assert uploads.store(workspace, upload, "").manifest.n_judgments == 0


def test_an_unknown_dataset(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="no dataset is called 'none'"):
        uploads.create(workspace, adds_to="none")
