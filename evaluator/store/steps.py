"""SQL over edits of judgments that experiments do not follow yet, and over the experiments that do (ADR 0029)."""

from __future__ import annotations

import json
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from evaluator.domain.dataset import DatasetManifest
from evaluator.store.file.database import Database


class Step(NamedTuple):
    """A dataset (its id) came to a version by an edit of the judgments of the version before."""

    dataset: int
    version: int
    before: DatasetManifest
    after: DatasetManifest


def first_step(database: Database, dataset: int) -> Step | None:
    """The first edit of a dataset that experiments do not follow yet; None if there is none."""
    row = database.cursor.execute(
        """
        SELECT s.version, b.manifest, a.manifest FROM steps s
        JOIN dataset_versions b ON b.dataset = s.dataset AND b.version = s.version - 1
        JOIN dataset_versions a ON a.dataset = s.dataset AND a.version = s.version
        WHERE s.dataset = ? ORDER BY s.version LIMIT 1
        """,
        [dataset],
    ).fetchone()
    if row is None:
        return None
    before, after = (DatasetManifest.from_json(json.loads(manifest)) for manifest in row[1:])
    return Step(dataset, row[0], before, after)


def edited_datasets(database: Database) -> list[int]:
    """Datasets with edits that experiments do not follow yet."""
    rows = database.cursor.execute("SELECT DISTINCT dataset FROM steps ORDER BY dataset").fetchall()
    return [dataset for (dataset,) in rows]


def followers(database: Database, step: Step) -> set[str]:
    """Experiments that have followed an edit."""
    rows = database.cursor.execute(
        "SELECT experiment FROM followed WHERE dataset = ? AND version = ?", [step.dataset, step.version]
    ).fetchall()
    return {experiment for (experiment,) in rows}


def note_step(cursor: DuckDBPyConnection, dataset: int, version: int) -> None:
    """Note an edit, in the transaction that makes its version."""
    cursor.execute("INSERT INTO steps (dataset, version) VALUES (?, ?)", [dataset, version])


def note_follower(cursor: DuckDBPyConnection, step: Step, experiment: str) -> None:
    """Note that an experiment follows an edit, in the transaction that records its new scores."""
    cursor.execute(
        "INSERT INTO followed (dataset, version, experiment) VALUES (?, ?, ?)",
        [step.dataset, step.version, experiment],
    )


def end_step(database: Database, step: Step) -> None:
    """Note that all experiments have followed an edit."""
    with database.transaction() as cursor:
        for table in ("steps", "followed"):
            cursor.execute(
                f"DELETE FROM {table} WHERE dataset = ? AND version = ?",  # noqa: S608  constants
                [step.dataset, step.version],
            )


def drop_steps(cursor: DuckDBPyConnection, dataset: int) -> None:
    """Drop all edits of a dataset, in the transaction that removes it."""
    for table in ("steps", "followed"):
        cursor.execute(f"DELETE FROM {table} WHERE dataset = ?", [dataset])  # noqa: S608  constants
