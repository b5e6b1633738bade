"""Judgments of search tools: OpenSearch's Search Relevance Workbench, Elasticsearch's `rank_eval`, RRE, Quepid."""

from __future__ import annotations

from collections.abc import Iterator

from evaluator.datasets.formats.shapes.query_text import placeholder_text, request_text
from evaluator.datasets.formats.shapes.shape import (
    EACH,
    ENTRIES,
    JUDGMENTS,
    QUERIES,
    Shape,
    Steps,
    Unclear,
    are_objects,
    first_of,
    named,
    objects_of,
    with_id,
)
from evaluator.datasets.source import Fields

WORKBENCH_DOCUMENT = ("docId", "doc_id", "documentId")
WORKBENCH_GRADE = ("rating", "score")


def _anywhere(*path: str | None) -> tuple[Steps, ...]:
    """The path in a file of its own, and in documents of an index, as lines or as the hits of a search."""
    return (
        path,
        (EACH, *path),
        (EACH, "_source", *path),
        ("_source", *path),
        ("hits", "hits", EACH, "_source", *path),
    )


def _rated(entry: Fields) -> tuple[object, list[Fields]]:
    """The query of a list of ratings, and the ratings."""
    if "ratings" in entry:
        return entry.get("query"), objects_of(entry["ratings"], "ratings")
    return entry.get("key"), objects_of(entry.get("value"), "ratings")


def _workbench_judgments(entry: Fields) -> Iterator[Fields]:
    query, ratings = _rated(entry)
    for rating in ratings:
        doc_id, grade = first_of(rating, WORKBENCH_DOCUMENT), first_of(rating, WORKBENCH_GRADE)
        yield {"query": query, "doc_id": doc_id, "grade": grade}


def _is_workbench(entry: Fields) -> bool:
    ratings = entry.get("ratings", entry.get("value"))
    return are_objects(ratings) and ("query" in entry or "key" in entry)


WORKBENCH = Shape(
    "judgment-ratings",
    "OpenSearch judgments",
    (
        *_anywhere("judgmentRatings", EACH),
        *_anywhere("judgmentRatings", ENTRIES),
        *_anywhere("judgmentScores", ENTRIES),
    ),
    _is_workbench,
    {QUERIES: lambda entry: ({"query": _rated(entry)[0]},), JUDGMENTS: _workbench_judgments},
)
"""Judgments of OpenSearch's Search Relevance Workbench, in its three versions so far."""

QUERY_SETS = Shape(
    "query-set",
    "OpenSearch query set",
    _anywhere("querySetQueries", EACH),
    lambda query: isinstance(query.get("queryText"), str),
    {QUERIES: lambda query: ({"query": query.get("queryText")},)},
)
"""Query sets of OpenSearch's Search Relevance Workbench."""


def _rank_eval_queries(rated: Fields) -> Iterator[Fields]:
    yield with_id(rated.get("id"), {"query": request_text(rated)})


def _rank_eval_judgments(rated: Fields) -> Iterator[Fields]:
    query = named(rated.get("id"), None if rated.get("id") is not None else request_text(rated))
    for rating in objects_of(rated.get("ratings"), "ratings"):
        yield {**query, "doc_id": rating.get("_id"), "grade": rating.get("rating")}


RANK_EVAL = Shape(
    "rank-eval",
    "rank_eval requests",
    (("requests", EACH), (EACH, "requests", EACH)),
    lambda rated: are_objects(rated.get("ratings")) and ("request" in rated or "params" in rated),
    {QUERIES: _rank_eval_queries, JUDGMENTS: _rank_eval_judgments},
)
"""Requests to the ranking evaluation API of Elasticsearch and OpenSearch."""


def _groups(record: Fields) -> Iterator[tuple[object, list[tuple[object, object]]]]:
    """The text of each query, and its documents with their grades."""
    for name in ("query_groups", "queries"):
        if name not in record or "relevant_documents" in record:
            continue
        for inner in objects_of(record[name], name):
            yield from _groups(inner)
    if "relevant_documents" in record:
        relevant = list(_relevant(record["relevant_documents"]))
        queries = objects_of(record.get("queries"), "queries") or [record]
        for query in queries:
            yield placeholder_text(query.get("placeholders")), relevant


def _relevant(relevant: object) -> Iterator[tuple[object, object]]:
    """Documents and grades: `{document: {gain}}`, `{gain: [documents]}`, or a list of objects with both."""
    if isinstance(relevant, dict):
        for key, value in relevant.items():
            if isinstance(value, dict):
                yield key, value.get("gain")
            elif isinstance(value, list):
                yield from ((document, key) for document in value)
            else:
                yield key, value
    else:
        for rating in objects_of(relevant, "relevant_documents"):
            yield first_of(rating, ("id", "docid", "doc_id", "document")), rating.get("gain")


def _rre_judgments(record: Fields) -> Iterator[Fields]:
    for query, relevant in _groups(record):
        for doc_id, grade in relevant:
            yield {"query": query, "doc_id": doc_id, "grade": grade}


def _is_rre(record: Fields) -> bool:
    if "relevant_documents" in record:
        return are_objects(record.get("queries")) or isinstance(record.get("placeholders"), dict)
    inner = first_of(record, ("query_groups", "queries"))
    return are_objects(inner) and any(map(_is_rre, objects_of(inner, "")))


RRE = Shape(
    "rre",
    "RRE ratings",
    (("topics", EACH), ("query_groups", EACH), ("queries", EACH)),
    _is_rre,
    {QUERIES: lambda record: ({"query": query} for query, _ in _groups(record)), JUDGMENTS: _rre_judgments},
)
"""Ratings of the Rated Ranking Evaluator (Sease): topics with groups of queries that share their documents."""


def _quepid_ratings(query: Fields) -> Iterator[tuple[object, object]]:
    ratings = query.get("ratings")
    if isinstance(ratings, dict):
        yield from ratings.items()
        return
    for rating in objects_of(ratings, "ratings"):
        yield first_of(rating, ("doc_id", "docid")), rating.get("rating")


def _quepid_judgments(query: Fields) -> Iterator[Fields]:
    for doc_id, grade in _quepid_ratings(query):
        if grade is not None:
            yield {"query": query.get("query_text"), "doc_id": doc_id, "grade": grade}


QUEPID = Shape(
    "quepid",
    "Quepid case",
    (("queries", EACH), (EACH,)),
    lambda query: (
        isinstance(query.get("query_text"), str)
        and (isinstance(query.get("ratings"), dict) or are_objects(query.get("ratings")))
    ),
    {QUERIES: lambda query: ({"query": query.get("query_text")},), JUDGMENTS: _quepid_judgments},
)
"""A case of Quepid: queries, each with its rated documents."""


def _book_judgments(pair: Fields) -> Iterator[Fields]:
    for judgement in objects_of(pair.get("judgements"), "judgements"):
        if judgement.get("rating") is not None:  # unrateable
            doc_id = pair.get("doc_id")
            yield {"query": pair.get("query_text"), "doc_id": doc_id, "grade": judgement["rating"]}


QUEPID_BOOK = Shape(
    "quepid-book",
    "Quepid book",
    (("query_doc_pairs", EACH),),
    lambda pair: "query_text" in pair and "doc_id" in pair,
    {QUERIES: lambda pair: ({"query": pair.get("query_text")},), JUDGMENTS: _book_judgments},
)
"""A book of Quepid: pairs of query and document, each with the judgements of several people."""


def _lotte_judgments(question: Fields) -> Iterator[Fields]:
    answers = question.get("answer_pids")
    if not isinstance(answers, list):
        raise Unclear("answer_pids is no list", "write answer_pids as a list of ids")
    for doc_id in answers:
        yield {"query_id": question.get("qid"), "doc_id": doc_id, "grade": 1}


LOTTE = Shape(
    "lotte",
    "LoTTE",
    ((EACH,),),
    lambda question: {"qid", "query", "answer_pids"} <= question.keys(),
    {
        QUERIES: lambda question: (with_id(question.get("qid"), {"query": question.get("query")}),),
        JUDGMENTS: _lotte_judgments,
    },
)
"""Questions of LoTTE (Santhanam et al., 2022): `qas.search.jsonl` and `qas.forum.jsonl`."""
