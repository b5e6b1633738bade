"""How well judgments fit queries and documents, whatever columns are chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, Table
from evaluator.datasets.recognition.fit import Fit, Found, compare, fit, only_way
from evaluator.datasets.recognition.recognise import Recognised, recognise
from evaluator.datasets.recognition.references import References
from tests.unit.datasets.recognition.recognising import write

DOCUMENTS, FAQ = Table("documents.csv", "csv"), Table("faq.csv", "csv")


@pytest.fixture
def faq(tmp_path: Path) -> Recognised:
    """Ten documents, and questions of which eight name one that is there, by its id and by its text."""
    documents = "".join(f"d{n},How device {n} is reset\n" for n in range(10))
    questions = "".join(f"Reset device {n}?,d{n},How device {n}  is reset\n" for n in range(2, 12))
    write(
        tmp_path,
        {"documents.csv": f"id,text\n{documents}", "faq.csv": f"question,found in,answer\n{questions}"},
    )
    return recognise(tmp_path)


READING = Reading(
    CorpusPart(DOCUMENTS, ("text",), "id"),
    QueriesPart(FAQ, "question"),
    QrelsPart(FAQ, "question", ("found in",), query_by="text"),
)
PART = QrelsPart(FAQ, "question", ("found in",), query_by="text")


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (PART, Fit(Found(10, 10), Found(8, 10))),
        # The queries' ids are made from their texts, which no id of a file equals.
        (replace(PART, query_by="id"), Fit(Found(0, 10), Found(8, 10))),
        (replace(PART, document=("answer",), document_by="text"), Fit(Found(10, 10), Found(8, 10))),
        (replace(PART, document=("answer",), document_by="id"), Fit(Found(10, 10), Found(0, 10))),
        (replace(PART, document=("found in", "answer")), Fit(Found(10, 10), Found(8, 20))),
        (replace(PART, document=("nowhere",)), Fit(Found(10, 10), None)),
    ],
)
def test_how_many_are_found(faq: Recognised, part: QrelsPart, expected: Fit) -> None:
    assert fit(faq.compared, replace(READING, qrels=part)) == expected


def test_without_judgments_nothing_is_missing(faq: Recognised) -> None:
    assert fit(faq.compared, replace(READING, qrels=None)) == Fit()


def test_by_id_or_by_text_where_only_one_of_them_finds_anything(faq: Recognised) -> None:
    assert only_way(faq.compared, FAQ, "found in", READING.corpus) == "id"
    assert only_way(faq.compared, FAQ, "answer", READING.corpus) == "text"
    assert only_way(faq.compared, FAQ, "question", READING.corpus) is None
    assert READING.queries is not None
    assert only_way(faq.compared, FAQ, "question", READING.queries) == "text"


def test_a_text_of_several_columns_is_not_compared(faq: Recognised) -> None:
    corpus = replace(READING.corpus, text=("id", "text"))
    part = replace(PART, document=("answer",), document_by="text")
    assert fit(faq.compared, replace(READING, corpus=corpus, qrels=part)).documents is None


def test_several_ids_in_a_cell(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "documents.csv": "id,text\nd1,One long text\nd2,Another long text\n",
            "queries.csv": "query_id,query\nq1,what is one?\nq2,what is two?\n",
            "judgments.csv": "query_id,doc_ids\nq1,d1; d2\nq2,d2; d3\n",
        },
    )
    recognised = recognise(tmp_path)
    assert recognised.reading is not None
    assert fit(recognised.compared, recognised.reading).documents == Found(2, 3)


def test_with_too_many_columns_nothing_is_said(tmp_path: Path) -> None:
    wide = ",".join(f"column{n}" for n in range(50))
    row = ",".join(map(str, range(50)))
    write(tmp_path, {"wide.csv": f"{wide}\n{row}\n", "queries.csv": "id,query\nq1,what is one?\n"})
    recognised = recognise(tmp_path)
    assert recognised.compared == compare(References(tmp_path, []), [])


def test_half_a_surrogate_pair_is_no_reason_to_fail(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "corpus.jsonl": '{"id": "d1", "body": "a text with \\ud800 in it"}\n',
            "queries.jsonl": '{"id": "q1", "query": "what is \\ud800 in it?"}\n',
        },
    )
    recognise(tmp_path)
