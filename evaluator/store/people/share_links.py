"""SQL over share links."""

from __future__ import annotations

import json
from typing import Any

from duckdb import DuckDBPyConnection

from evaluator.domain.records import ShareLink
from evaluator.store.file.database import Database

# What people see of datasets and experiments does not depend on these rows: writes leave the state as it is.


def add(database: Database, link: dict[str, Any]) -> None:
    """Store a link: all fields of a `ShareLink` but `created_at` and `opened_at`."""
    with database.transaction(changes=False) as cursor:
        cursor.execute(
            "INSERT INTO share_links (id, digest, experiment, part, choices, person, account, expires_at) "
            "VALUES ($id, $digest, $experiment, $part, $choices, $person, $account, $expires_at)",
            {**link, "choices": json.dumps(link["choices"])},
        )


def share_links(
    database: Database, *, digest: str | None = None, experiment: str | None = None
) -> list[ShareLink]:
    """Links, the newest first: that of a digest, those of an experiment, or all."""
    rows = database.cursor.execute(
        f"SELECT {', '.join(ShareLink._fields)} FROM share_links "  # noqa: S608  names of ours
        "WHERE coalesce(digest = $digest, TRUE) AND coalesce(experiment = $experiment, TRUE) "
        "ORDER BY created_at DESC, id",
        {"digest": digest, "experiment": experiment},
    ).fetchall()
    return [ShareLink(*row)._replace(choices=json.loads(row[4])) for row in rows]


def opened(database: Database, id_: str) -> None:
    """Note that a link is opened now."""
    with database.transaction(changes=False) as cursor:
        cursor.execute("UPDATE share_links SET opened_at = utc_now() WHERE id = ?", [id_])


def remove(database: Database, id_: str) -> None:
    """Remove a link."""
    with database.transaction(changes=False) as cursor:
        cursor.execute("DELETE FROM share_links WHERE id = ?", [id_])


def forget(cursor: DuckDBPyConnection, experiment: str) -> None:
    """Remove the links of an experiment that is deleted."""
    cursor.execute("DELETE FROM share_links WHERE experiment = ?", [experiment])


def may_share(database: Database, project: str) -> bool:
    """Whether there may be share links in a project."""
    rows = database.cursor.execute("SELECT shares FROM projects WHERE id = ?", [project]).fetchall()
    return rows == [(True,)]


def allow(database: Database, project: str, allowed: bool) -> None:
    """Allow share links in a project, or switch them off: those that there are do not work then."""
    with database.transaction(changes=False) as cursor:
        cursor.execute("UPDATE projects SET shares = ? WHERE id = ?", [allowed, project])
