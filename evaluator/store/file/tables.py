"""All tables of a database as Parquet files, read at one moment; and a new database made of such files (ADR 0036)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from evaluator.store.file import condition, migrating
from evaluator.store.file.cursors import interruptible
from evaluator.store.file.database import Database, disk_full

EXCLUDED = frozenset({"sessions", "webhooks"})
"""Tables whose rows no copy holds: they let whoever has them act as somebody else, or as this instance. Hashes of
passwords and tokens do not, so tables with those are copied."""

BATCH = 2_000
"""Rows that are held in memory at once. Results of 100 documents: 0.4 GB for the whole process; DuckDB's own
`COPY ... TO` took 1.8 GB."""
MOST_NUMBERS = 10**10
"""The greatest last number of a sequence: a new one is advanced number by number, 15 million a second."""

TABLES = "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY table_name"
SEQUENCES = "SELECT sequence_name, last_value FROM duckdb_sequences() WHERE last_value IS NOT NULL"


@dataclass(frozen=True)
class Copied:
    """What was copied of a database.

    Attributes:
        migrations: numbers of those that were applied, ascending.
        tables: rows by table.
        sequences: the last number that each sequence has given; those that have given none are left out.
    """

    migrations: tuple[int, ...]
    tables: Mapping[str, int]
    sequences: Mapping[str, int]


def copy_tables(database: Database, folder: Path) -> Copied:
    """Write every table into a folder, each as `<table>.parquet` with its rows in their order.

    Within `Database.frozen` all of them are of one moment. DuckDB keeps the rows as they were then, and nobody waits:
    the recorder goes on writing, and its log is merged once this has ended.

    Raises:
        OSError: the disk is full.
        StoreUnavailableError: the database is damaged, or is closed meanwhile.
    """
    cursor = database.cursor
    names = [name for (name,) in cursor.execute(TABLES).fetchall() if name not in EXCLUDED]
    rows = {name: _write(database, name, folder / f"{name}.parquet") for name in names}
    numbers = cursor.execute("SELECT number FROM migrations ORDER BY number").fetchall()
    # Sequences know no transactions. Read after the rows, they are never behind them.
    sequences = dict(cursor.execute(SEQUENCES).fetchall())
    return Copied(tuple(number for (number,) in numbers), rows, sequences)


def _write(database: Database, table: str, path: Path) -> int:
    try:
        with interruptible():
            batches = database.cursor.relation(f'FROM "{table}"').to_arrow_reader(BATCH)
            with (
                path.open("wb") as file,
                pq.ParquetWriter(file, batches.schema, compression="zstd") as writer,
            ):
                rows = 0
                for batch in batches:
                    writer.write_batch(batch)
                    rows += batch.num_rows
    except duckdb.Error as error:
        explained = database.explained(error)
        if explained is None:
            raise
        raise explained from error
    return rows


def make_database(path: Path, copied: Copied, folder: Path) -> None:
    """Make a database of copied tables: of the version that copied them, so opening it applies later migrations.

    The tables are those that the migrations of this software make; nothing but rows is taken from the files.

    Args:
        path: does not exist yet.
        copied: its migrations are the first ones that this software knows.
        folder: with the files that `copy_tables` wrote.

    Raises:
        ValueError: the files are not what they should be; says which and why.
        StoreUnavailableError: the disk is full.
    """
    with duckdb.connect(str(path)) as connection, interruptible():
        try:
            migrating.migrate(connection, max(copied.migrations))
            names = {name for (name,) in connection.execute(TABLES).fetchall()}
            if wrong := (names - EXCLUDED) ^ copied.tables.keys():
                raise ValueError(f"tables are missing or unknown: {', '.join(sorted(wrong))}")
            for name in names:
                connection.execute(f'DELETE FROM "{name}"')  # noqa: S608  names of ours; migrations insert some rows
            for name, rows in copied.tables.items():
                _read(connection, name, rows, folder / f"{name}.parquet")
            _require_same(connection, copied)
            _advance(connection, copied.sequences)
            # Closing merges the log, too, but raises no error if that fails: the file would then lack the last rows.
            connection.execute("CHECKPOINT")
        except duckdb.Error as error:
            raise disk_full(path, error) or ValueError(condition.reason(error)) from error


def _read(connection: duckdb.DuckDBPyConnection, table: str, rows: int, path: Path) -> None:
    columns = "SELECT column_name FROM duckdb_columns() WHERE table_name = ?"
    expected = {name for (name,) in connection.execute(columns, [table]).fetchall()}
    file = literally(path)
    found = {name for name, *_ in connection.execute("DESCRIBE FROM read_parquet(?)", [file]).fetchall()}
    if wrong := expected ^ found:
        raise ValueError(f"columns of the table {table} are missing or unknown: {', '.join(sorted(wrong))}")
    insert = f'INSERT INTO "{table}" BY NAME FROM read_parquet(?)'
    try:
        inserted = connection.execute(insert, [file]).fetchall()
    except duckdb.Error as error:
        if disk_full(path, error) is not None:
            raise
        raise ValueError(f"the table {table} cannot be read: {condition.reason(error)}") from error
    if inserted != [(rows,)]:
        raise ValueError(f"the table {table} has not the {rows:,} rows that it should have")


def _require_same(connection: duckdb.DuckDBPyConnection, copied: Copied) -> None:
    numbers = connection.execute("SELECT number FROM migrations ORDER BY number").fetchall()
    if tuple(number for (number,) in numbers) != copied.migrations:
        raise ValueError("its table of migrations is another one")
    if copied.tables.get("instance", 1) != 1:
        raise ValueError("it lacks the instance's identity")


def _advance(connection: duckdb.DuckDBPyConnection, sequences: Mapping[str, int]) -> None:
    """Make sequences go on where the copied ones were; DuckDB restarts none that a table depends on."""
    given = dict(connection.execute(SEQUENCES).fetchall())
    names = {
        name for (name,) in connection.execute("SELECT sequence_name FROM duckdb_sequences()").fetchall()
    }
    for name, last in sequences.items():
        if name not in names or last > MOST_NUMBERS:
            raise ValueError(f"it has no sequence {name} that ends with {last:,}")
        connection.execute("SELECT max(nextval(?)) FROM range(?)", [name, last - given.get(name, 0)])


def literally(path: Path) -> str:
    """A path for DuckDB's readers of files, in which nothing stands for other names."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))
