"""A shape of files, and the tables that many shapes have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.shapes.content import DOCUMENTS, GRADED, GRADES, QUERIES, RELEVANT, Judged, relevant_to
from tests.shapes.writing import Rows, delimited


@dataclass(frozen=True)
class File:
    """A file of rows, and how they are written."""

    rows: Rows
    write: Callable[[Rows], bytes]


@dataclass(frozen=True)
class Shape:
    """Files as people have them, and what is right.

    Attributes:
        name: for people.
        files: content by name.
        judged: the judgments that are right.
        n_documents, n_queries: the number of documents and queries that are right.
        answer: what a person answers if the files do not say it: values of the reading by dotted path.
        asks: a part of the question; empty if nothing is asked.
    """

    name: str
    files: Mapping[str, File | bytes]
    judged: Judged = field(default_factory=lambda: GRADED)
    n_documents: int = len(DOCUMENTS)
    n_queries: int = len(QUERIES)
    answer: Mapping[str, Any] = field(default_factory=dict)
    asks: str = ""

    def contents(self) -> dict[str, bytes]:
        """The bytes of every file."""
        return {
            name: file if isinstance(file, bytes) else file.write(file.rows)
            for name, file in self.files.items()
        }


def documents(id_: str = "id", text: str = "text", **more: Any) -> Rows:
    return [{id_: doc, text: content, **more} for doc, content in DOCUMENTS.items()]


def queries(id_: str = "id", text: str = "query") -> Rows:
    return [{id_: query, text: content} for query, content in QUERIES.items()]


def judgments(query: str = "query_id", document: str = "doc_id", grade: str | None = "grade") -> Rows:
    pairs = GRADES if grade else RELEVANT
    return [{query: q, document: d, **({grade: g} if grade else {})} for (q, d), g in pairs.items()]


def graded(name: str, value: Callable[[int], Any]) -> Rows:
    """Judgments with another column or other values for the grade."""
    return [{"query_id": q, "doc_id": d, name: value(g)} for (q, d), g in GRADES.items()]


def expecting(column: str, cell: Callable[[list[str]], Any]) -> Rows:
    """Queries with the relevant documents in one cell."""
    return [{"id": q, "question": text, column: cell(relevant_to(q))} for q, text in QUERIES.items()]


def texts_of(doc_ids: list[str]) -> list[str]:
    return [DOCUMENTS[doc] for doc in doc_ids]


def csv(rows: Rows) -> File:
    return File(rows, delimited)


CORPUS = csv(documents())
ASKED = csv(queries())


def beside(rows: Rows, name: str = "questions.csv") -> dict[str, File | bytes]:
    """A table of questions beside the documents."""
    return {"documents.csv": CORPUS, name: csv(rows)}


def three(judged: Rows) -> dict[str, File | bytes]:
    """Documents, queries and judgments."""
    return {"documents.csv": CORPUS, "queries.csv": ASKED, "judgments.csv": csv(judged)}
