"""SQL over notifications: what people want to be told, what they were told, and what is still to be sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from evaluator.domain.teamwork.records import Delivery, Notice, Notification, Preferences, Webhook
from evaluator.store.file.database import Database

# What people see of datasets and experiments does not depend on these tables: writes to them leave the state as it is.

OF_PROJECTS = "($projects IS NULL OR project IN (SELECT unnest($projects)))"
APP = "app"
"""The channel of what is listed, not sent."""


def preferences(database: Database, account: str | None = None) -> list[Preferences]:
    """What people want to be told: one account, or all."""
    rows = database.cursor.execute(
        f"SELECT {', '.join(Preferences._fields)} FROM preferences WHERE coalesce(account = ?, ?)",  # noqa: S608
        [account, account is None],
    ).fetchall()
    return [Preferences(*row)._replace(events=tuple(row[1])) for row in rows]


def save_preferences(database: Database, wanted: Preferences, webhook: Webhook | None) -> None:
    """Store what somebody wants to be told; a webhook replaces the one there was, and goes if none is wanted."""
    with database.transaction(changes=False) as cursor:
        names = ", ".join(Preferences._fields)
        cursor.execute(
            f"INSERT OR REPLACE INTO preferences ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  names of ours
            [list(value) if isinstance(value, tuple) else value for value in wanted],
        )
        if webhook is not None:
            cursor.execute("INSERT OR REPLACE INTO webhooks (account, url, key) VALUES (?, ?, ?)", [*webhook])
        elif not wanted.webhook:
            cursor.execute("DELETE FROM webhooks WHERE account = ?", [wanted.account])


def webhook(database: Database, account: str) -> Webhook | None:
    """An account's webhook; None if it has none."""
    rows = database.cursor.execute(
        "SELECT account, url, key FROM webhooks WHERE account = ?", [account]
    ).fetchall()
    return Webhook(*rows[0]) if rows else None


def noticed(database: Database) -> int:
    """The number of the last entry of the audit log that was made into notifications."""
    row = database.cursor.execute("SELECT max(number) FROM noticed").fetchone()
    return int(row[0] or 0) if row else 0


def notify(database: Database, notices: Sequence[Notice], number: int | None = None) -> None:
    """Store what people are told, all or nothing.

    Args:
        number: the entry of the audit log that it is about; a test has none.
    """
    with database.transaction(changes=False) as cursor:
        for notice in notices:
            is_listed = notice.channel == APP
            names = [name for name in Notice._fields if not (is_listed and name == "channel")]
            cursor.execute(
                f"INSERT OR IGNORE INTO {'notifications' if is_listed else 'deliveries'} ({', '.join(names)}) "  # noqa: S608
                f"VALUES ({', '.join('?' * len(names))})",
                [getattr(notice, name) for name in names],
            )
        if number is not None:
            cursor.execute("UPDATE noticed SET number = ?", [number])


def notifications(
    database: Database, account: str, projects: Collection[str] | None, limit: int
) -> list[Notification]:
    """What somebody was told of some projects (all for None), the newest first."""
    rows = database.cursor.execute(
        f"SELECT {', '.join(Notification._fields)} FROM notifications WHERE account = $account "  # noqa: S608  names of ours
        f"AND {OF_PROJECTS} ORDER BY created_at DESC, id LIMIT $limit",
        {"account": account, "projects": _list(projects), "limit": limit},
    ).fetchall()
    return [Notification(*row) for row in rows]


def unread(database: Database, account: str, projects: Collection[str] | None) -> int:
    """How many notifications of some projects (all for None) somebody has not read."""
    row = database.cursor.execute(
        f"SELECT count(*) FROM notifications WHERE account = $account AND read_at IS NULL AND {OF_PROJECTS}",  # noqa: S608
        {"account": account, "projects": _list(projects)},
    ).fetchone()
    return int(row[0]) if row else 0


def read(
    database: Database, account: str, projects: Collection[str] | None, ids: Sequence[str] | None
) -> None:
    """Note that somebody has read some of their notifications of some projects, or all (None)."""
    with database.transaction(changes=False) as cursor:
        cursor.execute(
            "UPDATE notifications SET read_at = utc_now() WHERE account = $account AND read_at IS NULL "  # noqa: S608
            f"AND ($ids IS NULL OR id IN (SELECT unnest($ids))) AND {OF_PROJECTS}",
            {"account": account, "projects": _list(projects), "ids": _list(ids)},
        )


def _list(values: Collection[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def due(database: Database, limit: int) -> list[Delivery]:
    """What is to be sent now, the oldest first."""
    return _deliveries(
        database,
        "WHERE sent_at IS NULL AND failed_at IS NULL AND next_at <= utc_now() ORDER BY created_at, id LIMIT ?",
        [limit],
    )


def deliveries(database: Database, account: str, limit: int) -> list[Delivery]:
    """What was sent to somebody, or is still to be sent, the newest first."""
    return _deliveries(database, "WHERE account = ? ORDER BY created_at DESC, id LIMIT ?", [account, limit])


def _deliveries(database: Database, where: str, given: list[object]) -> list[Delivery]:
    rows = database.cursor.execute(
        f"SELECT {', '.join(Delivery._fields)} FROM deliveries {where}",  # noqa: S608  names of ours
        given,
    ).fetchall()
    return [Delivery(*row) for row in rows]


def attempt(database: Database, id_: str, again_in: timedelta | None) -> None:
    """Note that a delivery is tried now, before it is: whoever is killed meanwhile tries again later, not at once.

    Args:
        again_in: until the next attempt if this one fails; None if this is the last.
    """
    with database.transaction(changes=False) as cursor:
        cursor.execute(
            "UPDATE deliveries SET attempts = attempts + 1, next_at = utc_now() + to_seconds(?) WHERE id = ?",
            [0 if again_in is None else again_in.total_seconds(), id_],
        )


def sent(database: Database, id_: str) -> None:
    """Note that a delivery has arrived."""
    with database.transaction(changes=False) as cursor:
        cursor.execute("UPDATE deliveries SET sent_at = utc_now(), error = NULL WHERE id = ?", [id_])


def not_sent(database: Database, id_: str, error: str, *, is_last: bool) -> None:
    """Note why an attempt failed, and whether it was the last."""
    with database.transaction(changes=False) as cursor:
        cursor.execute(
            "UPDATE deliveries SET error = ?, failed_at = CASE WHEN ? THEN utc_now() END WHERE id = ?",
            [error, is_last, id_],
        )


def forget_before(database: Database, moment: datetime) -> None:
    """Remove notifications and deliveries that are older."""
    with database.transaction(changes=False) as cursor:
        for table in ("notifications", "deliveries"):
            cursor.execute(f"DELETE FROM {table} WHERE created_at < ?", [moment])  # noqa: S608  constants
