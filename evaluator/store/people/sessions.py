"""SQL over sessions of browsers, one-time links, and tokens of programs: all found by digest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from evaluator.domain.access import Role
from evaluator.domain.records import Invitation, Session, Token
from evaluator.store.file.database import Database

# What people see of datasets and experiments does not depend on these tables: writes to them leave the state as it is.


def begin_session(
    database: Database, digest: str, account: str, way: str, address: str, agent: str, expires_at: datetime
) -> None:
    """Store a session."""
    with database.transaction(changes=False) as cursor:
        cursor.execute(
            "INSERT INTO sessions (digest, account, way, address, agent, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
            [digest, account, way, address, agent, expires_at],
        )


def sessions(database: Database, *, digest: str | None = None, account: str | None = None) -> list[Session]:
    """Sessions, the last used first: that of a digest, those of an account, or all."""
    rows = database.cursor.execute(
        f"SELECT {', '.join(Session._fields)} FROM sessions "  # noqa: S608  names of ours
        "WHERE coalesce(digest = $digest, TRUE) AND coalesce(account = $account, TRUE) ORDER BY seen_at DESC, digest",
        {"digest": digest, "account": account},
    ).fetchall()
    return [Session(*row) for row in rows]


def seen(database: Database, digest: str) -> None:
    """Note that a session is used now."""
    with database.transaction(changes=False) as cursor:
        cursor.execute("UPDATE sessions SET seen_at = utc_now() WHERE digest = ?", [digest])


def end_sessions(
    database: Database,
    *,
    digest: str | None = None,
    account: str | None = None,
    idle_since: datetime | None = None,
) -> None:
    """End a session, all of an account, or all that expired or were not used since."""
    with database.transaction(changes=False) as cursor:
        cursor.execute(
            "DELETE FROM sessions WHERE digest = ? OR account = ? OR seen_at < ? OR (? IS NOT NULL AND "
            "expires_at < utc_now())",
            [digest, account, idle_since, idle_since],
        )


def invite(database: Database, invitation: dict[str, Any]) -> None:
    """Store a one-time link: all fields of an `Invitation` but `created_at` and `used_at`."""
    with database.transaction(changes=False) as cursor:
        cursor.execute(
            "INSERT INTO invitations (digest, purpose, name, account, is_admin, role, created_by, expires_at, project) "
            "VALUES ($digest, $purpose, $name, $account, $is_admin, $role, $created_by, $expires_at, $project)",
            invitation,
        )


def invitations(database: Database) -> list[Invitation]:
    """All one-time links, the newest first."""
    rows = database.cursor.execute(
        f"SELECT {', '.join(Invitation._fields)} FROM invitations ORDER BY created_at DESC, digest"  # noqa: S608
    ).fetchall()
    return [Invitation(*row)._replace(role=Role(row[5]) if row[5] else None) for row in rows]


def withdraw(
    database: Database,
    *,
    digest: str | None = None,
    account: str | None = None,
    created_by: str | None = None,
) -> None:
    """Withdraw the one-time link of a digest, all that choose an account's password anew, or all that somebody made."""
    with database.transaction(changes=False) as cursor:
        cursor.execute(
            "DELETE FROM invitations WHERE digest = ? OR account = ? OR created_by = ?",
            [digest, account, created_by],
        )


def add_token(
    database: Database,
    id_: str,
    digest: str,
    shown: str,
    name: str,
    account: str,
    role: Role | None,
    project: str | None,
    expires_at: datetime | None,
) -> None:
    """Store a token."""
    with database.transaction(changes=False) as cursor:
        cursor.execute(
            "INSERT INTO tokens (id, digest, shown, name, account, role, project, expires_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [id_, digest, shown, name, account, role, project, expires_at],
        )


def tokens(database: Database, *, digest: str | None = None) -> list[Token]:
    """Tokens, the newest first: that of a digest, or all."""
    rows = database.cursor.execute(
        f"SELECT {', '.join(Token._fields)} FROM tokens WHERE coalesce(digest = $digest, TRUE) "  # noqa: S608
        "ORDER BY created_at DESC, id",
        {"digest": digest},
    ).fetchall()
    return [Token(*row)._replace(role=Role(row[5]) if row[5] else None) for row in rows]


def token_used(database: Database, id_: str) -> None:
    """Note that a token is used now."""
    with database.transaction(changes=False) as cursor:
        cursor.execute("UPDATE tokens SET used_at = utc_now() WHERE id = ?", [id_])


def revoke_token(database: Database, id_: str) -> None:
    """Remove a token."""
    with database.transaction(changes=False) as cursor:
        cursor.execute("DELETE FROM tokens WHERE id = ?", [id_])
