"""The instance that a database belongs to."""

from __future__ import annotations

from evaluator.store.file.database import Database


def identity(database: Database) -> str:
    """The instance's identity: a UUID that is created with the database."""
    (found,) = database.cursor.execute("SELECT identity FROM instance").fetchone()
    return str(found)
