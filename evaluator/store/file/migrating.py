"""Migrations of the database: numbered SQL files, each applied once, in order."""

from __future__ import annotations

import re
from importlib import resources

import duckdb

from evaluator import __version__

MIGRATION_NAME = re.compile(r"(\d{4})_\w+\.sql")


def migrate(connection: duckdb.DuckDBPyConnection, upto: int | None = None) -> list[int]:
    """Apply the migrations that the file lacks, each in a transaction with its own record; returns their numbers.

    A new file gets all of them in one transaction, which is twice as fast.

    Args:
        upto: the last one to apply: the file is then one of an earlier version. All by default.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, applied_at VARCHAR DEFAULT now()::VARCHAR)"
    )
    connection.execute("ALTER TABLE migrations ADD COLUMN IF NOT EXISTS version VARCHAR")
    recorded = {number for (number,) in connection.execute("SELECT number FROM migrations").fetchall()}
    wanted = [step for step in migrations() if upto is None or step[0] <= upto]
    missing = [step for step in wanted if step[0] not in recorded]
    for steps in [[step] for step in missing] if recorded else [missing]:
        connection.execute("BEGIN TRANSACTION")
        try:
            for number, sql in steps:
                connection.execute(sql)
                connection.execute(
                    "INSERT INTO migrations (number, version) VALUES (?, ?)", [number, __version__]
                )
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    return [number for number, _ in missing]


def migrations() -> list[tuple[int, str]]:
    """All migrations: number and SQL, in order."""
    numbered = []
    for entry in resources.files("evaluator.store").joinpath("migrations").iterdir():
        match = MIGRATION_NAME.fullmatch(entry.name)
        if match:
            numbered.append((int(match.group(1)), entry.read_text(encoding="utf-8")))
    return sorted(numbered)
