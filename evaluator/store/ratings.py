"""SQL over the grades that raters gave documents, and the raters' guidelines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from evaluator.store.file.database import Database


class Rating(NamedTuple):
    """One person's grade of one document for one query."""

    rater: str
    query_id: str
    doc_id: str
    grade: int


def save_ratings(
    database: Database, dataset: int, rater: str, query_id: str, grades: Mapping[str, int | None]
) -> None:
    """Store a rater's grades by document id, instead of earlier ones; None removes a grade."""
    with database.transaction() as cursor:
        for doc_id, grade in grades.items():
            key = [dataset, rater, query_id, doc_id]
            if grade is None:
                cursor.execute(
                    "DELETE FROM ratings WHERE dataset = ? AND rater = ? AND query_id = ? AND doc_id = ?", key
                )
                continue
            cursor.execute(
                """
                INSERT INTO ratings (dataset, rater, query_id, doc_id, grade) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET grade = excluded.grade, rated_at = utc_now()
                """,
                [*key, grade],
            )


def ratings(database: Database, dataset: int, query_id: str | None = None) -> list[Rating]:
    """The grades of all raters of a dataset, or of one query; in the order of query, document and rater."""
    rows = database.cursor.execute(
        """
        SELECT rater, query_id, doc_id, grade FROM ratings
        WHERE dataset = $dataset AND ($query IS NULL OR query_id = $query) ORDER BY query_id, doc_id, rater
        """,
        {"dataset": dataset, "query": query_id},
    ).fetchall()
    return [Rating(*row) for row in rows]


def guidelines(database: Database, dataset: int) -> str:
    """The guidelines of a dataset's raters; empty if nobody wrote them."""
    row = database.cursor.execute("SELECT guidelines FROM datasets WHERE id = ?", [dataset]).fetchone()
    return str(row[0] or "") if row else ""


def save_guidelines(database: Database, dataset: int, text: str) -> None:
    """Set the guidelines of a dataset's raters."""
    with database.transaction() as cursor:
        cursor.execute("UPDATE datasets SET guidelines = ? WHERE id = ?", [text, dataset])
