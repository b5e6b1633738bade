"""What most cases hold: twelve notes about bicycles, six queries, eight judgments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.shapes.content import Judged
from tests.shapes.writing import Rows

DOCUMENTS = {
    "d1": "A slipping chain usually means that the chain or the cassette is worn. Measure it with a gauge.",
    "d2": "Squealing disc brakes are often contaminated with oil. Clean the rotor and sand the pads.",
    "d3": "To true a wheel, tighten or loosen spokes in small steps until the rim runs straight.",
    "d4": "Tubeless tyres lose air when the sealant has dried out. Refill it every three to six months.",
    "d5": "A saddle that is too high makes hips rock. The knee should be slightly bent.",
    "d6": "Index a rear derailleur with the barrel adjuster until the gears change cleanly.",
    "d7": "Pump road tyres to about seven bar, mountain tyres to about two bar.",
    "d8": "A creaking bottom bracket can be cured by cleaning and greasing the cups.",
    "d9": "Lithium batteries last longest when they are stored half charged in a cool room.",
    "d10": "Bleed hydraulic brakes when the lever feels spongy. Push fresh oil from the caliper.",
    "d11": "Carry a multi-tool, a spare tube, tyre levers and a small pump on every longer ride.",
    "d12": "Wash the frame with soap and water, never with a pressure washer.",
}
QUERIES = {
    "q1": "why does my chain slip",
    "q2": "disc brakes squeal",
    "q3": "how to straighten a wheel",
    "q4": "sealant dried out in tubeless tyre",
    "q5": "how to adjust the gears of a derailleur",
    "q6": "how should I store the battery of my e-bike",
}
GRADES = {
    ("q1", "d1"): 2,
    ("q2", "d2"): 2,
    ("q2", "d10"): 1,
    ("q3", "d3"): 2,
    ("q4", "d4"): 2,
    ("q4", "d7"): 1,
    ("q5", "d6"): 2,
    ("q6", "d9"): 2,
}


def judged(
    grades: Mapping[tuple[str, str], int] = GRADES,
    documents: Mapping[str, str] = DOCUMENTS,
    queries: Mapping[str, str] = QUERIES,
) -> Judged:
    """Grades by texts."""
    return {(queries[query], documents[doc]): grade for (query, doc), grade in grades.items()}


GRADED = judged()
ONES = judged(dict.fromkeys(GRADES, 1))
IRRELEVANT = {(query, doc): 0 for query in QUERIES for doc in ("d11", "d12")}
"""Two documents that no query wants."""

WITH_NEGATIVES = {**ONES, **judged(IRRELEVANT)}


def relevant(query: str) -> list[str]:
    """Ids of the documents that are relevant to a query."""
    return [doc for asked, doc in GRADES if asked == query]


def texts(doc_ids: Sequence[str]) -> list[str]:
    return [DOCUMENTS[doc] for doc in doc_ids]


def number(id_: str) -> str:
    """An id without its letter, as collections number documents and queries."""
    return id_[1:]


def documents(id_: str = "id", text: str = "text", **more: Any) -> Rows:
    return [{id_: doc, **more, text: content} for doc, content in DOCUMENTS.items()]


def queries(id_: str = "id", text: str = "query") -> Rows:
    return [{id_: query, text: content} for query, content in QUERIES.items()]


def judgments(
    query: str = "query_id", doc: str = "doc_id", grade: str = "grade", value: type = int
) -> list[dict[str, Any]]:
    return [{query: q, doc: d, grade: value(g)} for (q, d), g in GRADES.items()]


def asking(document: str = "doc_id", query: str = "query") -> Rows:
    """A row for each query and relevant document, with the query's text."""
    return [{query: QUERIES[q], document: d} for q, d in GRADES]


def expecting(column: str, cell: Any, query: str = "query") -> Rows:
    """A row for each query, with its relevant documents in one cell."""
    return [{"id": q, query: text, column: cell(relevant(q))} for q, text in QUERIES.items()]
