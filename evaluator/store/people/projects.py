"""SQL over projects."""

from __future__ import annotations

from evaluator.domain.access import MAIN
from evaluator.errors import ConflictError
from evaluator.store.file.database import Database


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
        for table in ("grants", "invitations", "tokens", "readings"):
            cursor.execute(f"DELETE FROM {table} WHERE project = ?", [name])  # noqa: S608  constants
        cursor.execute("DELETE FROM projects WHERE id = ?", [name])
