"""The number of what is recorded of an experiment: what was read under one holds as long as it stays (ADR 0019)."""

from __future__ import annotations

from collections.abc import Iterable

from duckdb import DuckDBPyConnection


def revise(cursor: DuckDBPyConnection, experiments: Iterable[str]) -> None:
    """Give experiments their next numbers, in the transaction that changes their results or variants."""
    for experiment in sorted(set(experiments)):
        cursor.execute("UPDATE experiments SET revision = nextval('revisions') WHERE id = ?", [experiment])
