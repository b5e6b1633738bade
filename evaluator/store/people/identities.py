"""SQL over identities: by whom people are vouched for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import duckdb

from evaluator.domain.access import Role
from evaluator.domain.records import Account, Identity
from evaluator.store.file.database import Database
from evaluator.store.people.accounts import use_link


def identity(database: Database, issuer: str, subject: str) -> Identity | None:
    """What an issuer calls somebody; None if nobody is known by that."""
    found = database.cursor.execute(
        f"SELECT {', '.join(Identity._fields)} FROM identities WHERE issuer = ? AND subject = ?",  # noqa: S608
        [issuer, subject],
    ).fetchone()
    return None if found is None else Identity(*found)


def identities(database: Database, account: str) -> list[Identity]:
    """All identities of an account, the last used first."""
    rows = database.cursor.execute(
        f"SELECT {', '.join(Identity._fields)} FROM identities WHERE account = ? "  # noqa: S608  names of ours
        "ORDER BY used_at DESC, issuer, subject",
        [account],
    ).fetchall()
    return [Identity(*row) for row in rows]


def add(
    database: Database,
    issuer: str,
    subject: str,
    account: str,
    *,
    new: Account | None = None,
    by_groups: Collection[str] = (),
    invitation: str | None = None,
) -> bool:
    """Store whom an issuer vouches for, with their new account and the one-time link that they used: all or nothing.

    Args:
        account: its id.
        new: the account, if it is not stored yet.
        by_groups: the projects in which its role comes from groups; see `by_groups`.
        invitation: the link's digest.

    Returns:
        Whether it is stored; not if the identity or the account's name is somebody's already, or the link cannot be
        used any more.
    """
    with database.transaction() as cursor:
        taken = cursor.execute(
            "SELECT 1 FROM identities WHERE issuer = ? AND subject = ?", [issuer, subject]
        ).fetchone()
        if taken or (new is not None and _is_named(cursor, new.name)):
            return False
        if invitation is not None and not use_link(cursor, invitation):
            return False
        if new is not None:
            cursor.execute(
                "INSERT INTO accounts (id, name, is_admin) VALUES (?, ?, ?)", [new.id, new.name, new.is_admin]
            )
            for project, role in new.roles.items():
                cursor.execute("INSERT INTO grants VALUES (?, ?, ?)", [new.id, project, role])
            for project in by_groups:
                cursor.execute("INSERT INTO granted_by_groups VALUES (?, ?, ?)", [new.id, issuer, project])
        cursor.execute(
            "INSERT INTO identities (issuer, subject, account) VALUES (?, ?, ?)", [issuer, subject, account]
        )
    return True


def seen(database: Database, issuer: str, subject: str) -> None:
    """Note that an identity is used now."""
    with database.transaction(changes=False) as cursor:
        cursor.execute(
            "UPDATE identities SET used_at = utc_now() WHERE issuer = ? AND subject = ?", [issuer, subject]
        )


def remove(database: Database, issuer: str, subject: str) -> None:
    """Forget an identity."""
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM identities WHERE issuer = ? AND subject = ?", [issuer, subject])


def by_groups(database: Database, account: str, issuer: str) -> frozenset[str]:
    """The projects in which an account's role comes from an issuer's groups; '' for administering the instance."""
    rows = database.cursor.execute(
        "SELECT project FROM granted_by_groups WHERE account = ? AND issuer = ?", [account, issuer]
    ).fetchall()
    return frozenset(project for (project,) in rows)


def set_roles(
    database: Database,
    account: str,
    issuer: str,
    roles: Mapping[str, Role | None],
    is_admin: bool | None,
    given: Mapping[str, bool],
) -> None:
    """Change what an account may do, because of an issuer's groups.

    Args:
        roles: by project; None takes a role away.
        is_admin: None leaves it as it is.
        given: by project ('' for administering the instance): whether it comes from groups from now on; what is
            missing stays.
    """
    with database.transaction() as cursor:
        for project, role in roles.items():
            if role is None:
                cursor.execute("DELETE FROM grants WHERE account = ? AND project = ?", [account, project])
            else:
                cursor.execute(
                    "INSERT INTO grants (account, project, role) VALUES (?, ?, ?) "
                    "ON CONFLICT DO UPDATE SET role = excluded.role",
                    [account, project, role],
                )
        if is_admin is not None:
            cursor.execute("UPDATE accounts SET is_admin = ? WHERE id = ?", [is_admin, account])
        for project, is_given in given.items():
            cursor.execute(
                "INSERT OR IGNORE INTO granted_by_groups VALUES (?, ?, ?)"
                if is_given
                else "DELETE FROM granted_by_groups WHERE account = ? AND issuer = ? AND project = ?",
                [account, issuer, project],
            )


def _is_named(cursor: duckdb.DuckDBPyConnection, name: str) -> bool:
    names = cursor.execute("SELECT name FROM accounts").fetchall()
    return name.casefold() in {each.casefold() for (each,) in names}
