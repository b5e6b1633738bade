"""SQL over the ranked lists of single queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from evaluator.domain.ranking import Ranking
from evaluator.store.database import Database

BATCH = 500
"""Queries whose lists are held in memory at once."""


class RecordedList(NamedTuple):
    """What is recorded of one query under one variant; see `QueryResult`."""

    ranking: Ranking
    measures: Mapping[str, float]
    seconds: float
    error: str | None


def recorded_lists(
    database: Database, experiment: str, query_id: str, variants: Sequence[str]
) -> dict[str, RecordedList]:
    """A query's lists by variant; variants that did not evaluate it yet are absent."""
    rows = database.cursor.execute(
        """
        SELECT variant, doc_ids, scores, measures, seconds, error FROM results
        WHERE experiment = ? AND query_id = ? AND variant IN (SELECT unnest(?))
        """,
        [experiment, query_id, list(variants)],
    ).fetchall()
    return {
        variant: RecordedList(Ranking(tuple(doc_ids), tuple(scores)), measures, seconds, error)
        for variant, doc_ids, scores, measures, seconds, error in rows
    }


def scored_lists(
    database: Database, experiment: str, variant: str, measure: str
) -> Iterator[list[tuple[str, Ranking, float]]]:
    """A variant's queries with a value of a measure, in batches: query id, list, and the value."""
    last = ""
    while True:
        rows = database.cursor.execute(
            """
            SELECT query_id, doc_ids, scores, measures[$measure] FROM results
            WHERE experiment = $experiment AND variant = $variant AND query_id > $last
              AND error IS NULL AND measures[$measure] IS NOT NULL
            ORDER BY query_id LIMIT $limit
            """,
            {"measure": measure, "experiment": experiment, "variant": variant, "last": last, "limit": BATCH},
        ).fetchall()
        if not rows:
            return
        yield [
            (query_id, Ranking(tuple(doc_ids), tuple(scores)), value)
            for query_id, doc_ids, scores, value in rows
        ]
        last = rows[-1][0]


def failed_queries(database: Database, experiment: str, variants: Sequence[str]) -> set[str]:
    """Queries that failed under one of these variants."""
    rows = database.cursor.execute(
        """
        SELECT DISTINCT query_id FROM results
        WHERE experiment = ? AND error IS NOT NULL AND variant IN (SELECT unnest(?))
        """,
        [experiment, list(variants)],
    ).fetchall()
    return {query_id for (query_id,) in rows}


def variant_errors(database: Database, experiment: str) -> dict[str, str]:
    """Why variants cannot work at all, by name; those that can are absent."""
    rows = database.cursor.execute(
        "SELECT name, error FROM variants WHERE experiment = ? AND error IS NOT NULL", [experiment]
    ).fetchall()
    return dict(rows)
