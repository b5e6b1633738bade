"""The DuckDB file's only owner: one connection a process, one cursor a thread, migrations on opening."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import duckdb
import psutil

from evaluator.errors import StoreLockedError

MIGRATION_NAME = re.compile(r"(\d{4})_\w+\.sql")
HOLDER = re.compile(r"\(PID (\d+)\)")


class Database:
    """An open database. Threads may share it: each gets its own cursor.

    Raises:
        StoreLockedError: another process has the file open; names it and says what to do.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = duckdb.connect(str(path))
        except duckdb.IOException as error:
            raise _locked(path, error) from error
        self._local = threading.local()
        self._write = threading.Lock()
        migrate(self._connection)

    @property
    def cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's cursor."""
        if not hasattr(self._local, "cursor"):
            self._local.cursor = self._connection.cursor()
        cursor: duckdb.DuckDBPyConnection = self._local.cursor
        return cursor

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A write: all or nothing, one at a time."""
        with self._write:
            cursor = self.cursor
            cursor.execute("BEGIN TRANSACTION")
            try:
                yield cursor
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def close(self) -> None:
        """Close the file; its write-ahead log is merged."""
        with self._write:
            self._connection.close()


def migrate(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Apply the migrations that the file lacks, each in a transaction with its own record; returns their numbers."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, applied_at VARCHAR DEFAULT now()::VARCHAR)"
    )
    done = {number for (number,) in connection.execute("SELECT number FROM migrations").fetchall()}
    applied = []
    for number, sql in migrations():
        if number in done:
            continue
        connection.execute("BEGIN TRANSACTION")
        try:
            connection.execute(sql)
            connection.execute("INSERT INTO migrations (number) VALUES (?)", [number])
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        applied.append(number)
    return applied


def migrations() -> list[tuple[int, str]]:
    """All migrations: number and SQL, in order."""
    found = []
    for entry in resources.files("evaluator.store").joinpath("migrations").iterdir():
        match = MIGRATION_NAME.fullmatch(entry.name)
        if match:
            found.append((int(match.group(1)), entry.read_text(encoding="utf-8")))
    return sorted(found)


def _locked(path: Path, error: Exception) -> StoreLockedError:
    match = HOLDER.search(str(error))
    if match is None:
        return StoreLockedError(f"{path} cannot be opened: {str(error).splitlines()[0]}")
    pid = int(match.group(1))
    try:
        command = " ".join(psutil.Process(pid).cmdline()[-3:])
    except psutil.Error:
        command = "?"
    return StoreLockedError(
        f"{path} is in use by process {pid} ({command}); use its web page, stop it, "
        "or set EVALUATOR_HOME to another folder"
    )
