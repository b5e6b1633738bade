"""SQL over results: recording them, finding what is missing, and reading them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection

from evaluator.domain.printable import FORMULA_STARTS
from evaluator.domain.records import VariantCounts
from evaluator.domain.result import (
    ExperimentStop,
    QueryResult,
    Record,
    Spending,
    VariantFailure,
    VariantMeasured,
)
from evaluator.store.costs import insert_cost
from evaluator.store.file.database import Database
from evaluator.store.rescored import recorded
from evaluator.store.revisions import revise
from evaluator.store.status import apply_event, complete

if TYPE_CHECKING:
    import pandas as pd  # takes half a second to import, and only tables need it

SCHEMA = pa.schema(
    [
        ("experiment", pa.string()),
        ("variant", pa.string()),
        ("query_id", pa.string()),
        ("doc_ids", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float32())),
        ("measures", pa.map_(pa.string(), pa.float64())),
        ("seconds", pa.float64()),
        ("error", pa.string()),
    ]
)


LISTS_AT_ONCE = 2000
"""Ranked lists that are held in memory at once while runs are read."""


def record(database: Database, records: Sequence[Record]) -> None:
    """Write records in one transaction, and mark experiments finished that lack no query.

    A key that is there already stays as it is, unless it failed and now has a result: delivery is at least once,
    the effect exactly once.
    """
    results: dict[tuple[str, str, str], QueryResult] = {}
    for r in records:
        if isinstance(r, QueryResult):
            first = results.setdefault((r.experiment, r.variant, r.query_id), r)
            if first.error is not None and r.error is None:
                results[r.experiment, r.variant, r.query_id] = r
    with database.transaction() as cursor:
        if results:
            _insert(cursor, list(results.values()))
        for entry in records:
            if isinstance(entry, VariantFailure):
                cursor.execute(
                    "UPDATE variants SET error = ? WHERE experiment = ? AND name = ?",
                    [entry.error, entry.experiment, entry.variant],
                )
            elif isinstance(entry, Spending):
                _insert_spending(cursor, entry)
            elif isinstance(entry, VariantMeasured):
                insert_cost(cursor, entry)
        revise(cursor, (r.experiment for r in records if isinstance(r, QueryResult | VariantFailure)))
        for experiment in {r.experiment for r in records}:
            complete(cursor, experiment)
        for stop in records:
            # After earlier records of the batch, which may have finished the experiment.
            if isinstance(stop, ExperimentStop):
                apply_event(cursor, stop.experiment, "stop", stop.reason)


def _insert_spending(cursor: DuckDBPyConnection, spending: Spending) -> None:
    cursor.execute(
        """
        INSERT INTO spending (experiment, id, endpoint, tokens, output_tokens, micro_usd)
        VALUES ($experiment, $id, $endpoint, $tokens, $output_tokens, $micro_usd) ON CONFLICT DO NOTHING
        """,
        {name: value for name, value in dataclasses.asdict(spending).items() if name != "kind"},
    )


def _insert(cursor: DuckDBPyConnection, results: Sequence[QueryResult]) -> None:
    batch = pa.table(
        {
            "experiment": [result.experiment for result in results],
            "variant": [result.variant for result in results],
            "query_id": [result.query_id for result in results],
            "doc_ids": [result.ranking.doc_ids for result in results],
            "scores": [result.ranking.scores for result in results],
            "measures": [list(result.measures.items()) for result in results],
            "seconds": [result.seconds for result in results],
            "error": [result.error for result in results],
        },
        schema=SCHEMA,
    )
    # Arrow turns values that float32 cannot hold into infinity.
    if not np.isfinite(batch["scores"].combine_chunks().flatten().to_numpy()).all():
        raise pa.ArrowInvalid("a score is not a finite float32 number")
    columns = ", ".join(SCHEMA.names)
    cursor.register("batch", batch)
    # Rows of unknown variants are dropped: their experiment was deleted meanwhile.
    cursor.execute(
        f"""
        INSERT INTO results ({columns})
        SELECT {columns} FROM batch
        WHERE EXISTS (FROM variants v WHERE v.experiment = batch.experiment AND v.name = batch.variant)
        ON CONFLICT DO UPDATE SET
            doc_ids = excluded.doc_ids, scores = excluded.scores, measures = excluded.measures,
            seconds = excluded.seconds, error = excluded.error, recorded_at = utc_now()
        WHERE results.error IS NOT NULL AND excluded.error IS NULL
        """  # noqa: S608  the columns are constants
    )
    # After an error the rollback drops the table; doing it here would hide the error.
    cursor.unregister("batch")


def recorded_queries(database: Database, experiment: str) -> dict[str, set[str]]:
    """Ids of the queries that have a row, by variant: what a resumed experiment skips."""
    rows = database.cursor.execute(
        "SELECT variant, list(query_id) FROM results WHERE experiment = ? GROUP BY variant",
        [recorded(database, experiment).run],
    ).fetchall()
    return {variant: set(query_ids) for variant, query_ids in rows}


def recorded_counts(database: Database, experiment: str) -> list[VariantCounts]:
    """How many queries of each variant are recorded, in the experiment's order."""
    _, rows_of, given = recorded(database, experiment)
    rows = database.cursor.execute(
        f"""
        SELECT v.name, v.error, count(r.query_id), count(r.error),
               count(r.query_id) FILTER (cardinality(r.measures) > 0)
        FROM variants v LEFT JOIN {rows_of} r ON r.variant = v.name
        WHERE v.experiment = $run
        GROUP BY v.name, v.error, v.position ORDER BY v.position
        """,  # noqa: S608  a constant
        given,
    ).fetchall()
    return [VariantCounts(*row) for row in rows]


PER_QUERY = """
    SELECT r.variant, r.query_id, m.measure, m.value, r.seconds, r.error
    FROM {rows} r
    JOIN variants v ON v.experiment = $run AND v.name = r.variant
    LEFT JOIN LATERAL (
        SELECT unnest(map_keys(r.measures)) AS measure, unnest(map_values(r.measures)) AS value
    ) m ON true
    ORDER BY v.position, r.query_id, m.measure
"""


def write_per_query(database: Database, experiment: str, path: Path) -> None:
    """Write every query's measures under every variant into a new file, `.csv` or `.parquet`, row by row.

    Columns: variant, query_id, measure, value, seconds, error. In the CSV file no text is a formula (see `csv_cell`);
    Parquet has them as they are.
    """
    _, rows_of, given = recorded(database, experiment)
    rows = database.cursor.relation(PER_QUERY.format(rows=rows_of), given)
    if path.suffix == ".csv":
        texts = {"variant", "query_id", "measure", "error"}
        columns = (_cell(name) if name in texts else name for name in rows.columns)
        rows.project(", ".join(columns)).write_csv(str(path))
    else:
        rows.write_parquet(str(path))


def _cell(column: str) -> str:
    """SQL of `csv_cell`."""
    starts = ", ".join(f"chr({ord(start)})" for start in FORMULA_STARTS)
    return f"CASE WHEN left({column}, 1) IN ({starts}) THEN chr(39) || {column} ELSE {column} END AS {column}"


def rankings(
    database: Database, experiment: str, variants: Sequence[str]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The runs of some variants, in batches: a variant, and columns query_id, doc_ids, scores of a row a list.

    Lists are best first, and in the order of the queries' ids; failed queries are left out.
    """
    rows = database.cursor.relation(
        """
        SELECT variant, query_id, doc_ids, scores FROM results
        WHERE experiment = $run AND variant IN (SELECT unnest($variants)) AND error IS NULL
        ORDER BY variant, query_id
        """,
        {"run": recorded(database, experiment).run, "variants": list(variants)},
    )
    for batch in rows.to_arrow_reader(LISTS_AT_ONCE):
        start = 0
        encoded = pc.run_end_encode(batch["variant"])
        for variant, end in zip(encoded.values.to_pylist(), encoded.run_ends.to_pylist(), strict=True):
            yield variant, batch.slice(start, end - start)
            start = end


def failures(database: Database, experiment: str, limit: int | None = None) -> pd.DataFrame:
    """Queries that failed, the first `limit` of them. Columns: variant, query_id, error."""
    return database.cursor.execute(
        """
        SELECT variant, query_id, error FROM results
        WHERE experiment = ? AND error IS NOT NULL ORDER BY variant, query_id LIMIT ?
        """,
        [recorded(database, experiment).run, limit],
    ).df()


class Spent(NamedTuple):
    """What an experiment's requests to endpoints cost, at the prices when they were sent."""

    tokens: int
    output_tokens: int
    micro_usd: int


def spent(database: Database, experiment: str) -> Spent:
    """What an experiment has spent, over all times it was submitted."""
    row = database.cursor.execute(
        """
        SELECT coalesce(sum(tokens), 0)::BIGINT, coalesce(sum(output_tokens), 0)::BIGINT,
               coalesce(sum(micro_usd), 0)::BIGINT
        FROM spending WHERE experiment = ?
        """,
        [experiment],
    ).fetchone()
    return Spent(*cast("tuple[int, int, int]", row))


class Totals(NamedTuple):
    """What is recorded, over all experiments: queries, and variants that failed as a whole."""

    completed: int
    failed: int
    lately: int
    broken_variants: int
    experiments: Mapping[str, int]


def totals(database: Database, window: float) -> Totals:
    """What is recorded now; `lately`: queries of the last `window` seconds."""
    return database.frozen(lambda: _totals(database, window))


def _totals(database: Database, window: float) -> Totals:
    completed, failed, broken, by_status = database.remember("totals", lambda: _counted(database))
    lately = database.cursor.execute(
        "SELECT count(*) FROM results WHERE recorded_at > utc_now() - to_seconds(?)", [window]
    ).fetchone()
    return Totals(completed, failed, *cast("tuple[int]", lately), broken, by_status)


def _counted(database: Database) -> tuple[int, int, int, dict[str, int]]:
    queries = database.cursor.execute(
        """
        SELECT count(*) FILTER (error IS NULL), count(error), (SELECT count(error) FROM variants) FROM results
        """
    ).fetchone()
    by_status = database.cursor.execute("SELECT status, count(*) FROM experiments GROUP BY status").fetchall()
    return *cast("tuple[int, int, int]", queries), dict(by_status)
