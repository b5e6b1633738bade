"""SQL over accounts, and their roles in projects."""

from __future__ import annotations

import duckdb

from evaluator.domain.access import Role
from evaluator.domain.records import Account
from evaluator.errors import ConflictError
from evaluator.store.file.database import Database


def accounts(database: Database) -> tuple[Account, ...]:
    """All accounts, by name."""

    def read() -> tuple[Account, ...]:
        grants: dict[str, dict[str, Role]] = {}
        for account, project, role in database.cursor.execute(
            "SELECT account, project, role FROM grants"
        ).fetchall():
            grants.setdefault(account, {})[project] = Role(role)
        rows = database.cursor.execute(
            "SELECT id, name, password, is_admin, created_at, disabled_at FROM accounts ORDER BY name"
        ).fetchall()
        return tuple(
            Account(id_, name, password, is_admin, created_at, disabled_at, grants.get(id_, {}))
            for id_, name, password, is_admin, created_at, disabled_at in rows
        )

    return database.remember("accounts", read)


def add(
    database: Database,
    account: Account,
    *,
    invitation: str | None = None,
) -> bool:
    """Store a new account with its roles, and use the one-time link that it came by: all or nothing.

    Args:
        invitation: the link's digest.

    Returns:
        Whether it is stored; not if the name is taken, or the link cannot be used any more.
    """
    with database.transaction() as cursor:
        names = cursor.execute("SELECT name FROM accounts").fetchall()
        if account.name.casefold() in {name.casefold() for (name,) in names}:
            return False
        if invitation is not None and not use_link(cursor, invitation):
            return False
        cursor.execute(
            "INSERT INTO accounts (id, name, password, is_admin) VALUES (?, ?, ?, ?)",
            [account.id, account.name, account.password, account.is_admin],
        )
        for project, role in account.roles.items():
            cursor.execute("INSERT INTO grants VALUES (?, ?, ?)", [account.id, project, role])
    return True


def choose_password(database: Database, id_: str, password: str, invitation: str | None = None) -> bool:
    """Change an account's password and end its sessions, all or nothing; whether the one-time link could be used."""
    with database.transaction() as cursor:
        if invitation is not None and not use_link(cursor, invitation):
            return False
        cursor.execute("UPDATE accounts SET password = ? WHERE id = ?", [password, id_])
        cursor.execute("DELETE FROM sessions WHERE account = ?", [id_])
    return True


def use_link(cursor: duckdb.DuckDBPyConnection, invitation: str) -> bool:
    """Use a one-time link within a transaction; whether it could be used."""
    used = cursor.execute(
        "UPDATE invitations SET used_at = utc_now() "
        "WHERE digest = ? AND used_at IS NULL AND expires_at > utc_now() RETURNING 1",
        [invitation],
    ).fetchall()
    return bool(used)


def change(
    database: Database,
    id_: str,
    *,
    password: str | None = None,
    is_admin: bool | None = None,
    is_disabled: bool | None = None,
) -> None:
    """Change what is given; None leaves it as it is.

    Raises:
        ConflictError: the only administrator would be none any more; nothing is changed.
    """
    with database.transaction() as cursor:
        if is_disabled or is_admin is False:
            admins = cursor.execute(
                "SELECT id, name FROM accounts WHERE is_admin AND disabled_at IS NULL LIMIT 2"
            ).fetchall()
            if [admin for admin, _ in admins] == [id_]:
                raise ConflictError(f"{admins[0][1]} is the only administrator; make somebody else one first")
        cursor.execute(
            """
            UPDATE accounts SET
                password = coalesce($password, password),
                is_admin = coalesce($is_admin, is_admin),
                disabled_at = CASE WHEN $is_disabled IS NULL THEN disabled_at WHEN $is_disabled THEN utc_now() END
            WHERE id = $id
            """,
            {"id": id_, "password": password, "is_admin": is_admin, "is_disabled": is_disabled},
        )


def grant(database: Database, account: str, project: str, role: Role | None) -> None:
    """Give an account a role in a project instead of the one it has; None takes it away."""
    with database.transaction() as cursor:
        if role is None:
            cursor.execute("DELETE FROM grants WHERE account = ? AND project = ?", [account, project])
        else:
            cursor.execute(
                "INSERT INTO grants (account, project, role) VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET role = excluded.role",
                [account, project, role],
            )
