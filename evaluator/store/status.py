"""SQL that changes an experiment's status: nothing else writes it, and `domain.status` says what is allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple, cast

import pyarrow as pa
from duckdb import DuckDBPyConnection

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.printable import printable
from evaluator.domain.status import Event, Status, after
from evaluator.domain.teamwork.deeds import Deed
from evaluator.errors import UnknownNameError
from evaluator.store.file.database import Database
from evaluator.store.people.audit import note_end
from evaluator.store.rescored import part
from evaluator.store.revisions import forget_revisions, revise

ENDS: Mapping[Event, Deed] = {"complete": Deed.FINISHED, "stop": Deed.STOPPED}
"""Events that nobody asks for, as the audit log has them; what people do is noted by the services."""
REASON = 300
"""Characters of a reason in the audit log."""


class Described(NamedTuple):
    """A spec as it is recorded: its JSON, and its variants as rows."""

    spec: str
    variants: pa.Table


def describe(spec: ExperimentSpec) -> Described:
    """Prepare the rows that `submit_experiment` records; takes some tenths of a second for thousands of variants."""
    columns = {
        "name": [variant.name for variant in spec.variants],
        "position": list(range(len(spec.variants))),
        "fingerprint": [variant.fingerprint for variant in spec.variants],
        "pipeline": [variant.pipeline_json for variant in spec.variants],
    }
    return Described(json.dumps(spec.to_json()), pa.table(columns))


def submit_experiment(
    database: Database, spec: ExperimentSpec, dataset: int, n_queries: int, described: Described | None = None
) -> int:
    """Record that an experiment is submitted, again if it was before; its rows stay, except failed ones.

    Args:
        dataset: its id.
        n_queries: of the dataset's version.
        described: the spec as `describe` gives it, for callers that hold a lock.

    Returns:
        the number of this attempt.

    Raises:
        UnknownNameError: the dataset was deleted meanwhile.
    """
    text, variants = described or describe(spec)
    with database.transaction() as cursor:
        if not cursor.execute("SELECT 1 FROM datasets WHERE id = ?", [dataset]).fetchone():
            raise UnknownNameError("the dataset was deleted meanwhile; choose another one")
        row = cursor.execute("SELECT 1 FROM experiments WHERE id = ?", [spec.id]).fetchone()
        if row is None:
            cursor.execute(
                """
                INSERT INTO experiments (id, name, dataset, spec, n_queries, status, attempt)
                VALUES (?, ?, ?, ?, ?, 'planning', nextval('attempts'))
                """,
                [spec.id, spec.name, dataset, text, n_queries],
            )
            cursor.execute("INSERT INTO submissions (experiment) VALUES (?)", [spec.id])
        else:
            part(cursor, spec.id)
            apply_event(cursor, spec.id, "submit")
            cursor.execute(
                """
                UPDATE experiments SET dataset = ?, spec = ?, started_at = utc_now(), finished_at = NULL, reason = NULL
                WHERE id = ?
                """,
                [dataset, text, spec.id],
            )
        cursor.register("described", variants)
        cursor.execute(
            """
            INSERT INTO variants (experiment, name, position, fingerprint, pipeline)
            SELECT $id, name, position, fingerprint, pipeline FROM described
            ON CONFLICT DO UPDATE SET error = NULL
            """,
            {"id": spec.id},
        )
        cursor.unregister("described")
        # Failed queries are tried again, and so are failed measurements.
        cursor.execute("DELETE FROM results WHERE experiment = ? AND error IS NOT NULL", [spec.id])
        cursor.execute("DELETE FROM variant_costs WHERE experiment = ? AND cost IS NULL", [spec.id])
        forget_revisions(cursor, spec.id)
        revise(cursor, [spec.id])
        return _attempt(cursor, spec.id)


def replan_experiment(database: Database, experiment: str) -> int | None:
    """Begin another attempt at an experiment whose jobs are gone; its number, or None if the experiment has ended."""
    with database.transaction() as cursor:
        if apply_event(cursor, experiment, "replan") != "planning":
            return None
        return _attempt(cursor, experiment)


def is_current(database: Database, experiment: str, attempt: int) -> bool:
    """Whether an experiment is still being planned by this attempt: nobody cancelled, deleted or restarted it."""
    row = database.cursor.execute(
        "SELECT 1 FROM experiments WHERE id = ? AND attempt = ? AND status = 'planning'",
        [experiment, attempt],
    ).fetchone()
    return row is not None


def enqueued_experiment(database: Database, experiment: str, attempt: int) -> None:
    """Record that an attempt's jobs are in the queue; some, or all, may have ended already."""
    with database.transaction() as cursor:
        if _attempt(cursor, experiment) == attempt:
            apply_event(cursor, experiment, "enqueue")
            complete(cursor, experiment)


def stop_attempt(database: Database, experiment: str, attempt: int, reason: str) -> None:
    """Record that an attempt cannot be planned, and why, unless another has begun."""
    with database.transaction() as cursor:
        if _attempt(cursor, experiment) == attempt:
            apply_event(cursor, experiment, "stop", reason)


def change_status(database: Database, experiment: str, event: Event, reason: str | None = None) -> Status:
    """Apply an event; returns the new status.

    Raises:
        UnknownNameError: there is no such experiment.
        ConflictError: the event is refused.
    """
    with database.transaction() as cursor:
        status = apply_event(cursor, experiment, event, reason)
    if status is None:
        raise UnknownNameError(f"no experiment has the id {experiment!r}")
    return status


def apply_event(
    cursor: DuckDBPyConnection, experiment: str, event: Event, reason: str | None = None
) -> Status | None:
    """Apply an event within a transaction; returns the new status, or None if the experiment is unknown.

    Raises:
        ConflictError: the event is refused.
    """
    row = cursor.execute("SELECT name, status FROM experiments WHERE id = ?", [experiment]).fetchone()
    if row is None:
        return None
    name, before = cast("tuple[str, Status]", row)
    status = after(before, event, name)
    if status is None:
        return before
    cursor.execute(
        """
        UPDATE experiments SET
            status = $status,
            attempt = CASE WHEN $status = 'planning' THEN nextval('attempts') ELSE attempt END,
            finished_at = CASE WHEN $event = 'complete' THEN utc_now() ELSE finished_at END,
            reason = CASE WHEN $event = 'stop' THEN $reason ELSE reason END
        WHERE id = $id
        """,
        {"status": status, "event": event, "reason": reason, "id": experiment},
    )
    if event in ENDS:
        note_end(
            cursor,
            ENDS[event],
            experiment,
            name if reason is None else f"{name}: {printable(reason, REASON)}",
        )
    return status


def complete(cursor: DuckDBPyConnection, experiment: str) -> None:
    """Finish an experiment within a transaction if no query is missing.

    A variant with all of its rows has not failed as a whole: its error was from an earlier attempt.
    """
    counts = cursor.execute(
        """
        SELECT v.name, v.error IS NOT NULL, coalesce(r.n, 0) >= e.n_queries
        FROM experiments e JOIN variants v ON v.experiment = e.id
        LEFT JOIN (SELECT variant, count(*) AS n FROM results WHERE experiment = $id GROUP BY variant) r
            ON r.variant = v.name
        WHERE e.id = $id
        """,
        {"id": experiment},
    ).fetchall()
    if not counts or not all(failed or whole for _, failed, whole in counts):
        return
    if any(failed and whole for _, failed, whole in counts):
        revise(cursor, [experiment])
    for name, failed, whole in counts:
        if failed and whole:
            cursor.execute(
                "UPDATE variants SET error = NULL WHERE experiment = ? AND name = ?", [experiment, name]
            )
    apply_event(cursor, experiment, "complete")


def _attempt(cursor: DuckDBPyConnection, experiment: str) -> int:
    row = cursor.execute("SELECT attempt FROM experiments WHERE id = ?", [experiment]).fetchone()
    return 0 if row is None else int(row[0])
