"""SQL over the ranked lists of single queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from evaluator.domain.ranking import Ranking
from evaluator.store.file.database import Database
from evaluator.store.rescored import recorded

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
    _, rows_of, given = recorded(database, experiment)
    rows = database.cursor.execute(
        f"""
        SELECT variant, doc_ids, scores, measures, seconds, error FROM {rows_of}
        WHERE query_id = $query AND variant IN (SELECT unnest($variants))
        """,  # noqa: S608  a constant
        {**given, "query": query_id, "variants": list(variants)},
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
    _, rows_of, given = recorded(database, experiment)
    while True:
        rows = database.cursor.execute(
            f"""
            SELECT query_id, doc_ids, scores, measures[$measure] FROM {rows_of}
            WHERE variant = $variant AND query_id > $last AND error IS NULL AND measures[$measure] IS NOT NULL
            ORDER BY query_id LIMIT $limit
            """,  # noqa: S608  a constant
            {**given, "measure": measure, "variant": variant, "last": last, "limit": BATCH},
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
        [recorded(database, experiment).run, list(variants)],
    ).fetchall()
    return {query_id for (query_id,) in rows}


def variant_errors(database: Database, experiment: str) -> dict[str, str]:
    """Why variants failed as a whole, by name; the others are absent."""
    rows = database.cursor.execute(
        "SELECT name, error FROM variants WHERE experiment = ? AND error IS NOT NULL",
        [recorded(database, experiment).run],
    ).fetchall()
    return dict(rows)
