"""SQL over the log of what people did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from evaluator.domain.access import SYSTEM
from evaluator.domain.records import AuditEntry
from evaluator.domain.teamwork.deeds import About, Deed, experiment_of
from evaluator.store.file.database import Database

FIELDS = ", ".join(AuditEntry._fields)


def note(
    database: Database,
    person: str,
    account: str | None,
    way: str,
    address: str,
    action: str,
    subject: str,
    about: About | None = None,
    project: str | None = None,
) -> None:
    """Add an entry."""
    with database.transaction(changes=False) as cursor:
        _add(cursor, [person, account, way, address, action, subject, project, *(about or (None, None))])


def note_end(cursor: DuckDBPyConnection, deed: Deed, id_: str, subject: str) -> None:
    """Add an entry in the transaction that ends an experiment, as the server: neither is there without the other."""
    way = SYSTEM.way.name.lower()
    owner = cursor.execute(
        "SELECT d.project FROM experiments e JOIN datasets d ON d.id = e.dataset WHERE e.id = ?", [id_]
    ).fetchone()
    project = None if owner is None else owner[0]
    _add(cursor, [SYSTEM.name, None, way, "", deed, subject, project, *experiment_of(id_)])


def _add(cursor: DuckDBPyConnection, values: list[Any]) -> None:
    cursor.execute(
        "INSERT INTO audit (person, account, way, address, action, subject, project, kind, target) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def entries(
    database: Database,
    *,
    before: int | None = None,
    limit: int = 1000,
    person: str | None = None,
    action: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    actions: Sequence[str] | None = None,
    project: str | None = None,
    about: About | None = None,
) -> list[AuditEntry]:
    """The newest entries that fit all that is given; `before` goes on from the number of the last one that was read."""
    rows = database.cursor.execute(
        f"""
        SELECT {FIELDS} FROM audit
        WHERE coalesce(number < $before, TRUE) AND coalesce(person = $person, TRUE)
            AND coalesce(action = $action, TRUE) AND coalesce(done_at >= $since, TRUE)
            AND coalesce(done_at < $until, TRUE) AND ($actions IS NULL OR action IN (SELECT unnest($actions)))
            AND coalesce(project = $project, $project IS NULL) AND coalesce(kind = $kind, $kind IS NULL)
            AND coalesce(target = $target, $target IS NULL)
        ORDER BY number DESC LIMIT $limit
        """,  # noqa: S608  names of ours
        {
            "before": before,
            "limit": limit,
            "person": person,
            "action": action,
            "since": since,
            "until": until,
            "actions": None if actions is None else list(actions),
            "project": project,
            "kind": about and about.kind,
            "target": about and about.target,
        },
    ).fetchall()
    return [AuditEntry(*row) for row in rows]


def after(database: Database, number: int, actions: Sequence[str]) -> list[AuditEntry]:
    """Entries of some actions after a number, the oldest first."""
    rows = database.cursor.execute(
        f"SELECT {FIELDS} FROM audit WHERE number > ? AND action IN (SELECT unnest(?)) ORDER BY number",  # noqa: S608
        [number, list(actions)],
    ).fetchall()
    return [AuditEntry(*row) for row in rows]


def people_and_actions(database: Database) -> tuple[list[str], list[str]]:
    """The names of all people in the log, and all actions."""
    people = database.cursor.execute("SELECT DISTINCT person FROM audit ORDER BY person").fetchall()
    actions = database.cursor.execute("SELECT DISTINCT action FROM audit ORDER BY action").fetchall()
    return [name for (name,) in people], [action for (action,) in actions]
