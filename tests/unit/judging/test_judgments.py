"""Editing judgments makes a version of the dataset; nothing else of it changes."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.domain.access import MAIN
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.judging.judgments import Changes, edit, edited, in_words
from evaluator.library import catalog
from evaluator.store import datasets
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.recorded import dataset_id


@pytest.fixture
def tiny(library: Workspace, write_dataset: WriteDataset) -> Workspace:
    """A workspace with the dataset `tiny`: q0 to q9, each with one relevant document."""
    catalog.import_folder(library, write_dataset())
    return library


def test_an_edit_is_the_next_version(tiny: Workspace) -> None:
    before = catalog.find(tiny, "tiny")
    row = edit(
        tiny,
        dataset_id(tiny, "tiny"),
        {("q0", "d0"): None, ("q0", "d3"): 2, ("q1", "d1"): 0},
        " checked by two people ",
    )
    qrels = catalog.load(tiny, row).qrels
    assert (qrels["q0"], qrels["q1"], qrels["q2"]) == ({"d3": 2}, {"d1": 0}, {"d2": 1})
    assert row.version == 2
    assert (row.manifest.corpus, row.manifest.queries) == (before.manifest.corpus, before.manifest.queries)
    assert row.manifest.qrels != before.manifest.qrels
    assert row.manifest.n_judgments == 10
    newest, _ = catalog.versions(tiny, dataset_id(tiny, "tiny"))
    assert newest.change == "1 judgment added, 1 changed, 1 removed: checked by two people"


def test_an_edit_has_the_fingerprint_of_an_import_of_the_same_judgments(
    tiny: Workspace, write_dataset: WriteDataset
) -> None:
    judged = {number: {number: 1} for number in range(1, 10)}
    imported = catalog.import_folder(tiny, write_dataset("same", qrels={**judged, 0: {5: 3}}))
    row = edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d0"): None, ("q0", "d5"): 3})
    assert row.manifest == imported.manifest


def test_the_notes_are_those_of_the_new_judgments(tiny: Workspace) -> None:
    assert catalog.find(tiny, "tiny").manifest.notes == ()
    row = edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d0"): None, ("q1", "d1"): -1})
    notes = {note.code: note.examples for note in row.manifest.notes}
    assert notes == {"unjudged-queries": ("q0",), "no-relevant-document": ("q1",)}
    nothing = edit(tiny, dataset_id(tiny, "tiny"), {(f"q{n}", f"d{n}"): None for n in range(1, 10)})
    assert [note.code for note in nothing.manifest.notes] == ["no-judgments"]
    assert (
        edit(tiny, dataset_id(tiny, "tiny"), {(f"q{n}", f"d{n}"): 1 for n in range(10)}).manifest.notes == ()
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({("q99", "d0"): 1}, "no query with the id 'q99'"),
        ({("q0", "d99"): 1}, "no document with the id 'd99'"),
        ({(f"q{n}", f"d{n}"): 0 for n in range(10)} | {("q1", "d2"): 0}, "no query has a relevant document"),
        ({("q0", "d1"): 2**31}, "the grade 2147483648 of 'd1' for 'q0' is out of range"),
    ],
)
def test_a_refused_edit_changes_nothing(tiny: Workspace, changes: Changes, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        edit(tiny, dataset_id(tiny, "tiny"), {("q1", "d2"): 1, **changes})
    assert catalog.find(tiny, "tiny").version == 1
    with pytest.raises(UnknownNameError):
        edit(tiny, dataset_id(tiny, "elsewhere"), changes)


def test_a_judgment_of_a_document_that_the_corpus_lacks_can_be_taken_away(
    library: Workspace, write_dataset: WriteDataset
) -> None:
    catalog.import_folder(library, write_dataset(qrels={0: {0: 1, 99: 1}}))
    row = edit(library, dataset_id(library, "tiny"), {("q0", "d99"): None})
    assert catalog.load(library, row).qrels == {"q0": {"d0": 1}}


def test_an_edit_without_changes_creates_no_version(tiny: Workspace) -> None:
    assert edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d0"): 1, ("q0", "d7"): None}).version == 1


def test_edits_of_two_people_both_count(tiny: Workspace) -> None:
    edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d1"): 1})
    row = edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d2"): 1})
    assert catalog.load(tiny, row).qrels["q0"] == {"d0": 1, "d1": 1, "d2": 1}
    back = edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d1"): None, ("q0", "d2"): None})
    first = catalog.versions(tiny, dataset_id(tiny, "tiny"))[-1]
    assert (back.version, back.manifest) == (4, first.manifest)


def test_an_edit_keeps_whether_a_query_finds_itself(tiny: Workspace) -> None:
    manifest = dataclasses.replace(catalog.find(tiny, "tiny").manifest, exclude_self=True)
    tiny.store.put_json(f"datasets/{manifest.fingerprint}.json", manifest.to_json())
    datasets.save_dataset(tiny.database, MAIN, "tiny", manifest, "here")
    assert edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d1"): 1}).manifest.exclude_self


PAIRS = st.tuples(st.sampled_from(["q0", "q1"]), st.sampled_from(["d0", "d1", "d2"]))


@given(
    before=st.dictionaries(PAIRS, st.integers(-1, 2)),
    changes=st.dictionaries(PAIRS, st.none() | st.integers(-1, 2)),
)
def test_edited_judgments_are_those_before_with_the_changes(
    before: dict[tuple[str, str], int], changes: dict[tuple[str, str], int | None]
) -> None:
    qrels = edited({}, before)
    after = edited(qrels, changes)
    pairs = {(query_id, doc_id): grade for query_id, docs in after.items() for doc_id, grade in docs.items()}
    assert pairs == {pair: grade for pair, grade in {**before, **changes}.items() if grade is not None}
    assert all(after.values())
    if after != qrels:
        assert in_words(qrels, changes)
