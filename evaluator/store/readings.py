"""SQL over readings: how uploaded files were read that became a dataset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from evaluator.store.file.database import Database

KEPT = 200
"""Readings that are kept, the last ones."""


class StoredReading(NamedTuple):
    """How files were read.

    Attributes:
        dataset: the name that the dataset had.
        tables: the tables that were read, as JSON.
        reading: a reading, as JSON.
        stored_at: in UTC.
    """

    dataset: str
    tables: list[dict[str, Any]]
    reading: dict[str, Any]
    stored_at: datetime


def save_reading(
    database: Database, dataset: str, tables: Sequence[Mapping[str, Any]], reading: Mapping[str, Any]
) -> None:
    """Keep a reading, instead of an earlier one of the same tables."""
    with database.transaction() as cursor:
        cursor.execute(
            """
            INSERT INTO readings (tables, dataset, reading) VALUES (?, ?, ?)
            ON CONFLICT DO UPDATE SET dataset = excluded.dataset, reading = excluded.reading, stored_at = utc_now()
            """,
            [json.dumps(list(tables), sort_keys=True), dataset, json.dumps(reading)],
        )
        cursor.execute(
            "DELETE FROM readings WHERE tables NOT IN (SELECT tables FROM readings ORDER BY stored_at DESC LIMIT ?)",
            [KEPT],
        )


def stored_readings(database: Database) -> list[StoredReading]:
    """All readings that are kept, the last one first."""
    rows = database.cursor.execute(
        "SELECT dataset, tables, reading, stored_at FROM readings ORDER BY stored_at DESC, tables"
    ).fetchall()
    return [
        StoredReading(name, json.loads(tables), json.loads(reading), at) for name, tables, reading, at in rows
    ]
