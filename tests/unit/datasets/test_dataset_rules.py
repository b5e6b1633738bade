"""One example for each rule of docs/datasets.md; those that every format shares run in every format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import DatasetManifest, ImportNote
from evaluator.errors import DatasetError
from tests.unit.datasets.folders import WriteDataset, stored_files, write_objects


def stored(folder: Path, store: ArtifactStore) -> StoredDataset:
    return StoredDataset.open(store, import_dataset(folder, store).fingerprint)


def refusal(folder: Path, store: ArtifactStore) -> str:
    """The message of an import that fails, after which nothing may be stored."""
    with pytest.raises(DatasetError) as refused:
        import_dataset(folder, store)
    assert stored_files(store) == set()
    return str(refused.value)


def note(manifest: DatasetManifest, code: str) -> ImportNote:
    (noted,) = [note for note in manifest.notes if note.code == code]
    return noted


class TestEveryFormat:
    def test_a_clean_dataset_has_no_notes(self, write_dataset: WriteDataset, store: ArtifactStore) -> None:
        manifest = import_dataset(write_dataset(), store)
        assert (manifest.n_documents, manifest.n_queries, manifest.n_judgments) == (2, 1, 1)
        assert manifest.notes == ()

    def test_whole_numbers_are_ids(self, write_dataset: WriteDataset, store: ArtifactStore) -> None:
        dataset = stored(
            write_dataset(documents=[(7, "seven")], queries=[(8, "eight")], judgments=[(8, 7, 1)]), store
        )
        assert dataset.doc_ids == ["7"]
        assert dataset.qrels == {"8": {"7": 1}}

    @pytest.mark.parametrize(
        ("doc_id", "reason"),
        [
            (1.5, "is 1.5, which is of type float"),
            (True, "is True, which is of type bool"),
            (None, "is missing"),
            (["a"], "which is of type list"),
            ("", "is empty"),
            ("a b", "contains white space"),
            ("a\u2003b", "contains white space"),
            ("\u200b\t", "is empty"),
            ("a\0b", "contains a NUL character"),
            ("a\ud800", "half of a surrogate pair"),
        ],
    )
    def test_other_ids_are_refused(
        self, write_dataset: WriteDataset, store: ArtifactStore, doc_id: object, reason: str
    ) -> None:
        message = refusal(write_dataset(documents=[("d1", "first"), (doc_id, "second")]), store)
        assert ".jsonl:2: " in message
        assert reason in message

    @pytest.mark.parametrize("text", [None, 7, ["a", "b"], "lone \udfff surrogate"])
    def test_other_texts_are_refused(
        self, write_dataset: WriteDataset, store: ArtifactStore, text: object
    ) -> None:
        assert ".jsonl:1: " in refusal(write_dataset(documents=[("d1", text)]), store)

    def test_a_document_id_used_twice_is_refused_with_both_lines(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        message = refusal(write_dataset(documents=[("d1", "a"), ("d2", "b"), ("d1", "c")]), store)
        assert ".jsonl:3: the document id 'd1' is already at" in message
        assert ".jsonl:1; give each its own id" in message

    def test_a_query_id_used_twice_is_refused_with_both_lines(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        message = refusal(write_dataset(queries=[("q1", "a"), ("q1", "b")]), store)
        assert "queries.jsonl:2: the query id 'q1' is already at queries.jsonl:1" in message

    def test_a_query_without_text_is_refused(self, write_dataset: WriteDataset, store: ArtifactStore) -> None:
        assert "queries.jsonl:1: the query's" in refusal(write_dataset(queries=[("q1", " \n")]), store)

    def test_all_defects_are_counted(self, write_dataset: WriteDataset, store: ArtifactStore) -> None:
        folder = write_dataset(documents=[("d1", "a"), ("d1", "b"), ("d2", 7), ("d3", None)])
        assert refusal(folder, store).endswith("(and 2 more)")

    def test_an_empty_corpus_is_refused(self, write_dataset: WriteDataset, store: ArtifactStore) -> None:
        assert "has no documents" in refusal(write_dataset(documents=[]), store)

    def test_a_dataset_without_queries_is_refused(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        assert "has no queries" in refusal(write_dataset(queries=[]), store)

    def test_a_document_without_text_is_kept_and_noted(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        manifest = import_dataset(write_dataset(documents=[("d1", "a"), ("d2", ""), ("d3", " ")]), store)
        assert manifest.n_documents == 3
        noted = note(manifest, "empty-documents")
        assert (noted.count, noted.examples) == (2, ("d2", "d3"))

    def test_a_query_without_judgment_is_kept_and_noted(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        manifest = import_dataset(write_dataset(queries=[("q1", "a"), ("q2", "b")]), store)
        assert manifest.n_queries == 2
        assert note(manifest, "unjudged-queries").examples == ("q2",)

    def test_a_query_with_nothing_relevant_is_kept_and_noted(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        folder = write_dataset(
            queries=[("q1", "a"), ("q2", "b")],
            judgments=[("q1", "d1", 0), ("q1", "d2", -1), ("q2", "d1", 1)],
        )
        manifest = import_dataset(folder, store)
        assert manifest.n_judgments == 3
        assert note(manifest, "no-relevant-document").examples == ("q1",)

    def test_judgments_without_anything_relevant_are_refused(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        message = refusal(write_dataset(judgments=[("q1", "d1", 0), ("q1", "d2", -1)]), store)
        assert message.startswith("no query has a relevant document: every grade is below 1")

    def test_a_dataset_without_judgments_is_kept_and_noted(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        dataset = stored(write_dataset(judgments=[]), store)
        assert dataset.qrels == {}
        assert [note.code for note in dataset.manifest.notes] == ["no-judgments"]

    def test_judgments_of_unknown_documents_are_kept_and_noted(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        dataset = stored(write_dataset(judgments=[("q1", "d1", 1), ("q1", "gone", 2)]), store)
        assert dataset.qrels == {"q1": {"d1": 1, "gone": 2}}
        assert note(dataset.manifest, "unknown-documents").examples == ("gone",)

    def test_a_repeated_judgment_counts_once_and_is_noted(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        manifest = import_dataset(write_dataset(judgments=[("q1", "d1", 1), ("q1", "d1", 1)]), store)
        assert manifest.n_judgments == 1
        assert note(manifest, "repeated-judgments").examples == ("q1 d1",)

    def test_a_repeated_judgment_with_another_grade_is_refused(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        message = refusal(write_dataset(judgments=[("q1", "d1", 1), ("q1", "d1", 2)]), store)
        assert "'q1' gives 'd1' the grade 2, but 1 at " in message

    @pytest.mark.parametrize("exclude_self", [True, False])
    def test_an_id_of_both_a_query_and_a_document_is_noted(
        self, write_dataset: WriteDataset, store: ArtifactStore, exclude_self: bool
    ) -> None:
        folder = write_dataset(
            documents=[("7", "a"), ("8", "b")], queries=[("7", "c")], judgments=[("7", "8", 1)]
        )
        manifest = import_dataset(folder, store, exclude_self=exclude_self)
        assert manifest.exclude_self is exclude_self
        assert note(manifest, "self-ids").examples == ("7",)

    @pytest.mark.parametrize(("written", "grade"), [(3, 3), (-1, -1), (1.0, 1), ("2", 2), ("1.0", 1)])
    def test_grades_are_whole_numbers(
        self, write_dataset: WriteDataset, store: ArtifactStore, written: object, grade: int
    ) -> None:
        folder = write_dataset(judgments=[("q1", "d1", written), ("q1", "d2", 1)])
        assert stored(folder, store).qrels == {"q1": {"d1": grade, "d2": 1}}

    @pytest.mark.parametrize("written", [0.5, "0.5", "high", "", None, float("nan"), 2**31, 10**50])
    def test_other_grades_are_refused(
        self, write_dataset: WriteDataset, store: ArtifactStore, written: object
    ) -> None:
        assert "the grade " in refusal(
            write_dataset(judgments=[("q1", "d1", 1), ("q1", "d2", written)]), store
        )

    def test_a_byte_order_mark_crlf_and_blank_lines_change_nothing(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        folder = write_dataset()
        clean = import_dataset(folder, store)
        for path in (path for path in folder.rglob("*") if path.is_file()):
            path.write_bytes(b"\xef\xbb\xbf\r\n" + path.read_bytes().replace(b"\n", b"\r\n \r\n"))
        assert import_dataset(folder, store).fingerprint == clean.fingerprint

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b'{"_id": ', "not valid JSON"),
            (b"[" * 100_000, "not valid JSON"),
            (b'["d3"]', "a JSON object is expected, found a list"),
            (b'{"_id": "caf\x81"}', "byte 13 (0x81) is not UTF-8"),
        ],
        ids=["cut short", "nested too deep", "no object", "no text"],
    )
    def test_lines_that_are_no_json_object_are_refused(
        self, write_dataset: WriteDataset, store: ArtifactStore, line: bytes, reason: str
    ) -> None:
        folder = write_dataset()
        with (folder / "queries.jsonl").open("ab") as file:
            file.write(line + b"\n")
        message = refusal(folder, store)
        assert message.startswith("queries.jsonl:2: ")
        assert reason in message

    def test_unknown_fields_are_ignored(self, write_dataset: WriteDataset, store: ArtifactStore) -> None:
        folder = write_dataset()
        clean = import_dataset(folder, store)
        for path in folder.glob("*.jsonl"):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            write_objects(path, [{**row, "metadata": {"url": 1}, "extra": None} for row in rows])
        assert import_dataset(folder, store).fingerprint == clean.fingerprint

    def test_queries_may_have_tags(self, write_dataset: WriteDataset, store: ArtifactStore) -> None:
        folder = write_dataset()
        row = json.loads((folder / "queries.jsonl").read_text())
        write_objects(folder / "queries.jsonl", [{**row, "tags": ["easy", "short"]}])
        assert stored(folder, store).queries[0].tags == ("easy", "short")

    @pytest.mark.parametrize("tags", ["easy", [1]])
    def test_other_tags_are_refused(
        self, write_dataset: WriteDataset, store: ArtifactStore, tags: object
    ) -> None:
        folder = write_dataset()
        row = json.loads((folder / "queries.jsonl").read_text())
        write_objects(folder / "queries.jsonl", [{**row, "tags": tags}])
        assert "queries.jsonl:1: tags is" in refusal(folder, store)


class TestBeir:
    def test_the_header_may_be_left_out(self, beir: WriteDataset, store: ArtifactStore) -> None:
        folder = beir()
        (folder / "qrels/test.tsv").write_text("q1\td1\t1\nq1\td2\t2\n")
        assert stored(folder, store).qrels == {"q1": {"d1": 1, "d2": 2}}

    def test_a_wrong_grade_in_the_first_line_is_no_header(
        self, beir: WriteDataset, store: ArtifactStore
    ) -> None:
        folder = beir()
        (folder / "qrels/test.tsv").write_text("q1\td1\t0.5\n")
        assert "qrels/test.tsv:1: the grade '0.5'" in refusal(folder, store)

    def test_lines_of_other_than_three_fields_are_refused(
        self, beir: WriteDataset, store: ArtifactStore
    ) -> None:
        folder = beir()
        (folder / "qrels/test.tsv").write_text("q1 d1\n")
        assert "qrels/test.tsv:1: 3 or 4 fields are expected, found 2" in refusal(folder, store)

    def test_judgments_of_unknown_queries_are_left_out_and_noted(
        self, beir: WriteDataset, store: ArtifactStore
    ) -> None:
        dataset = stored(beir(judgments=[("q1", "d1", 1), ("gone", "d1", 1)]), store)
        assert dataset.qrels == {"q1": {"d1": 1}}
        assert note(dataset.manifest, "unknown-queries").examples == ("gone",)

    def test_the_test_split_counts(self, beir: WriteDataset, store: ArtifactStore) -> None:
        folder = beir()
        (folder / "qrels/train.tsv").write_text("q1\td2\t1\n")
        dataset = stored(folder, store)
        assert dataset.qrels == {"q1": {"d1": 1}}
        assert note(dataset.manifest, "other-splits").examples == ("qrels/train.tsv",)

    def test_a_single_split_counts(self, beir: WriteDataset, store: ArtifactStore) -> None:
        folder = beir()
        (folder / "qrels/test.tsv").rename(folder / "qrels/dev.tsv")
        assert stored(folder, store).qrels == {"q1": {"d1": 1}}

    def test_several_splits_without_test_are_refused(self, beir: WriteDataset, store: ArtifactStore) -> None:
        folder = beir()
        (folder / "qrels/test.tsv").rename(folder / "qrels/dev.tsv")
        (folder / "qrels/train.tsv").write_text("q1\td2\t1\n")
        assert "which of dev.tsv, train.tsv in qrels counts is not clear" in refusal(folder, store)

    def test_qrels_without_a_table_are_refused(self, beir: WriteDataset, store: ArtifactStore) -> None:
        folder = beir()
        (folder / "qrels/test.tsv").unlink()
        (folder / "qrels/README.md").write_text("judged by A")
        assert "the folder qrels has no table of judgments" in refusal(folder, store)

    def test_qrels_may_be_missing(self, beir: WriteDataset, store: ArtifactStore) -> None:
        folder = beir()
        (folder / "qrels/test.tsv").unlink()
        (folder / "qrels").rmdir()
        manifest = import_dataset(folder, store)
        assert manifest.n_judgments == 0
        assert note(manifest, "no-judgments").count == 1

    def test_the_title_is_optional(self, beir: WriteDataset, store: ArtifactStore) -> None:
        folder = beir()
        write_objects(
            folder / "corpus.jsonl",
            [
                {"_id": "d1", "text": "a"},
                {"_id": "d2", "title": None, "text": "b"},
                {"_id": "d3", "title": "C", "text": "c"},
            ],
        )
        assert [document.content for document in stored(folder, store).documents()] == ["a", "b", "C c"]

    def test_a_missing_id_on_the_first_line_is_named(self, beir: WriteDataset, store: ArtifactStore) -> None:
        folder = beir()
        write_objects(folder / "corpus.jsonl", [{"key": "d1", "text": "a"}])
        assert refusal(folder, store) == "corpus.jsonl:1: _id is missing; give every row the field _id"


class TestDecisionRecord:
    def test_without_scores_every_grade_is_1(
        self, decision_record: WriteDataset, store: ArtifactStore
    ) -> None:
        folder = decision_record()
        write_objects(folder / "queries.jsonl", [{"id": "q1", "query": "a", "relevantDocs": ["d2", "d1"]}])
        assert stored(folder, store).qrels == {"q1": {"d2": 1, "d1": 1}}

    def test_the_numbers_of_scores_and_documents_must_agree(
        self, decision_record: WriteDataset, store: ArtifactStore
    ) -> None:
        folder = decision_record()
        row = {"id": "q1", "query": "a", "relevantDocs": ["d1", "d2"], "relevanceScores": [1]}
        write_objects(folder / "queries.jsonl", [row])
        assert "queries.jsonl:1: 2 relevantDocs but 1 relevanceScores" in refusal(folder, store)

    def test_a_single_relevant_document_needs_no_list(
        self, decision_record: WriteDataset, store: ArtifactStore
    ) -> None:
        folder = decision_record()
        write_objects(folder / "queries.jsonl", [{"id": "q1", "query": "a", "relevantDocs": {"a": "d1"}}])
        assert "queries.jsonl:1: relevantDocs is {'a': 'd1'}, which is of type dict" in refusal(folder, store)
        write_objects(folder / "queries.jsonl", [{"id": "q1", "query": "a", "relevantDocs": "d1"}])
        assert import_dataset(folder, store).n_judgments == 1

    def test_the_corpus_may_have_either_name(
        self, decision_record: WriteDataset, store: ArtifactStore
    ) -> None:
        folder = decision_record()
        named = import_dataset(folder, store)
        (folder / "documents.jsonl").rename(folder / "corpus.jsonl")
        assert import_dataset(folder, store).fingerprint == named.fingerprint

    def test_two_corpora_are_refused(self, decision_record: WriteDataset, store: ArtifactStore) -> None:
        folder = decision_record()
        write_objects(folder / "corpus.jsonl", [{"id": "d1", "content": "a"}])
        assert "both documents.jsonl and corpus.jsonl" in refusal(folder, store)

    def test_additional_qrels_are_refused(self, decision_record: WriteDataset, store: ArtifactStore) -> None:
        folder = decision_record()
        (folder / "qrels").mkdir()
        assert "there is qrels too" in refusal(folder, store)
