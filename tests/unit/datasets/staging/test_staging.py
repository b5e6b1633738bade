"""Staging collects every defect; publishing stores a dataset without any, or nothing."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.canonical import CORPUS_FILE, QRELS_FILE, QUERIES_FILE
from evaluator.datasets.findings import EXAMPLE_CHARACTERS, Finding
from evaluator.datasets.health.report import HealthReport, examine, examine_stored
from evaluator.datasets.source import Place
from evaluator.datasets.staging.stage import Staged, publish, stage
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Document, ImportNote, Judgment, Query
from evaluator.domain.fingerprint import fingerprint_set, row_digest
from evaluator.errors import DatasetError
from tests.unit.datasets.folders import stored_files
from tests.unit.datasets.sources import DOCUMENTS, JUDGMENTS, QUERIES, Rows, documents, judgments, queries


def only(staged: Staged) -> Finding:
    (finding,) = staged.defects
    return finding


def ids(staged: Staged, file: str, column: str) -> list[str]:
    values: list[str] = pq.read_table(staged.folder / file)[column].to_pylist()
    return values


def refusal(staged: Staged, store: ArtifactStore) -> str:
    """The message with which publishing fails; nothing may be stored."""
    with pytest.raises(DatasetError) as refused:
        publish(staged, store)
    assert stored_files(store) == set()
    return str(refused.value)


class TestWithoutDefects:
    def test_a_dataset_is_published_as_staged(self, tmp_path: Path, store: ArtifactStore) -> None:
        staged = stage(Rows(), tmp_path / "staged")
        assert staged.defects == ()
        assert publish(staged, store) == staged.manifest
        dataset = StoredDataset.open(store, publish(staged, store).fingerprint)
        assert tuple(dataset.documents()) == DOCUMENTS
        assert dataset.queries == QUERIES
        assert dataset.qrels == {"q1": {"d1": 1}}

    def test_fingerprints_are_stable(self, tmp_path: Path) -> None:
        staged = stage(Rows(), tmp_path)
        assert staged.manifest
        assert (staged.manifest.corpus, staged.manifest.queries) == ("8a7c432875d3c645", "a35e1dbf519454e3")
        assert staged.manifest.qrels == "06d39641d5d95361"
        assert staged.manifest.fingerprint == "1bfe6f681cb9ebb1"

    def test_the_choice_of_files_is_noted(self, tmp_path: Path) -> None:
        note = ImportNote("other-splits", 1, "only test.tsv is used", ("dev.tsv",))
        staged = stage(Rows(notes_=[note]), tmp_path)
        assert staged.manifest and staged.manifest.notes == (note,)

    def test_progress_counts_rows_of_the_corpus(self, tmp_path: Path) -> None:
        reports: list[int] = []
        rows = [Document(f"d{n}", "", "text") for n in range(1500)]
        stage(Rows([*rows, "broken"]), tmp_path, on_progress=reports.append)
        assert reports == [1000, 1501]


class TestUnreadableRows:
    def test_unreadable_rows_are_counted_with_their_places_and_left_out(self, tmp_path: Path) -> None:
        rows = Rows([*DOCUMENTS, "no text", "no id"], [*QUERIES, "empty"], ["half a line", *JUDGMENTS])
        staged = stage(rows, tmp_path)
        finding = only(staged)
        assert (finding.code, finding.severity, finding.count) == ("unreadable-rows", "blocking", 4)
        assert finding.message == (
            "4 rows cannot be read: 2 rows of corpus.jsonl, 1 row of queries.jsonl, 1 row of qrels/test.tsv"
        )
        assert finding.examples == (  # each file gets a word in
            "corpus.jsonl:3: no text",
            "queries.jsonl:2: empty",
            "qrels/test.tsv:1: half a line",
            "corpus.jsonl:4: no id",
        )
        assert ids(staged, CORPUS_FILE, "doc_id") == ["d1", "d2"]
        assert ids(staged, QUERIES_FILE, "query_id") == ["q1"]
        assert ids(staged, QRELS_FILE, "doc_id") == ["d1"]

    def test_a_row_that_two_parts_read_counts_once(self, tmp_path: Path) -> None:
        place = Place("queries.jsonl", 2)
        row = (place, DatasetError("queries.jsonl:2: relevantDocs is no list"))
        staged = stage(Rows(queries_=[*QUERIES, "broken"], judgments_=[*JUDGMENTS, row]), tmp_path)
        assert only(staged).count == 1

    def test_files_that_cannot_be_read_at_all_are_named(self, tmp_path: Path) -> None:
        broken = [(Place(f"{n}.pdf"), DatasetError(f"{n}.pdf: encrypted")) for n in range(7)]
        finding = only(stage(Rows([*DOCUMENTS, *broken]), tmp_path))
        assert finding.message == "7 rows cannot be read: 0.pdf, 1.pdf, 2.pdf, 3.pdf, 4.pdf, 2 more files"
        assert finding.examples == tuple(f"{n}.pdf: encrypted" for n in range(5))

    def test_examples_are_few_and_short(self, tmp_path: Path) -> None:
        finding = only(stage(Rows([*DOCUMENTS, *["x" * 10_000] * 100]), tmp_path))
        assert finding.count == 100
        assert [len(example) for example in finding.examples] == [EXAMPLE_CHARACTERS] * 5


class TestDefectsOfSeveralRows:
    def test_of_rows_with_one_id_the_first_stays(self, tmp_path: Path) -> None:
        again = [Document("d1", "", "other"), Document("d1", "", "third")]
        staged = stage(Rows([*DOCUMENTS, *again], [*QUERIES, *QUERIES]), tmp_path)
        finding = only(staged)
        assert (finding.code, finding.count) == ("repeated-ids", 3)
        advice = "give each its own id, or remove one"
        assert finding.examples == (
            f"corpus.jsonl:3: the document id 'd1' is already at corpus.jsonl:1; {advice}",
            f"corpus.jsonl:4: the document id 'd1' is already at corpus.jsonl:1; {advice}",
            f"queries.jsonl:2: the query id 'q1' is already at queries.jsonl:1; {advice}",
        )
        assert pq.read_table(staged.folder / CORPUS_FILE)["text"].to_pylist() == [
            "first document",
            "second document",
        ]

    def test_of_contradictory_grades_the_first_stays(self, tmp_path: Path) -> None:
        staged = stage(Rows(judgments_=judgments("q1 d1 1", "q1 d2 0", "q1 d1 2", "q1 d2 0")), tmp_path)
        finding = only(staged)
        assert (finding.code, finding.count) == ("contradictory-grades", 1)
        assert finding.examples == (
            "qrels/test.tsv:3: 'q1' gives 'd1' the grade 2, but 1 at qrels/test.tsv:1; keep one of the two",
        )
        assert pq.read_table(staged.folder / QRELS_FILE)["grade"].to_pylist() == [1, 0]

    @pytest.mark.parametrize(
        ("rows", "code"),
        [(Rows(documents_=[]), "no-documents"), (Rows(queries_=[]), "no-queries")],
        ids=["documents", "queries"],
    )
    def test_without_documents_or_queries_there_is_nothing_to_store(
        self, tmp_path: Path, rows: Rows, code: str
    ) -> None:
        staged = stage(rows, tmp_path)
        assert staged.manifest is None
        assert only(staged).code == code

    @pytest.mark.parametrize(
        ("written", "reason"),
        [
            (["other d1 1"], "none of the judgments names a query that is there"),
            (["q1 d1 0", "q1 d2 -1"], "every grade is below 1"),
            (
                ["q1 gone 1", "q1 d1 0"],
                "the judgments call none of its documents relevant, only missing ones",
            ),
        ],
    )
    def test_judgments_without_a_relevant_document_are_refused(
        self, tmp_path: Path, store: ArtifactStore, written: list[str], reason: str
    ) -> None:
        staged = stage(Rows(judgments_=judgments(*written)), tmp_path / "staged")
        assert (only(staged).code, only(staged).count) == ("nothing-relevant", len(written))
        assert f"no query has a relevant document: {reason}" in refusal(staged, store)

    def test_no_judgments_at_all_are_allowed(self, tmp_path: Path, store: ArtifactStore) -> None:
        assert publish(stage(Rows(judgments_=[]), tmp_path / "staged"), store).n_judgments == 0


class TestRefusal:
    def test_a_single_defect_is_the_message(self, tmp_path: Path, store: ArtifactStore) -> None:
        staged = stage(
            Rows([*DOCUMENTS, "_id is missing; give every row the field _id"]), tmp_path / "staged"
        )
        assert refusal(staged, store) == "corpus.jsonl:3: _id is missing; give every row the field _id"

    def test_of_several_defects_the_first_is_the_message_and_the_others_are_counted(
        self, tmp_path: Path, store: ArtifactStore
    ) -> None:
        rows = Rows(
            documents(d1="a") * 2 + ["broken"] * 1200, queries(q1="a"), judgments("q1 d1 1", "q1 d1 2")
        )
        assert refusal(stage(rows, tmp_path / "staged"), store) == (
            "corpus.jsonl:2: the document id 'd1' is already at corpus.jsonl:1; give each its own id, or remove one "
            "(and 1,201 more)"
        )

    def test_when_no_row_can_be_read_the_rows_are_the_reason(
        self, tmp_path: Path, store: ArtifactStore
    ) -> None:
        staged = stage(Rows(["broken"]), tmp_path / "staged")
        assert staged.manifest is None
        assert refusal(staged, store) == "corpus.jsonl:1: broken"

    def test_queries_in_rows_that_cannot_be_read_are_missing_too(self, tmp_path: Path) -> None:
        staged = stage(Rows(["broken"], [], []), tmp_path)  # one table of queries and their documents
        assert staged.defects[1].message == (
            "the dataset has no queries: none of its rows can be read; fix them"
        )

    def test_an_empty_dataset_lacks_documents_and_queries(self, tmp_path: Path) -> None:
        staged = stage(Rows([], [], []), tmp_path)
        assert [finding.code for finding in staged.defects] == ["no-documents", "no-queries"]
        assert staged.defects[0].message == (
            "the dataset has no documents: its corpus file is empty; add at least one"
        )
        assert ids(staged, CORPUS_FILE, "doc_id") == []


def test_a_row_of_several_documents_may_repeat_an_id(tmp_path: Path) -> None:
    place = Place("corpus.jsonl", 1)
    rows = [(place, document) for document in documents(d1="a") * 2]
    assert only(stage(Rows(rows), tmp_path)).code == "repeated-ids"


def test_a_query_keeps_its_tags(tmp_path: Path) -> None:
    staged = stage(Rows(queries_=[Query("q1", "text", ("easy", "short"))]), tmp_path)
    assert pq.read_table(staged.folder / QUERIES_FILE)["tags"].to_pylist() == [["easy", "short"]]


some_ids = st.sampled_from(["a", "b", "c"])
any_rows = st.builds(
    Rows,
    st.lists(st.builds(Document, some_ids, st.just(""), st.sampled_from(["", "x", "y"])) | st.just("broken")),
    st.lists(st.builds(Query, some_ids, st.sampled_from(["x", "y"])) | st.just("broken")),
    st.lists(st.builds(Judgment, some_ids, some_ids, st.integers(-1, 2)) | st.just("broken")),
)


@given(any_rows)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_rows_are_stored_completely_or_refused_with_a_reason(rows: Rows) -> None:
    with tempfile.TemporaryDirectory() as name:
        store = ArtifactStore(f"{name}/store")
        staged = stage(rows, Path(name) / "staged")
        report = examine(staged)
        assert HealthReport.from_json(json.loads(json.dumps(report.to_json()))) == report
        assert report.n_documents == len({row.doc_id for row in rows.documents_ if isinstance(row, Document)})
        try:
            manifest = publish(staged, store)
        except DatasetError:
            assert report.blocking
            assert stored_files(store) == set()
        else:
            assert not report.blocking
            assert examine_stored(StoredDataset.open(store, manifest.fingerprint)) == report


def test_documents_that_a_query_excludes_are_part_of_the_queries(tmp_path: Path) -> None:
    """Without any, the fingerprint is that of earlier versions; their order does not count."""
    plain = stage(Rows(), tmp_path / "plain").manifest
    first = stage(Rows(queries_=[Query("q1", "first query", (), ("d2", "d3"))]), tmp_path / "one").manifest
    second = stage(Rows(queries_=[Query("q1", "first query", (), ("d3", "d2"))]), tmp_path / "two").manifest
    assert plain is not None
    assert first is not None
    assert second is not None
    assert first.queries == second.queries != plain.queries
    assert plain.queries == fingerprint_set([row_digest("q1", "first query")])
    (note,) = [note for note in first.notes if note.code == "excluded-documents"]
    assert (note.count, note.examples) == (1, ("q1",))
