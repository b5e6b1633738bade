"""Revisions of an experiment's rows: values read under one hold as long as the number stays (ADR 0019)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from duckdb import DuckDBPyConnection

REVISION: Final = "coalesce((SELECT max(r.revision) FROM revisions r WHERE r.experiment = e.id), 0)"
"""The number of an experiment, of a row `e` of the table `experiments`."""


def revise(cursor: DuckDBPyConnection, experiments: Iterable[str]) -> None:
    """Give experiments, and those that share their rows, the next numbers in the transaction that changes the rows.

    A row is added and none changed: while anybody reads, DuckDB merges its log after inserts, but not after updates.
    """
    for experiment in sorted(set(experiments)):
        cursor.execute(
            "INSERT INTO revisions (experiment) SELECT id FROM experiments WHERE id = $id OR run = $id",
            {"id": experiment},
        )


def forget_revisions(cursor: DuckDBPyConnection, experiment: str) -> None:
    """Drop the numbers that an experiment had; call `revise` afterwards, unless the experiment is removed, too."""
    cursor.execute("DELETE FROM revisions WHERE experiment = ?", [experiment])
