"""SQL over datasets and experiments."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.experiment import ExperimentSpec
from evaluator.errors import UnknownNameError
from evaluator.store.database import Database


@dataclass(frozen=True)
class DatasetRow:
    """A dataset under its name."""

    name: str
    manifest: DatasetManifest
    source: str
    imported_at: datetime


@dataclass(frozen=True)
class ExperimentRow:
    """An experiment and its state: `running`, `finished` or `cancelled`; `reason`: why its workers stopped it."""

    id: str
    name: str
    dataset: str
    spec: ExperimentSpec
    n_queries: int
    status: str
    created_at: datetime
    started_at: datetime
    finished_at: datetime | None
    reason: str | None = None


EXPERIMENT_COLUMNS = "id, name, dataset, spec, n_queries, status, created_at, started_at, finished_at, reason"


def save_dataset(database: Database, name: str, manifest: DatasetManifest, source: str) -> None:
    """Give a stored dataset a name; the name moves on if it was another's."""
    with database.transaction() as cursor:
        cursor.execute(
            """
            INSERT INTO datasets (name, fingerprint, manifest, source) VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint, manifest = excluded.manifest,
                source = excluded.source, imported_at = utc_now()
            """,
            [name, manifest.fingerprint, json.dumps(manifest.to_json()), source],
        )


def datasets(database: Database) -> list[DatasetRow]:
    """All datasets, newest first."""
    rows = database.cursor.execute(
        "SELECT name, manifest, source, imported_at FROM datasets ORDER BY imported_at DESC, name"
    ).fetchall()
    return [DatasetRow(n, DatasetManifest.from_json(json.loads(m)), s, at) for n, m, s, at in rows]


def save_experiment(database: Database, spec: ExperimentSpec, dataset: str, n_queries: int) -> None:
    """Record that an experiment is submitted, once more if it was before; its rows stay."""
    with database.transaction() as cursor:
        cursor.execute(
            """
            INSERT INTO experiments (id, name, dataset, spec, n_queries, status) VALUES (?, ?, ?, ?, ?, 'running')
            ON CONFLICT DO UPDATE SET dataset = excluded.dataset, spec = excluded.spec, status = 'running',
                started_at = utc_now(), finished_at = NULL, reason = NULL
            """,
            [spec.id, spec.name, dataset, json.dumps(spec.to_json()), n_queries],
        )
        for position, variant in enumerate(spec.variants):
            cursor.execute(
                """
                INSERT INTO variants (experiment, name, position, fingerprint, pipeline) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET error = NULL
                """,
                [spec.id, variant.name, position, variant.fingerprint, variant.pipeline_json],
            )


def set_status(database: Database, experiment: str, status: str) -> None:
    """Set an experiment's state."""
    with database.transaction() as cursor:
        cursor.execute("UPDATE experiments SET status = ? WHERE id = ?", [status, experiment])


def experiments(database: Database) -> list[ExperimentRow]:
    """All experiments, the last submitted first."""
    rows = database.cursor.execute(
        f"SELECT {EXPERIMENT_COLUMNS} FROM experiments ORDER BY started_at DESC, id"  # noqa: S608  constants
    ).fetchall()
    return [_experiment(row) for row in rows]


def experiment(database: Database, id_: str) -> ExperimentRow:
    """One experiment.

    Raises:
        UnknownNameError: there is none of that id.
    """
    row = database.cursor.execute(
        f"SELECT {EXPERIMENT_COLUMNS} FROM experiments WHERE id = ?",  # noqa: S608  constants
        [id_],
    ).fetchone()
    if row is None:
        raise UnknownNameError(f"no experiment has the id {id_!r}")
    return _experiment(row)


def _experiment(row: tuple[Any, ...]) -> ExperimentRow:
    id_, name, dataset, spec, *rest = row
    return ExperimentRow(id_, name, dataset, ExperimentSpec.from_json(json.loads(spec)), *rest)
