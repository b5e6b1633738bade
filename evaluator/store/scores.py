"""SQL over scores as matrices: variants by queries, without a Python object a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evaluator.domain.ranking import Doubles
from evaluator.store.file.database import Database
from evaluator.store.rescored import recorded


class ScoreArrays(NamedTuple):
    """An experiment's scores.

    Attributes:
        variants: names, in the experiment's order.
        query_ids: all with a row, sorted.
        values: [n_variants, n_queries] float64 by measure; NaN where a query has no score.
        seconds: [n_variants, n_queries] float64, of retrieval; NaN where it has none.
    """

    variants: tuple[str, ...]
    query_ids: tuple[str, ...]
    values: dict[str, Doubles]
    seconds: Doubles


def read_scores(database: Database, experiment: str, measures: Sequence[str]) -> ScoreArrays:
    """Read all scores of an experiment; 200 variants over 10,000 queries take about two seconds.

    Several queries: call it within `Database.frozen`, so that they read the same state.

    Args:
        measures: in ir-measures' notation; NaN everywhere for one that was not computed.
    """
    cursor = database.cursor
    run, rows, given = recorded(database, experiment)
    variants = cursor.execute(
        "SELECT name FROM variants WHERE experiment = ? ORDER BY position", [run]
    ).fetchall()
    query_ids = cursor.execute(
        "SELECT DISTINCT query_id FROM results WHERE experiment = ? ORDER BY query_id", [run]
    ).fetchall()
    columns = cursor.execute(
        f"""
        WITH places AS (
            SELECT query_id, row_number() OVER (ORDER BY query_id) - 1 AS place
            FROM (SELECT DISTINCT query_id FROM results WHERE experiment = $run)
        )
        SELECT v.position AS variant, p.place AS query, r.seconds AS seconds,
               {", ".join(f"coalesce(r.measures[$m{n}], 'nan'::DOUBLE) AS m{n}" for n in range(len(measures)))}
        FROM {rows} r
        JOIN variants v ON v.experiment = $run AND v.name = r.variant
        JOIN places p ON p.query_id = r.query_id
        WHERE r.error IS NULL AND cardinality(r.measures) > 0
        """,  # noqa: S608  placeholders only
        {**given, **{f"m{n}": measure for n, measure in enumerate(measures)}},
    ).columns()
    cells = columns["variant"], columns["query"]
    shape = len(variants), len(query_ids)

    def matrix(name: str) -> Doubles:
        filled = np.full(shape, np.nan)
        filled[cells] = columns[name]
        return filled

    return ScoreArrays(
        tuple(name for (name,) in variants),
        tuple(query_id for (query_id,) in query_ids),
        {measure: matrix(f"m{n}") for n, measure in enumerate(measures)},
        matrix("seconds"),
    )
