"""SQL over projects."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from evaluator.domain.access import MAIN
from evaluator.domain.records import Quotas
from evaluator.errors import ConflictError
from evaluator.store.file.database import Database

REMOVED = "removed a project"
"""What the audit log says of it."""


def projects(database: Database) -> tuple[str, ...]:
    """The names of all projects: the main one, then the others by name."""

    def read() -> tuple[str, ...]:
        rows = database.cursor.execute("SELECT id FROM projects ORDER BY id <> ?, id", [MAIN]).fetchall()
        return tuple(name for (name,) in rows)

    return database.remember("projects", read)


def add(database: Database, name: str) -> bool:
    """Make a project; whether there was none of that name."""
    with database.transaction() as cursor:
        return bool(
            cursor.execute(
                "INSERT INTO projects (id) VALUES (?) ON CONFLICT DO NOTHING RETURNING 1", [name]
            ).fetchall()
        )


def was_removed(database: Database, name: str) -> bool:
    """Whether there was a project of that name, of which the audit log still tells."""
    found = database.cursor.execute(
        "SELECT 1 FROM audit WHERE project = $name OR (action = $removed AND subject = $name) LIMIT 1",
        {"name": name, "removed": REMOVED},
    ).fetchone()
    return found is not None


def quotas(database: Database, name: str) -> Quotas:
    """What a project may use."""
    row = database.cursor.execute(
        "SELECT storage_limit, running_limit, monthly_limit FROM projects WHERE id = ?", [name]
    ).fetchone()
    return Quotas() if row is None else Quotas(*row)


def set_quotas(database: Database, name: str, quotas: Quotas) -> None:
    """Change what a project may use."""
    with database.transaction() as cursor:
        cursor.execute(
            "UPDATE projects SET storage_limit = ?, running_limit = ?, monthly_limit = ? WHERE id = ?",
            [*quotas, name],
        )


def spent_this_month(database: Database, name: str) -> int:
    """What a project's experiments have spent since this month began (UTC), in millionths of a USD."""
    row = database.cursor.execute(
        """
        SELECT coalesce((SELECT sum(s.micro_usd) FROM spending s JOIN experiments e ON e.id = s.experiment
                         JOIN datasets d ON d.id = e.dataset
                         WHERE d.project = $name AND s.recorded_at >= date_trunc('month', utc_now())), 0)
             + coalesce((SELECT sum(micro_usd) FROM past_spending
                         WHERE project = $name AND month = date_trunc('month', utc_now())::DATE), 0)
        """,
        {"name": name},
    ).fetchone()
    return int(row[0]) if row else 0


def keep_spending(cursor: DuckDBPyConnection, experiment: str) -> None:
    """Keep what an experiment has spent for its project, before the experiment is deleted."""
    cursor.execute(
        """
        INSERT INTO past_spending
        SELECT d.project, date_trunc('month', s.recorded_at)::DATE, sum(s.micro_usd)::BIGINT
        FROM spending s JOIN experiments e ON e.id = s.experiment JOIN datasets d ON d.id = e.dataset
        WHERE e.id = ? GROUP BY ALL
        ON CONFLICT DO UPDATE SET micro_usd = past_spending.micro_usd + excluded.micro_usd
        """,
        [experiment],
    )


def remove(database: Database, name: str) -> None:
    """Remove a project with its roles, invitations, tokens and readings.

    Raises:
        ConflictError: it has datasets; says how many.
    """
    with database.transaction() as cursor:
        (count,) = cursor.execute("SELECT count(*) FROM datasets WHERE project = ?", [name]).fetchone() or (
            0,
        )
        if count:
            raise ConflictError(
                f"the project {name!r} has {count:,} {'dataset' if count == 1 else 'datasets'}; delete them first"
            )
        for table in ("grants", "granted_by_groups", "invitations", "tokens", "readings", "past_spending"):
            cursor.execute(f"DELETE FROM {table} WHERE project = ?", [name])  # noqa: S608  constants
        cursor.execute("DELETE FROM projects WHERE id = ?", [name])
