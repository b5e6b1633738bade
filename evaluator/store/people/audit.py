"""SQL over the log of what people did."""

from __future__ import annotations

from evaluator.domain.records import AuditEntry
from evaluator.store.file.database import Database


def note(
    database: Database, person: str, account: str | None, way: str, address: str, action: str, subject: str
) -> None:
    """Add an entry."""
    with database.transaction(changes=False) as cursor:
        cursor.execute(
            "INSERT INTO audit (person, account, way, address, action, subject) VALUES (?, ?, ?, ?, ?, ?)",
            [person, account, way, address, action, subject],
        )


def entries(database: Database, *, before: int | None = None, limit: int = 1000) -> list[AuditEntry]:
    """The newest entries; `before` goes on from the number of the last one that was read."""
    rows = database.cursor.execute(
        f"SELECT {', '.join(AuditEntry._fields)} FROM audit WHERE coalesce(number < ?, TRUE) "  # noqa: S608
        "ORDER BY number DESC LIMIT ?",
        [before, limit],
    ).fetchall()
    return [AuditEntry(*row) for row in rows]
