"""SQL over experiments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.records import ExperimentRow
from evaluator.domain.teamwork.records import Decision
from evaluator.errors import UnknownNameError
from evaluator.store.file.database import Database
from evaluator.store.people import share_links
from evaluator.store.people.projects import keep_spending
from evaluator.store.rescored import drop_unused, part
from evaluator.store.revisions import REVISION
from evaluator.store.status import apply_event
from evaluator.store.teamwork.comments import hand_on, newest_decisions

REMEMBERED = 2048
"""Specs that are kept decoded: every page and route lists experiments."""

EXPERIMENTS = f"""
    SELECT e.id, e.name, d.name, e.spec, e.n_queries, e.status, e.created_at, e.started_at, e.finished_at, e.reason,
           e.dataset, e.attempt, {REVISION} AS revision, coalesce(e.run, e.id) AS run, e.place, d.project
    FROM experiments e JOIN datasets d ON d.id = e.dataset
"""  # noqa: S608  a constant


def note_submission(database: Database, experiment: str) -> None:
    """Note that an experiment was asked for again, if another was over the same dataset since it was the last time."""
    with database.transaction() as cursor:
        cursor.execute(
            """
            INSERT INTO submissions (experiment)
            SELECT $id WHERE $id <> (
                SELECT s.experiment FROM submissions s JOIN experiments e ON e.id = s.experiment
                WHERE e.dataset = (SELECT dataset FROM experiments WHERE id = $id)
                ORDER BY s.submitted_at DESC, s.rowid DESC LIMIT 1
            )
            """,
            {"id": experiment},
        )


def submissions(database: Database, dataset: int) -> list[tuple[datetime, ExperimentRow]]:
    """When which experiment over any version of a dataset was asked for, the first at first."""
    by_id = {row.id: row for row in all_experiments(database) if row.dataset_id == dataset}
    rows = database.cursor.execute(
        """
        SELECT s.submitted_at, s.experiment FROM submissions s JOIN experiments e ON e.id = s.experiment
        WHERE e.dataset = ? ORDER BY s.submitted_at, s.rowid
        """,
        [dataset],
    ).fetchall()
    return [(at, by_id[id_]) for at, id_ in rows if id_ in by_id]


def delete_experiment(database: Database, id_: str) -> None:
    """Forget an experiment with its results.

    Raises:
        ConflictError: it is planned or running.
    """
    with database.transaction() as cursor:
        apply_event(cursor, id_, "delete")
        hand_on(cursor, id_)
        run = cursor.execute("SELECT run FROM experiments WHERE id = ?", [id_]).fetchone()
        if run == (None,):  # its rows are its own, and go
            part(cursor, id_)
        keep_spending(cursor, id_)
        share_links.forget(cursor, id_)
        for table in ("spending", "submissions", "revisions"):
            cursor.execute(f"DELETE FROM {table} WHERE experiment = ?", [id_])  # noqa: S608  constants
        cursor.execute("DELETE FROM experiments WHERE id = ?", [id_])
        drop_unused(cursor, id_ if run is None or run[0] is None else run[0])


def all_experiments(database: Database) -> list[ExperimentRow]:
    """All experiments of all projects, the last submitted first."""
    return list(database.remember("experiments", lambda: _experiments(database)))


def newest_of_runs(rows: Sequence[ExperimentRow]) -> list[ExperimentRow]:
    """Of each run the experiment by the newest judgments, in the order given: what lists show, a line a run."""
    newest: dict[str, ExperimentRow] = {}
    for row in rows:
        if row.run not in newest or row.place > newest[row.run].place:
            newest[row.run] = row
    return [row for row in rows if newest[row.run] is row]


def _experiments(database: Database) -> list[ExperimentRow]:
    rows = database.cursor.execute(f"{EXPERIMENTS} ORDER BY e.started_at DESC, e.id").fetchall()
    decided = newest_decisions(database)
    return [_experiment(row, decided) for row in rows]


def experiments_over(database: Database, dataset: int, fingerprint: str) -> list[ExperimentRow]:
    """Experiments over one version of a dataset, the last submitted first."""
    rows = database.cursor.execute(
        f"{EXPERIMENTS} WHERE e.dataset = ? AND e.spec->>'dataset' = ? ORDER BY e.started_at DESC, e.id",
        [dataset, fingerprint],
    ).fetchall()
    decided = newest_decisions(database)
    return [_experiment(row, decided) for row in rows]


def known_experiment(database: Database, id_: str) -> ExperimentRow | None:
    """One experiment; None if there is none of that id."""
    return database.remember(("experiment", id_), lambda: _known_experiment(database, id_))


def _known_experiment(database: Database, id_: str) -> ExperimentRow | None:
    row = database.cursor.execute(f"{EXPERIMENTS} WHERE e.id = ?", [id_]).fetchone()
    return None if row is None else _experiment(row, newest_decisions(database))


def experiment(database: Database, id_: str) -> ExperimentRow:
    """One experiment.

    Raises:
        UnknownNameError: there is none of that id.
    """
    row = known_experiment(database, id_)
    if row is None:
        raise UnknownNameError(f"no experiment has the id {id_!r}")
    return row


def _experiment(row: tuple[Any, ...], decided: Mapping[str, Decision]) -> ExperimentRow:
    id_, name, dataset, spec, *rest = row
    found = ExperimentRow(id_, name, dataset, _spec(spec), *rest)
    return replace(found, decision=decided[found.run]) if found.run in decided else found


@lru_cache(maxsize=REMEMBERED)
def _spec(text: str) -> ExperimentSpec:
    """A spec from its JSON; the same text is the same spec, for ever."""
    return ExperimentSpec.from_json(json.loads(text))
