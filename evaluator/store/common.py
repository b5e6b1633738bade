"""SQL that lays two variants' ranked lists beside each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evaluator.domain.statistics.similarity import CommonDocuments
from evaluator.store.file.database import Database
from evaluator.store.rescored import recorded

PAIRED = """
    SELECT row_number() OVER (ORDER BY query_id) - 1 AS pair, query_id,
           a.doc_ids[:$depth] AS of_a, b.doc_ids[:$depth] AS of_b
    FROM results a JOIN results b USING (experiment, query_id)
    WHERE experiment = $run AND a.variant = $a AND b.variant = $b AND a.error IS NULL AND b.error IS NULL
"""


class PairedLists(NamedTuple):
    """Queries that both variants completed, and the ranks of the documents that both lists of a query have."""

    query_ids: tuple[str, ...]
    common: CommonDocuments


def common_documents(database: Database, experiment: str, a: str, b: str, depth: int) -> PairedLists:
    """The first `depth` documents of both lists of every query that both variants completed, by query id."""
    parameters: dict[str, object] = {
        "run": recorded(database, experiment).run,
        "a": a,
        "b": b,
        "depth": depth,
    }
    queries = database.cursor.execute(
        f"SELECT query_id, len(of_a) AS n_a, len(of_b) AS n_b FROM ({PAIRED}) ORDER BY pair",  # noqa: S608  a constant
        parameters,
    ).df()
    # The next query lists them, because more queries may be recorded meanwhile.
    query_ids = list(queries["query_id"])
    rows = database.cursor.execute(
        f"""
        WITH paired AS ({PAIRED} AND query_id IN (SELECT unnest($query_ids))),
        a AS (SELECT pair, unnest(of_a) AS doc_id, generate_subscripts(of_a, 1) AS rank FROM paired),
        b AS (SELECT pair, unnest(of_b) AS doc_id, generate_subscripts(of_b, 1) AS rank FROM paired)
        SELECT pair, a.rank AS rank_a, b.rank AS rank_b FROM a JOIN b USING (pair, doc_id)
        """,  # noqa: S608  a constant
        {**parameters, "query_ids": query_ids},
    ).df()
    common = CommonDocuments(
        *(queries[column].to_numpy(np.int64) for column in ("n_a", "n_b")),
        *(rows[column].to_numpy(np.int64) for column in ("pair", "rank_a", "rank_b")),
    )
    return PairedLists(tuple(query_ids), common)
