"""Questions with passages inside: SQuAD, DPR and Tevatron, MS MARCO's questions, TruLens, DeepEval."""

from __future__ import annotations

from collections.abc import Iterator

from evaluator.datasets.formats.shapes.shape import (
    DOCUMENTS,
    EACH,
    JUDGMENTS,
    QUERIES,
    Shape,
    Unclear,
    are_objects,
    first_of,
    named,
    objects_of,
    with_id,
)
from evaluator.datasets.source import Fields

QUESTION = ("question", "query", "query_text", "anchor")
QUESTION_ID = ("query_id", "qid", "question_id", "id", "_id")
PASSAGE_ID = ("passage_id", "psg_id", "docid", "doc_id", "document_id", "id", "_id")
PASSAGE = ("text", "passage_text", "contents", "content", "passage")
GRADES = {
    "positive_ctxs": 1,
    "positive_passages": 1,
    "expected_chunks": 1,
    "passages": 1,
    "hard_negative_ctxs": 0,
    "negative_ctxs": 0,
    "hard_negative_passages": 0,
    "negative_passages": 0,
}
"""Lists of passages, and the grade of each passage that has none of its own."""

OWN_GRADE = ("expect_score", "is_selected")


def _articles(article: Fields) -> Iterator[tuple[Fields, list[Fields]]]:
    for paragraph in objects_of(article.get("paragraphs"), "paragraphs"):
        if not isinstance(paragraph.get("context"), str):
            raise Unclear("a paragraph has no context", "give every paragraph its text as context")
        yield paragraph, objects_of(paragraph.get("qas"), "qas")


def _squad_documents(article: Fields) -> Iterator[Fields]:
    for paragraph, _ in _articles(article):
        yield {"title": article.get("title"), "text": paragraph["context"]}


def _squad_queries(article: Fields) -> Iterator[Fields]:
    for _, questions in _articles(article):
        for question in questions:
            yield with_id(question.get("id"), {"query": question.get("question")})


def _squad_judgments(article: Fields) -> Iterator[Fields]:
    for paragraph, questions in _articles(article):
        for question in questions:
            grade = 0 if question.get("is_impossible") is True else 1
            query = named(question.get("id"), question.get("question"))
            yield {**query, "document": paragraph["context"], "grade": grade}


SQUAD = Shape(
    "squad",
    "SQuAD",
    (("data", EACH), (EACH,)),
    lambda article: any("context" in paragraph for paragraph in objects_of(article.get("paragraphs"), "")),
    {DOCUMENTS: _squad_documents, QUERIES: _squad_queries, JUDGMENTS: _squad_judgments},
)
"""SQuAD (Rajpurkar et al., 2016, 2018): a paragraph is a document that answers its questions if they are possible."""


def _passages(record: Fields) -> Iterator[tuple[Fields, object]]:
    """The passages of a question, and their grades."""
    for name, usual in GRADES.items():
        for passage in objects_of(record.get(name), name):
            own = first_of(passage, OWN_GRADE)
            yield passage, usual if own is None else own


def _question(record: Fields) -> tuple[object, object]:
    return first_of(record, QUESTION_ID), first_of(record, QUESTION)


def _passage_documents(record: Fields) -> Iterator[Fields]:
    for passage, _ in _passages(record):
        row = {"title": passage.get("title"), "text": first_of(passage, PASSAGE)}
        yield with_id(first_of(passage, PASSAGE_ID), row)


def _passage_queries(record: Fields) -> Iterator[Fields]:
    query_id, query = _question(record)
    yield with_id(query_id, {"query": query})


def _passage_judgments(record: Fields) -> Iterator[Fields]:
    query = named(*_question(record))
    for passage, grade in _passages(record):
        doc_id = first_of(passage, PASSAGE_ID)
        document = {"document": first_of(passage, PASSAGE)} if doc_id is None else {"doc_id": doc_id}
        yield {**query, **document, "grade": grade}


def _has_passages(record: Fields) -> bool:
    passages = record.get("passages")
    selected = are_objects(passages) and any("is_selected" in passage for passage in objects_of(passages, ""))
    others = any(name != "passages" and are_objects(record.get(name)) for name in GRADES)
    return (others or selected) and isinstance(_question(record)[1], str)


PASSAGES = Shape(
    "passages",
    "questions with passages (DPR, Tevatron)",
    ((EACH,), ("data", EACH)),
    _has_passages,
    {DOCUMENTS: _passage_documents, QUERIES: _passage_queries, JUDGMENTS: _passage_judgments},
)
"""DPR (Karpukhin et al., 2020), Tevatron (Gao et al., 2022): positive passages are relevant, negative ones are not."""


def _golden_contexts(golden: Fields) -> list[object]:
    context = golden.get("context")
    if context is None:
        return []
    if not isinstance(context, list):
        raise Unclear("context is no list of texts", "write context as a list of texts")
    return context


def _golden_judgments(golden: Fields) -> Iterator[Fields]:
    for text in _golden_contexts(golden):
        yield {"query": golden.get("input"), "document": text, "grade": 1}


GOLDENS = Shape(
    "goldens",
    "DeepEval goldens",
    ((EACH,), ("goldens", EACH)),
    lambda golden: (
        isinstance(golden.get("input"), str)
        and "context" in golden
        and bool({"expected_output", "expectedOutput", "actual_output", "actualOutput"} & golden.keys())
    ),
    {
        DOCUMENTS: lambda golden: ({"text": text} for text in _golden_contexts(golden)),
        QUERIES: lambda golden: ({"query": golden.get("input")},),
        JUDGMENTS: _golden_judgments,
    },
)
"""DeepEval's goldens: `context` is what the answer needs, `retrieval_context` what some retriever found."""
