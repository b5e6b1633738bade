"""Queries that are typed, pasted or asked become part of a dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.domain.fingerprint import derived_id
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.judging import judgments
from evaluator.library import catalog
from evaluator.library.health_report import health
from evaluator.library.queries import MAX_QUERIES, NewQuery, add, pasted
from evaluator.workspace.workspace import Workspace
from tests.conftest import BEGINNINGS, WriteDataset, write_beir
from tests.documents_alone import store_alone


def test_new_queries_are_the_next_version(workspace: Workspace) -> None:
    before = catalog.find(workspace, "tiny")
    added = add(
        workspace, before.id, [NewQuery("which way?"), NewQuery("what for?", "n2", ("new",))], "typed"
    )
    row = added.row
    assert (row.version, row.manifest.n_queries, added.n_new) == (2, 12, 2)
    assert added.ids == (derived_id("which way?"), "n2")
    assert (row.manifest.corpus, row.manifest.qrels) == (before.manifest.corpus, before.manifest.qrels)
    assert catalog.versions(workspace, row.id)[0].change == "2 queries added: typed"
    assert catalog.load(workspace, row).queries[-1] == ("n2", "what for?", ("new",), ())
    (unjudged,) = [note for note in row.manifest.notes if note.code == "unjudged-queries"]
    assert unjudged.count == 2


def test_a_query_that_is_there_is_added_once(workspace: Workspace) -> None:
    """By its text if no id is given; a list of known queries makes no version."""
    before = catalog.find(workspace, "tiny")
    added = add(workspace, before.id, [NewQuery(BEGINNINGS[3]), NewQuery(BEGINNINGS[4], "q4")])
    assert (added.ids, added.n_new, added.row) == (("q3", "q4"), 0, before)
    twice = add(workspace, before.id, [NewQuery("again"), NewQuery("again")])
    assert (twice.n_new, twice.row.manifest.n_queries) == (1, 11)
    assert twice.ids == (derived_id("again"),) * 2


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            NewQuery("another", "q0"),
            "the id 'q0' belongs to the query 'wing lift in'; give 'another' another one",
        ),
        (NewQuery("   "), "query 1: .*"),
        (NewQuery("text", "an id"), "query 1: .*white space.*"),
    ],
)
def test_a_wrong_query_changes_nothing(workspace: Workspace, query: NewQuery, message: str) -> None:
    before = catalog.find(workspace, "tiny")
    with pytest.raises(InvalidInputError, match=message):
        add(workspace, before.id, [query, NewQuery("right")])
    assert catalog.find(workspace, "tiny") == before


def test_too_many_queries_come_from_a_file(workspace: Workspace) -> None:
    with pytest.raises(
        InvalidInputError, match="10,001 queries at once are more than 10,000; add them from a file"
    ):
        add(workspace, 1, [NewQuery(str(n)) for n in range(MAX_QUERIES + 1)])


def test_a_note_has_an_end(workspace: Workspace) -> None:
    with pytest.raises(InvalidInputError, match="the note has 501 characters; shorten it to 500"):
        add(workspace, 1, [NewQuery("text")], "n" * 501)


def test_queries_that_a_run_has_no_list_for_are_counted(library: Workspace, tmp_path: Path) -> None:
    """They score 0 in it, and nobody would know why."""
    folder = write_beir(tmp_path / "listed")
    (folder / "theirs.run").write_text("".join(f"q{n} Q0 d{n} 1 0.5 x\n" for n in range(10)))
    row = catalog.import_folder(library, folder)
    assert "queries-without-list" not in {note.code for note in row.manifest.notes}
    row = add(library, row.id, [NewQuery("new", "n1"), NewQuery("newer", "n2")]).row
    (note,) = [note for note in row.manifest.notes if note.code == "queries-without-list"]
    assert (note.count, note.message) == (2, "run theirs: 2 queries without a list")


def test_a_dataset_that_is_gone(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError):
        add(workspace, 99, [NewQuery("text")])


def test_they_can_be_judged(workspace: Workspace) -> None:
    row = catalog.find(workspace, "tiny")
    added = add(workspace, row.id, [NewQuery("flutter of panels", "n1")])
    row = judgments.save(workspace, added.row.id, {("n1", "d3"): 2})
    assert catalog.load(workspace, row).qrels["n1"] == {"d3": 2}


def test_a_pasted_line_is_a_query_or_an_id_and_a_query() -> None:
    assert pasted("one query\n\n  n2\tanother query \r\n") == [
        NewQuery("one query"),
        NewQuery("another query", "n2"),
    ]


def test_a_folder_that_is_read_again_keeps_what_was_added(workspace: Workspace) -> None:
    """As when an experiment file names the folder; judgments that were edited since stay in the same way."""
    folder = Path(catalog.find(workspace, "tiny").source)
    added = add(workspace, catalog.find(workspace, "tiny").id, [NewQuery("which way?", "n1")])
    assert catalog.import_folder(workspace, folder) == added.row
    row = judgments.save(workspace, added.row.id, {("n1", "d3"): 2})
    assert catalog.resolve(workspace, str(folder), allow_paths=True) == row
    assert row.version == 3


def test_after_another_import_the_folder_is_what_it_holds(
    workspace: Workspace, write_dataset: WriteDataset
) -> None:
    before = catalog.find(workspace, "tiny")
    add(workspace, before.id, [NewQuery("which way?")])
    catalog.import_folder(workspace, write_dataset("other", queries=("one query",)), "tiny")
    row = catalog.import_folder(workspace, Path(before.source))
    assert (row.version, row.manifest) == (4, before.manifest)


def test_documents_alone_lose_the_note_on_missing_queries(workspace: Workspace, tmp_path: Path) -> None:
    row = store_alone(workspace, tmp_path / "notes")
    assert [note.code for note in row.manifest.notes] == ["no-queries"]
    row = add(workspace, row.id, [NewQuery("which way?")]).row
    assert [(note.code, note.count) for note in row.manifest.notes] == [("no-judgments", 1)]


def test_the_health_of_documents_alone(workspace: Workspace, tmp_path: Path) -> None:
    report = health(workspace, store_alone(workspace, tmp_path / "notes"))
    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("no-queries", "warning")
    assert finding.consequence == (
        "experiments need queries; add some on the dataset's page, or with `evaluator dataset add`"
    )
    assert (report.n_documents, report.n_queries, report.detectable) == (10, 0, None)
