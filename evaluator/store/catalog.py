"""SQL over datasets and experiments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.experiment import ExperimentSpec
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.store.database import Database
from evaluator.store.revisions import REVISION, forget_revisions, revise


@dataclass(frozen=True)
class DatasetRow:
    """A dataset under its name, as its newest version is."""

    name: str
    manifest: DatasetManifest
    source: str
    imported_at: datetime
    description: str = ""
    tags: tuple[str, ...] = ()
    version: int = 1


@dataclass(frozen=True)
class DatasetVersion:
    """What a dataset's name pointed to from `created_at` on; `change` says in words what that changed."""

    name: str
    version: int
    manifest: DatasetManifest
    source: str
    change: str
    created_at: datetime


@dataclass(frozen=True)
class ExperimentRow:
    """An experiment and its state: `running`, `finished` or `cancelled`; `reason`: why its workers stopped it.

    `revision`: the number of what is recorded of it; see `evaluator.store.revisions`.
    """

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
    revision: int = 0


VERSION_COLUMNS = "name, version, manifest, source, change, created_at"
EXPERIMENT_COLUMNS = (
    f"id, name, dataset, spec, n_queries, status, created_at, started_at, finished_at, reason, {REVISION}"
)


def save_dataset(
    database: Database,
    name: str,
    manifest: DatasetManifest,
    source: str,
    description: str = "",
    tags: Sequence[str] = (),
    *,
    change: str = "",
) -> None:
    """Give a stored dataset a name. If the name's newest version is another dataset, this is the next version.

    Args:
        source: where it comes from, for people.
        description, tags: empty leaves them as they are.
        change: what the version changes, in words; made from the manifests if it is empty.
    """
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO datasets (name) VALUES (?) ON CONFLICT DO NOTHING", [name])
        newest = cursor.execute(
            f"SELECT {VERSION_COLUMNS} FROM dataset_versions WHERE name = ? ORDER BY version DESC LIMIT 1",  # noqa: S608  constants
            [name],
        ).fetchone()
        before = _version(newest) if newest else None
        if before is None or before.manifest != manifest:
            cursor.execute(
                """
                INSERT INTO dataset_versions (name, version, fingerprint, manifest, source, change)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
                [
                    name,
                    before.version + 1 if before else 1,
                    manifest.fingerprint,
                    json.dumps(manifest.to_json()),
                    source,
                    change or what_changed(before.manifest if before else None, manifest),
                ],
            )
        if description:
            cursor.execute("UPDATE datasets SET description = ? WHERE name = ?", [description, name])
        if tags:
            cursor.execute("UPDATE datasets SET tags = ? WHERE name = ?", [list(tags), name])


def what_changed(before: DatasetManifest | None, after: DatasetManifest) -> str:
    """What a new version of a dataset changes, in words."""
    if before is None:
        return "imported"
    parts = {
        "documents": before.corpus != after.corpus,
        "queries": before.queries != after.queries,
        "judgments": before.qrels != after.qrels,
        "whether a query's own document is left out": before.exclude_self != after.exclude_self,
    }
    return f"imported again, with other {', '.join(part for part, changed in parts.items() if changed)}"


def datasets(database: Database) -> list[DatasetRow]:
    """All datasets, as their newest versions are, newest first."""
    rows = database.cursor.execute(
        """
        SELECT d.name, v.manifest, v.source, v.created_at, d.description, d.tags, v.version
        FROM datasets d JOIN dataset_versions v USING (name)
        QUALIFY row_number() OVER (PARTITION BY d.name ORDER BY v.version DESC) = 1
        ORDER BY v.created_at DESC, d.name
        """
    ).fetchall()
    return [
        DatasetRow(
            name, DatasetManifest.from_json(json.loads(m)), source, at, description, tuple(tags), version
        )
        for name, m, source, at, description, tags, version in rows
    ]


def versions(database: Database, name: str | None = None) -> list[DatasetVersion]:
    """A dataset's versions, or all of all datasets; newest first."""
    rows = database.cursor.execute(
        f"""
        SELECT {VERSION_COLUMNS} FROM dataset_versions
        WHERE $name IS NULL OR name = $name ORDER BY created_at DESC, name, version DESC
        """,  # noqa: S608  constants
        {"name": name},
    ).fetchall()
    return [_version(row) for row in rows]


def rename_dataset(database: Database, name: str, to: str) -> None:
    """Give a dataset another name, also where experiments name it.

    Raises:
        InvalidInputError: another dataset has that name.
    """
    with database.transaction() as cursor:
        if cursor.execute("SELECT 1 FROM datasets WHERE name = ?", [to]).fetchone():
            raise InvalidInputError(f"another dataset is called {to!r}; choose another name")
        cursor.execute("UPDATE datasets SET name = ? WHERE name = ?", [to, name])
        cursor.execute("UPDATE dataset_versions SET name = ? WHERE name = ?", [to, name])
        cursor.execute("UPDATE ratings SET dataset = ? WHERE dataset = ?", [to, name])
        cursor.execute("UPDATE experiments SET dataset = ? WHERE dataset = ?", [to, name])


def describe_dataset(database: Database, name: str, description: str, tags: Sequence[str]) -> None:
    """Set a dataset's description and tags."""
    with database.transaction() as cursor:
        cursor.execute(
            "UPDATE datasets SET description = ?, tags = ? WHERE name = ?", [description, list(tags), name]
        )


def remove_dataset(database: Database, name: str) -> None:
    """Forget a name with all of its versions.

    Raises:
        InvalidInputError: experiments use it; names them.
    """
    with database.transaction() as cursor:
        users = cursor.execute(
            "SELECT DISTINCT name FROM experiments WHERE dataset = ? ORDER BY name", [name]
        ).fetchall()
        if users:
            raise InvalidInputError(
                f"the dataset {name!r} cannot be deleted: experiments use it. Delete them first: "
                f"{', '.join(user for (user,) in users)}"
            )
        cursor.execute("DELETE FROM ratings WHERE dataset = ?", [name])
        cursor.execute("DELETE FROM dataset_versions WHERE name = ?", [name])
        cursor.execute("DELETE FROM datasets WHERE name = ?", [name])


def save_experiment(database: Database, spec: ExperimentSpec, dataset: str, n_queries: int) -> None:
    """Record that an experiment is submitted, once more if it was before; its rows stay."""
    with database.transaction() as cursor:
        cursor.execute(
            """
            INSERT INTO submissions (experiment)
            SELECT $id WHERE NOT EXISTS (FROM experiments e WHERE e.id = $id)
            """,
            {"id": spec.id},
        )
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
        forget_revisions(cursor, spec.id)
        revise(cursor, [spec.id])


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


def submissions(database: Database, dataset: str) -> list[tuple[datetime, ExperimentRow]]:
    """When which experiment over any version of a dataset was asked for, the first at first."""
    found = {row.id: row for row in experiments(database) if row.dataset == dataset}
    rows = database.cursor.execute(
        """
        SELECT s.submitted_at, s.experiment FROM submissions s JOIN experiments e ON e.id = s.experiment
        WHERE e.dataset = ? ORDER BY s.submitted_at, s.rowid
        """,
        [dataset],
    ).fetchall()
    return [(at, found[id_]) for at, id_ in rows if id_ in found]


def set_status(database: Database, experiment: str, status: str) -> None:
    """Set an experiment's state."""
    with database.transaction() as cursor:
        cursor.execute("UPDATE experiments SET status = ? WHERE id = ?", [status, experiment])


def delete_experiment(database: Database, id_: str) -> None:
    """Forget an experiment with its results.

    Raises:
        InvalidInputError: it is running.
    """
    with database.transaction() as cursor:
        row = cursor.execute("SELECT name, status FROM experiments WHERE id = ?", [id_]).fetchone()
        if row and row[1] == "running":
            raise InvalidInputError(f"the experiment {row[0]!r} is running; cancel it before you delete it")
        for table in ("results", "variants", "variant_costs", "spending", "submissions", "revisions"):
            cursor.execute(f"DELETE FROM {table} WHERE experiment = ?", [id_])  # noqa: S608  constants
        cursor.execute("DELETE FROM experiments WHERE id = ?", [id_])


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


def _version(row: tuple[Any, ...]) -> DatasetVersion:
    name, version, manifest, *rest = row
    return DatasetVersion(name, version, DatasetManifest.from_json(json.loads(manifest)), *rest)
