"""A dataset read from tables: values by the rules, defects once, texts in place of ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, Table
from evaluator.datasets.staging.from_tables import open_source
from evaluator.domain.dataset import Document, Judgment, Query
from evaluator.domain.fingerprint import derived_id
from evaluator.errors import DatasetError

DOCUMENTS, QUERIES, QRELS = (Table(f"{name}.csv", "csv") for name in ("documents", "queries", "qrels"))
ONE = Table("one.csv", "csv")
READING = Reading(
    CorpusPart(DOCUMENTS, ("text",), "id", "title"),
    QueriesPart(QUERIES, "query", "id", "tags"),
    QrelsPart(QRELS, "query", ("document",), ("grade",)),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "documents.csv").write_text("id,title,text\nd1,One,first\nd2,,second\n")
    (tmp_path / "queries.csv").write_text('id,query,tags\nq1,what,"short, easy"\nq2,why,\n')
    (tmp_path / "qrels.csv").write_text("query,document,grade\nq1,d1,2\n")
    return tmp_path


def documents(folder: Path, reading: Reading) -> list[object]:
    return [_shown(row) for _, row in open_source(folder, reading).documents()]


def queries(folder: Path, reading: Reading) -> list[object]:
    return [_shown(row) for _, row in open_source(folder, reading).queries()]


def judgments(folder: Path, reading: Reading) -> list[object]:
    return [_shown(row) for _, row in open_source(folder, reading).judgments()]


def _shown(row: object) -> object:
    return str(row) if isinstance(row, DatasetError) else row


def test_three_tables(folder: Path) -> None:
    assert documents(folder, READING) == [Document("d1", "One", "first"), Document("d2", "", "second")]
    assert queries(folder, READING) == [Query("q1", "what", ("short", "easy")), Query("q2", "why")]
    assert judgments(folder, READING) == [Judgment("q1", "d1", 2)]


def test_without_judgments(folder: Path) -> None:
    assert judgments(folder, Reading(READING.corpus, READING.queries)) == []


def test_a_row_that_breaks_a_rule_becomes_an_error_and_reading_continues(folder: Path) -> None:
    (folder / "documents.csv").write_text("id,title,text\nd 1,,a\nd2,,b\n")
    (folder / "qrels.csv").write_text("query,document,grade\nq1,d1,0.5\nq1,d1,1\n")
    assert documents(folder, READING) == [
        "documents.csv:2: the id 'd 1' in id contains white space; "
        "TREC files could not hold it: write ids without white space, or let the repair encode-ids write it as %20",
        Document("d2", "", "b"),
    ]
    assert judgments(folder, READING) == [
        "qrels.csv:2: the grade '0.5' in grade is not a whole number; "
        "write grades as whole numbers, 1 and more for relevant",
        Judgment("q1", "d1", 1),
    ]


def test_a_missing_column(folder: Path) -> None:
    reading = Reading(CorpusPart(DOCUMENTS, ("body",), "id"), READING.queries)
    assert documents(folder, reading)[0] == "documents.csv:2: body is missing; give every row the field body"


def test_an_absurdly_long_id(folder: Path) -> None:
    (folder / "documents.csv").write_text(f"id,title,text\n{'x' * 5000},,a\n")
    (message,) = documents(folder, READING)
    assert "has 5000 characters; use at most 4096; is id the column of the text?" in str(message)


def test_several_text_columns_are_joined_by_a_blank_line(folder: Path) -> None:
    reading = Reading(CorpusPart(DOCUMENTS, ("title", "text"), "id"), READING.queries)
    assert documents(folder, reading) == [Document("d1", "", "One\n\nfirst"), Document("d2", "", "second")]


def test_whole_numbers_are_the_same_id_wherever_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 7.0, "text": "a"}\n{"id": 8, "text": "b"}\n')
    reading = Reading(CorpusPart(Table("a.jsonl", "jsonl"), ("text",), "id"), READING.queries)
    assert documents(tmp_path, reading) == [Document("7", "", "a"), Document("8", "", "b")]


class TestTextsInPlaceOfIds:
    def test_the_same_text_is_the_same_document(self, tmp_path: Path) -> None:
        (tmp_path / "one.csv").write_text("question,passage\nwho,he  did\nwhy,he did\n")
        reading = Reading(
            CorpusPart(ONE, ("passage",)),
            QueriesPart(ONE, "question"),
            QrelsPart(ONE, "question", ("passage",), query_by="text", document_by="text"),
        )
        he = derived_id("he did")
        assert documents(tmp_path, reading) == [Document(he, "", "he  did")]
        assert judgments(tmp_path, reading) == [
            Judgment(derived_id("who"), he, 1),
            Judgment(derived_id("why"), he, 1),
        ]

    def test_a_text_stands_for_the_id_of_its_query_or_document(self, folder: Path) -> None:
        (folder / "qrels.csv").write_text("query,document\nwhat,second\nwhy,of none\n")
        qrels = QrelsPart(QRELS, "query", ("document",), query_by="text", document_by="text")
        assert judgments(folder, Reading(READING.corpus, READING.queries, qrels)) == [
            Judgment("q1", "d2", 1),
            Judgment("q2", derived_id("of none"), 1),
        ]

    def test_lists_of_passages(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text('{"question": "who", "contexts": ["he", "she"]}\n')
        table = Table("a.jsonl", "jsonl")
        reading = Reading(
            CorpusPart(table, ("contexts",)),
            QueriesPart(table, "question"),
            QrelsPart(table, "question", ("contexts",), query_by="text", document_by="text"),
        )
        assert documents(tmp_path, reading) == [Document(derived_id(t), "", t) for t in ("he", "she")]
        assert len(judgments(tmp_path, reading)) == 2


class TestOneTable:
    READING = Reading(
        CorpusPart(ONE, ("text",), "doc"),
        QueriesPart(ONE, "query", "qid"),
        QrelsPart(ONE, "qid", ("doc",), ("grade",)),
    )

    def test_repeated_queries_and_documents_count_once(self, tmp_path: Path) -> None:
        (tmp_path / "one.csv").write_text("qid,query,doc,text,grade\nq,a,d,x,1\nq,a,e,y,0\nr,b,d,x,0\n")
        assert documents(tmp_path, self.READING) == [Document("d", "", "x"), Document("e", "", "y")]
        assert queries(tmp_path, self.READING) == [Query("q", "a"), Query("r", "b")]
        assert len(judgments(tmp_path, self.READING)) == 3

    def test_a_repeated_id_with_another_text_is_yielded_again(self, tmp_path: Path) -> None:
        (tmp_path / "one.csv").write_text("qid,query,doc,text,grade\nq,a,d,x,1\nr,b,d,other,0\n")
        assert documents(tmp_path, self.READING) == [Document("d", "", "x"), Document("d", "", "other")]

    def test_a_row_is_reported_as_unreadable_once(self, tmp_path: Path) -> None:
        (tmp_path / "one.csv").write_text("qid,query,doc,text,grade\nq,a\n")
        assert len(documents(tmp_path, self.READING)) == 1
        assert queries(tmp_path, self.READING) == judgments(tmp_path, self.READING) == []

    def test_a_question_without_a_document_is_not_judged(self, tmp_path: Path) -> None:
        (tmp_path / "one.csv").write_text("qid,query,doc\nq,a,d\nr,b,\n")
        reading = Reading(READING.corpus, QueriesPart(ONE, "query", "qid"), QrelsPart(ONE, "qid", ("doc",)))
        assert queries(tmp_path, reading) == [Query("q", "a"), Query("r", "b")]
        assert judgments(tmp_path, reading) == [Judgment("q", "d", 1)]


class TestLists:
    @pytest.mark.parametrize(
        ("cells", "expected"),
        [
            ('"[""d1"", ""d2""]","[2, 0]"', [("d1", 2), ("d2", 0)]),
            ('"[""d1"", ""d2""]",', "q.csv:2: documents is a list"),
            ("[d1],1", [("d1", 1)]),
        ],
    )
    def test_a_cell_may_hold_a_json_list(self, folder: Path, cells: str, expected: object) -> None:
        (folder / "qrels.csv").write_text(f"query,document,grade\nq1,{cells}\n")
        rows = judgments(folder, READING)
        if isinstance(expected, str):
            assert "the grade '' in grade is not a whole number" in str(rows[0])
        else:
            assert rows == [Judgment("q1", *judged) for judged in expected]  # type: ignore[attr-defined]

    def test_the_numbers_of_grades_and_documents_must_agree(self, tmp_path: Path) -> None:
        row = {"id": "q", "query": "a", "relevantDocs": ["d1", "d2"], "relevanceScores": [1]}
        (tmp_path / "q.jsonl").write_text(json.dumps(row))
        table = Table("q.jsonl", "jsonl")
        qrels = QrelsPart(table, "id", ("relevantDocs",), ("relevanceScores",))
        assert judgments(tmp_path, Reading(READING.corpus, QueriesPart(table, "query", "id"), qrels)) == [
            "q.jsonl:1: 2 relevantDocs but 1 relevanceScores; "
            "give each relevant document one score, or leave relevanceScores out"
        ]

    @pytest.mark.parametrize("cell", ["easy;short", '"easy, short"', '"[""easy"", ""short""]"'])
    def test_tags_in_a_cell(self, folder: Path, cell: str) -> None:
        (folder / "queries.csv").write_text(f"id,query,tags\nq1,what,{cell}\n")
        assert queries(folder, READING) == [Query("q1", "what", ("easy", "short"))]
