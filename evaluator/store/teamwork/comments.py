"""SQL over comments and decisions. Those of an experiment count for all that share its ranked lists (ADR 0029)."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from evaluator.domain.teamwork.records import Comment, Decision
from evaluator.store.file.database import Database

SHARING = """
    (SELECT id FROM experiments WHERE coalesce(run, id) = (SELECT coalesce(run, id) FROM experiments WHERE id = $id))
"""
"""Experiments that share the lists of `$id`, itself among them."""


def add_comment(
    database: Database,
    project: str,
    experiment: str,
    variant: str | None,
    query: str | None,
    person: str,
    account: str | None,
    text: str,
) -> Comment:
    """Store a comment."""
    with database.transaction(changes=False) as cursor:
        rows = cursor.execute(
            f"""
            INSERT INTO comments (project, experiment, variant, query, person, account, text)
            VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING {", ".join(Comment._fields)}
            """,  # noqa: S608  names of ours
            [project, experiment, variant, query, person, account, text],
        ).fetchall()
    return Comment(*rows[0])


def change_comment(database: Database, number: int, text: str) -> None:
    """Change a comment's text."""
    with database.transaction(changes=False) as cursor:
        cursor.execute("UPDATE comments SET text = ?, edited_at = utc_now() WHERE number = ?", [text, number])


def delete_comment(database: Database, number: int) -> None:
    """Remove a comment."""
    with database.transaction(changes=False) as cursor:
        cursor.execute("DELETE FROM comments WHERE number = ?", [number])


def comment(database: Database, number: int) -> Comment | None:
    """A comment; None if there is none."""
    rows = database.cursor.execute(
        f"SELECT {', '.join(Comment._fields)} FROM comments WHERE number = ?",  # noqa: S608  names of ours
        [number],
    ).fetchall()
    return Comment(*rows[0]) if rows else None


def comments(database: Database, experiment: str) -> list[Comment]:
    """The comments on an experiment, the oldest first."""
    rows = database.cursor.execute(
        f"SELECT {', '.join(Comment._fields)} FROM comments WHERE experiment IN {SHARING} ORDER BY number",  # noqa: S608
        {"id": experiment},
    ).fetchall()
    return [Comment(*row) for row in rows]


def decide(
    database: Database,
    project: str,
    experiment: str,
    variant: str | None,
    reason: str,
    person: str,
    account: str | None,
) -> None:
    """Store a decision, which counts from now on. Experiments are read with it, so the state changes."""
    with database.transaction() as cursor:
        cursor.execute(
            "INSERT INTO decisions (project, experiment, variant, reason, person, account) VALUES (?, ?, ?, ?, ?, ?)",
            [project, experiment, variant, reason, person, account],
        )


def decisions(database: Database, experiment: str) -> list[Decision]:
    """All decisions on an experiment; the first one counts."""
    rows = database.cursor.execute(
        f"SELECT {', '.join(Decision._fields)} FROM decisions WHERE experiment IN {SHARING} ORDER BY number DESC",  # noqa: S608
        {"id": experiment},
    ).fetchall()
    return [Decision(*row) for row in rows]


def newest_decisions(database: Database) -> dict[str, Decision]:
    """The decision that counts, by the run of its experiment."""
    rows = database.cursor.execute(
        f"""
        SELECT coalesce(e.run, e.id), {", ".join(f"d.{name}" for name in Decision._fields)}
        FROM decisions d JOIN experiments e ON e.id = d.experiment ORDER BY d.number
        """  # noqa: S608  names of ours
    ).fetchall()
    return {run: Decision(*row) for run, *row in rows}


def hand_on(cursor: DuckDBPyConnection, experiment: str) -> None:
    """Before an experiment is deleted: what was said goes to one that shares its lists, or is deleted with it."""
    other = cursor.execute(
        f"SELECT id FROM experiments WHERE id IN {SHARING} AND id <> $id ORDER BY place DESC LIMIT 1",  # noqa: S608
        {"id": experiment},
    ).fetchone()
    for table in ("comments", "decisions"):
        if other is None:
            cursor.execute(f"DELETE FROM {table} WHERE experiment = ?", [experiment])  # noqa: S608  constants
        else:
            cursor.execute(
                f"UPDATE {table} SET experiment = ? WHERE experiment = ?",  # noqa: S608  constants
                [other[0], experiment],
            )
