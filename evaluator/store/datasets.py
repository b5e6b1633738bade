"""SQL over datasets, their versions, and how uploaded files were read that became datasets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast

from duckdb import DuckDBPyConnection

from evaluator.domain.dataset import DatasetManifest, Provenance
from evaluator.domain.records import DatasetRow, DatasetVersion
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.store.file.database import Database
from evaluator.store.steps import drop_steps, note_step

REMEMBERED = 2048
"""Manifests that are kept decoded: every page and route lists datasets."""

READINGS = 200
"""Readings that are kept of each project, the last ones."""

VERSIONS = """
    SELECT d.name, v.version, v.manifest, v.source, v.change, v.created_at
    FROM dataset_versions v JOIN datasets d ON d.id = v.dataset
"""


def save_dataset(
    database: Database,
    project: str,
    name: str,
    manifest: DatasetManifest,
    source: str,
    description: str = "",
    tags: Sequence[str] = (),
    *,
    change: str = "",
    provenance: Provenance | None = None,
) -> int:
    """Give a stored dataset a name in a project. If the name's newest version is another, this is the next version.

    Args:
        name: in Unicode's composed form; one that is stored in another form is the same name.
        source: where it comes from, for people.
        description, tags: empty leaves them as they are.
        change: what the version changes, in words; made from the manifests if it is empty.
        provenance: the files that it was imported from; also of a version that is there already.

    Returns:
        the dataset's id.
    """
    with database.transaction() as cursor:
        cursor.execute(
            "INSERT INTO datasets (project, name) SELECT ?, ? WHERE NOT EXISTS "
            "(SELECT 1 FROM datasets WHERE project = ? AND nfc_normalize(name) = ?)",
            [project, name, project, name],
        )
        row = cursor.execute(
            "SELECT id FROM datasets WHERE project = ? AND nfc_normalize(name) = ? ORDER BY name <> ?",
            [project, name, name],
        ).fetchone()
        id_ = int(cast("tuple[int]", row)[0])
        _add_version(cursor, id_, manifest, source, change)
        if provenance is not None:
            _note_provenance(cursor, id_, provenance)
        if description:
            cursor.execute("UPDATE datasets SET description = ? WHERE id = ?", [description, id_])
        if tags:
            cursor.execute("UPDATE datasets SET tags = ? WHERE id = ?", [list(tags), id_])
    return id_


def add_version(database: Database, id_: int, manifest: DatasetManifest, source: str, change: str) -> None:
    """Make edited judgments a dataset's next version, whatever it is called by now; experiments have yet to follow.

    Raises:
        UnknownNameError: it was deleted meanwhile.
    """
    with database.transaction() as cursor:
        if not cursor.execute("SELECT 1 FROM datasets WHERE id = ?", [id_]).fetchone():
            raise UnknownNameError("the dataset was deleted meanwhile")
        version = _add_version(cursor, id_, manifest, source, change)
        if version is not None:
            note_step(cursor, id_, version)


def _add_version(
    cursor: DuckDBPyConnection, id_: int, manifest: DatasetManifest, source: str, change: str
) -> int | None:
    """The number of the version that is added; None if the newest is the same."""
    newest = cursor.execute(
        f"{VERSIONS} WHERE d.id = ? ORDER BY v.version DESC LIMIT 1",
        [id_],
    ).fetchone()
    version_before = _version(newest) if newest else None
    if version_before is not None and version_before.manifest == manifest:
        return None
    version = version_before.version + 1 if version_before else 1
    cursor.execute(
        """
        INSERT INTO dataset_versions (dataset, version, fingerprint, manifest, source, change)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
        [
            id_,
            version,
            manifest.fingerprint,
            json.dumps(manifest.to_json()),
            source,
            change or what_changed(version_before.manifest if version_before else None, manifest),
        ],
    )
    return version


def _note_provenance(cursor: DuckDBPyConnection, id_: int, provenance: Provenance) -> None:
    """Record from what a dataset's newest version was imported, instead of an earlier import of the same content."""
    cursor.execute(
        """
        INSERT OR REPLACE INTO provenance (dataset, version, record)
        SELECT dataset, max(version), ? FROM dataset_versions WHERE dataset = ? GROUP BY dataset
        """,
        [json.dumps(provenance.to_json()), id_],
    )


def what_changed(before: DatasetManifest | None, after: DatasetManifest) -> str:
    """What a new version of a dataset changes, in words."""
    if before is None:
        return "imported"
    parts = {
        "documents": before.corpus != after.corpus,
        "queries": before.queries != after.queries,
        "judgments": before.qrels != after.qrels,
        "whether a query's own document is left out": before.exclude_self != after.exclude_self,
        "runs": before.runs != after.runs,
    }
    return f"imported again, with other {', '.join(part for part, changed in parts.items() if changed)}"


def what_was_added(before: DatasetManifest, after: DatasetManifest) -> str:
    """What files add to a dataset, in words, such as `12 queries and 30 judgments added from files`."""
    queries, judgments = after.n_queries - before.n_queries, after.n_judgments - before.n_judgments
    added = [
        f"{n:,} {one if n == 1 else many}"
        for n, one, many in ((queries, "query", "queries"), (judgments, "judgment", "judgments"))
        if n
    ]
    return f"{' and '.join(added) or 'nothing'} added from files"


def all_datasets(database: Database) -> list[DatasetRow]:
    """All datasets of all projects, as their newest versions are, newest first."""
    return list(database.remember("datasets", lambda: _datasets(database)))


def _datasets(database: Database) -> list[DatasetRow]:
    rows = database.cursor.execute(
        """
        SELECT d.id, d.name, v.manifest, v.source, v.created_at, d.description, d.tags, v.version, d.project
        FROM datasets d JOIN dataset_versions v ON v.dataset = d.id
        QUALIFY row_number() OVER (PARTITION BY d.id ORDER BY v.version DESC) = 1
        ORDER BY v.created_at DESC, d.name
        """
    ).fetchall()
    return [
        DatasetRow(id_, name, _manifest(m), source, at, description, tuple(tags), version, project)
        for id_, name, m, source, at, description, tags, version, project in rows
    ]


def versions(database: Database, id_: int | None = None) -> list[DatasetVersion]:
    """A dataset's versions, or all of all datasets; newest first."""
    return list(database.remember(("versions", id_), lambda: _versions(database, id_)))


def _versions(database: Database, id_: int | None) -> list[DatasetVersion]:
    rows = database.cursor.execute(
        f"{VERSIONS} WHERE $id IS NULL OR d.id = $id ORDER BY v.created_at DESC, d.name, v.version DESC",
        {"id": id_},
    ).fetchall()
    return [_version(row) for row in rows]


def provenance_by_version(database: Database, id_: int) -> dict[int, Provenance]:
    """The provenance of those versions of a dataset for which it is recorded, the oldest first."""
    return dict(database.remember(("provenance", id_), lambda: _provenance(database, id_)))


def _provenance(database: Database, id_: int) -> dict[int, Provenance]:
    rows = database.cursor.execute(
        "SELECT version, record FROM provenance WHERE dataset = ? ORDER BY version", [id_]
    ).fetchall()
    return {version: Provenance.from_json(json.loads(record)) for version, record in rows}


def rename_dataset(database: Database, id_: int, to: str) -> None:
    """Give a dataset another name.

    Raises:
        InvalidInputError: another dataset of the project has that name.
    """
    with database.transaction() as cursor:
        if cursor.execute(
            "SELECT 1 FROM datasets WHERE nfc_normalize(name) = ? AND id <> ? "
            "AND project = (SELECT project FROM datasets WHERE id = ?)",
            [to, id_, id_],
        ).fetchone():
            raise InvalidInputError(f"another dataset is called {to!r}; choose another name")
        cursor.execute("UPDATE datasets SET name = ? WHERE id = ?", [to, id_])


def describe_dataset(database: Database, id_: int, description: str, tags: Sequence[str]) -> None:
    """Set a dataset's description and tags."""
    with database.transaction() as cursor:
        cursor.execute(
            "UPDATE datasets SET description = ?, tags = ? WHERE id = ?", [description, list(tags), id_]
        )


def remove_dataset(database: Database, id_: int) -> None:
    """Forget a dataset with all of its versions.

    Raises:
        InvalidInputError: experiments use it; names them.
    """
    with database.transaction() as cursor:
        users = cursor.execute(
            """
            SELECT DISTINCT e.name, d.name FROM experiments e JOIN datasets d ON d.id = e.dataset
            WHERE d.id = ? ORDER BY e.name
            """,
            [id_],
        ).fetchall()
        if users:
            raise InvalidInputError(
                f"the dataset {users[0][1]!r} cannot be deleted: experiments use it. Delete them first: "
                f"{', '.join(user for user, _ in users)}"
            )
        drop_steps(cursor, id_)
        cursor.execute("DELETE FROM provenance WHERE dataset = ?", [id_])
        cursor.execute("DELETE FROM ratings WHERE dataset = ?", [id_])
        cursor.execute("DELETE FROM dataset_versions WHERE dataset = ?", [id_])
        cursor.execute("DELETE FROM datasets WHERE id = ?", [id_])


@lru_cache(maxsize=REMEMBERED)
def _manifest(text: str) -> DatasetManifest:
    """A manifest from its JSON."""
    return DatasetManifest.from_json(json.loads(text))


def _version(row: tuple[Any, ...]) -> DatasetVersion:
    name, version, manifest, *rest = row
    return DatasetVersion(name, version, _manifest(manifest), *rest)


class StoredReading(NamedTuple):
    """How files were read.

    Attributes:
        dataset: the name that the dataset had.
        tables: the tables that were read, as JSON.
        reading: a reading, as JSON.
        stored_at: in UTC.
    """

    dataset: str
    tables: list[dict[str, Any]]
    reading: dict[str, Any]
    stored_at: datetime


def save_reading(
    database: Database,
    project: str,
    dataset: str,
    tables: Sequence[Mapping[str, Any]],
    reading: Mapping[str, Any],
) -> None:
    """Keep a reading in a project, instead of an earlier one of the same tables."""
    with database.transaction() as cursor:
        cursor.execute(
            """
            INSERT INTO readings (project, tables, dataset, reading) VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET dataset = excluded.dataset, reading = excluded.reading, stored_at = utc_now()
            """,
            [project, json.dumps(list(tables), sort_keys=True), dataset, json.dumps(reading)],
        )
        cursor.execute(
            "DELETE FROM readings WHERE project = ? AND tables NOT IN "
            "(SELECT tables FROM readings WHERE project = ? ORDER BY stored_at DESC LIMIT ?)",
            [project, project, READINGS],
        )


def stored_readings(database: Database, project: str) -> list[StoredReading]:
    """A project's readings that are kept, the last one first."""
    rows = database.cursor.execute(
        "SELECT dataset, tables, reading, stored_at FROM readings WHERE project = ? "
        "ORDER BY stored_at DESC, tables",
        [project],
    ).fetchall()
    return [
        StoredReading(name, json.loads(tables), json.loads(reading), at) for name, tables, reading, at in rows
    ]
