"""A whole experiment as one DuckDB file, which can be read without this software and its store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from evaluator.errors import StoreUnavailableError
from evaluator.store.file.cursors import interruptible
from evaluator.store.file.database import Database, disk_full
from evaluator.store.file.tables import literally
from evaluator.store.rescored import recorded

JSON_COLUMNS = (("variants", "pipeline"), ("costs", "cost"))

TABLES: Mapping[str, str] = {
    "queries": "CREATE TABLE queries AS SELECT query_id, text, tags FROM read_parquet(?)",
    "qrels": "CREATE TABLE qrels AS SELECT query_id, doc_id, grade FROM read_parquet(?)",
    "corpus": """
        CREATE TABLE documents AS
        SELECT doc_id, title, text FROM read_parquet(?)
        WHERE doc_id IN (SELECT unnest(doc_ids) FROM results UNION SELECT doc_id FROM qrels)
    """,
}
"""Of the dataset, by its files; only documents that a list or a judgment names."""

VIEWS = """
    CREATE VIEW scores AS
        SELECT variant, query_id, unnest(map_keys(measures)) AS measure, unnest(map_values(measures)) AS value
        FROM results;
    CREATE VIEW lists AS
        SELECT l.variant, l.query_id, l.rank, l.doc_id, l.score, q.grade
        FROM (
            SELECT variant, query_id, generate_subscripts(doc_ids, 1) AS rank, unnest(doc_ids) AS doc_id,
                   unnest(scores) AS score
            FROM results
        ) l LEFT JOIN qrels q USING (query_id, doc_id);
"""
BATCH = 10_000
"""Rows that are held in memory at once."""
LIMITS: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "1GB", "threads": 2}
"""Few, because the server that writes the file has other work."""


@dataclass(frozen=True)
class DatasetFiles:
    """The Parquet files of a dataset."""

    corpus: Path
    queries: Path
    qrels: Path


def write_portable(
    database: Database,
    experiment: str,
    files: DatasetFiles,
    about: Mapping[str, str],
    leaderboard: pa.Table,
    path: Path,
) -> None:
    """Write an experiment into a new DuckDB file.

    Tables: `about` (key, value), `leaderboard`, `variants`, `results`, `costs`, `spending`, `queries`, `qrels`,
    `documents`; views: `scores` (a row a variant, query and measure) and `lists` (a row a document of a list).

    Args:
        about: what is said of the experiment as a whole.
        leaderboard: as people see it.
        path: does not exist yet.

    Raises:
        StoreUnavailableError: the disk is full, or DuckDB fails otherwise.
    """
    try:
        with duckdb.connect(str(path), config=LIMITS) as target, interruptible():
            _write(target, database, experiment, files, about, leaderboard)
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise disk_full(path, error) or StoreUnavailableError(
            f"{path} cannot be written: {reason}"
        ) from error


def _write(
    target: duckdb.DuckDBPyConnection,
    database: Database,
    experiment: str,
    files: DatasetFiles,
    about: Mapping[str, str],
    leaderboard: pa.Table,
) -> None:
    target.execute("CREATE TABLE about (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)")
    target.executemany("INSERT INTO about VALUES (?, ?)", list(about.items()))
    target.register("given", leaderboard)
    target.execute("CREATE TABLE leaderboard AS FROM given")
    for table, (query, parameters) in _copied(database, experiment).items():
        rows = database.cursor.relation(query, parameters)
        target.register("given", rows.to_arrow_reader(BATCH))
        target.execute(f"CREATE TABLE {table} AS FROM given")
    target.unregister("given")
    for table, column in JSON_COLUMNS:
        target.execute(f"ALTER TABLE {table} ALTER {column} TYPE JSON")
    for part, statement in TABLES.items():
        target.execute(statement, [literally(getattr(files, part))])
    target.execute(VIEWS)
    # Closing merges the log, too, but raises no error if that fails: the file would then lack the last rows.
    target.execute("CHECKPOINT")


def _copied(database: Database, experiment: str) -> dict[str, tuple[str, dict[str, object]]]:
    """SQL and its parameters, by the table of the file that the rows become."""
    run, rows, given = recorded(database, experiment)
    variants = """
        SELECT position, name AS variant, fingerprint, pipeline::VARCHAR AS pipeline, error
        FROM variants WHERE experiment = $run ORDER BY position
    """
    results = f"""
        SELECT variant, query_id, doc_ids, scores, measures, seconds, error, recorded_at FROM {rows}
    """  # noqa: S608  a constant
    costs = """
        SELECT variant, cost::VARCHAR AS cost, error, measured_at FROM variant_costs WHERE experiment = $run
    """
    spending = """
        SELECT endpoint, tokens, output_tokens, micro_usd, recorded_at FROM spending WHERE experiment = $id
    """
    return {
        "variants": (variants, {"run": run}),
        "results": (results, given),
        "costs": (costs, {"run": run}),
        "spending": (spending, {"id": experiment}),
    }
