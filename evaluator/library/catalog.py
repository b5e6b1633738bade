"""Datasets by name: import, find, describe, rename, delete."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from evaluator.datasets.demo import DEMO_DATASET, write_demo_dataset
from evaluator.datasets.recognition.stored_tables import adds
from evaluator.datasets.staging.importing import import_files
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.access import Action
from evaluator.domain.dataset import DatasetManifest, Provenance
from evaluator.domain.names import composed
from evaluator.domain.records import DatasetRow, DatasetVersion, ExperimentRow
from evaluator.domain.teamwork.deeds import Deed, dataset_of
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.library.quotas import artifacts
from evaluator.library.storage import name_dataset, remove_unneeded
from evaluator.store import datasets, experiments
from evaluator.workspace.acting import needs
from evaluator.workspace.log import note
from evaluator.workspace.memory import Kind
from evaluator.workspace.projects import current
from evaluator.workspace.workspace import Workspace

STORED = Kind("stored datasets", 4)
"""Datasets whose queries and judgments stay in memory."""

Progress = Callable[[int], None]

CHANGES = threading.RLock()
"""Held while a dataset is stored and named, and while unneeded files are removed: datasets share files, and a dataset
that is stored but not named yet would seem unneeded."""

MAX_NAME, MAX_DESCRIPTION = 120, 4000
"""Maximum characters of a name and of a description."""
MAX_NOTE = 500
"""Maximum characters of a note on a change."""
MAX_TAGS, MAX_TAG = 20, 40
"""Maximum tags of a dataset, and maximum characters of a tag."""


@needs(Action.EDIT)
def import_folder(
    workspace: Workspace, path: Path, name: str | None = None, on_progress: Progress | None = None
) -> DatasetRow:
    """Import a folder under a name, by default the folder's.

    If its content was imported before, and only queries and judgments were added or edited since, the dataset stays as
    it is.

    Raises:
        InvalidInputError: the folder holds no valid dataset, or the name is invalid; nothing is stored.
    """
    folder = path.expanduser().resolve()
    dataset_name = checked_name(name or folder.name)
    with CHANGES:
        limit = workspace.settings.unpacked_limit
        imported = import_files(folder, workspace.store, limit=limit, on_progress=on_progress)
        row = named(all_datasets(workspace), dataset_name)
        if row is not None and _was_edited(workspace, row, imported.manifest):
            return row
        id_ = name_dataset(
            workspace,
            current(workspace),
            dataset_name,
            imported.manifest,
            source=str(folder),
            provenance=imported.provenance,
        )
    return noted_import(workspace, id_, row)


def noted_import(workspace: Workspace, id_: int, before: DatasetRow | None) -> DatasetRow:
    """Note that a dataset was imported, or became another version of itself; returns it as it is now."""
    row = by_id(workspace, id_)
    if before is None:
        note(workspace, Deed.IMPORTED, row.name, dataset_of(id_), project=row.project)
    elif before.version != row.version:
        note_change(workspace, row)
    return row


def note_change(workspace: Workspace, row: DatasetRow) -> None:
    """Note what a dataset's newest version changed."""
    change = datasets.versions(workspace.database, row.id)[0].change
    note(workspace, Deed.DATASET_CHANGED, f"{row.name}: {change}", dataset_of(row.id), project=row.project)


def _was_edited(workspace: Workspace, row: DatasetRow, manifest: DatasetManifest) -> bool:
    """Whether a dataset is what was imported, apart from queries and judgments that were added or edited since."""
    imports = datasets.provenance_by_version(workspace.database, row.id)
    for version in datasets.versions(workspace.database, row.id):
        if version.manifest == manifest:
            return True
        imported = imports.get(version.version)
        if not version.manifest.continues(manifest) or (imported is not None and not adds(imported)):
            return False
    return False


def import_demo(workspace: Workspace) -> DatasetRow:
    """Build and import the demo dataset, unless it exists already."""
    with CHANGES:
        if all(row.name != DEMO_DATASET for row in all_datasets(workspace)):
            with tempfile.TemporaryDirectory(prefix="evaluator-demo-") as folder:
                write_demo_dataset(Path(folder))
                imported = import_files(Path(folder), workspace.store)
            id_ = name_dataset(
                workspace,
                current(workspace),
                DEMO_DATASET,
                imported.manifest,
                source="Python's standard library",
                provenance=imported.provenance,
            )
            noted_import(workspace, id_, None)
    return find(workspace, DEMO_DATASET)


def all_datasets(workspace: Workspace) -> list[DatasetRow]:
    """The datasets of the project in which whoever is acting works, newest first.

    Raises:
        EvaluatorError: as `projects.current`.
    """
    project = current(workspace)
    return [row for row in datasets.all_datasets(workspace.database) if row.project == project]


def find(workspace: Workspace, name: str) -> DatasetRow:
    """The dataset with that name, in the project in which whoever is acting works.

    Raises:
        UnknownNameError: there is no such dataset; lists the existing names.
    """
    rows = all_datasets(workspace)
    row = named(rows, name)
    if row is not None:
        return row
    names = ", ".join(row.name for row in rows) or "none yet"
    raise UnknownNameError(f"no dataset is called {name!r}; there are: {names}")


def named(rows: Iterable[DatasetRow], name: str) -> DatasetRow | None:
    """The dataset with that name, or else one whose name only looks the same; None if there is neither."""
    alike = [row for row in rows if composed(row.name) == composed(name)]
    return next((row for row in alike if row.name == name), alike[0] if alike else None)


def known(workspace: Workspace, name: str) -> DatasetRow | None:
    """The dataset of that name in the project in which whoever is acting works; None if there is none."""
    return named(all_datasets(workspace), name)


def by_id(workspace: Workspace, id_: int) -> DatasetRow:
    """The dataset with that id, which stays the same if the dataset is renamed; whoever asks may know of it.

    Raises:
        UnknownNameError: the dataset was deleted in the meantime.
    """
    for row in datasets.all_datasets(workspace.database):
        if row.id == id_:
            return row
    raise UnknownNameError("the dataset was deleted meanwhile")


def resolve(workspace: Workspace, reference: str, *, allow_paths: bool) -> DatasetRow:
    """The dataset that an experiment names: an imported one, the demo's, or a folder to import.

    A folder whose dataset is there already is read again: its files may have changed.

    Args:
        allow_paths: whether a folder may be named; never for what arrives through a browser.

    Raises:
        UnknownNameError: there is no such dataset.
        DatasetError: the folder holds no valid dataset.
    """
    row = named(all_datasets(workspace), reference)
    if row is None and reference == DEMO_DATASET:
        return import_demo(workspace)
    folder = Path(reference).expanduser()
    if allow_paths and folder.is_dir() and (row is None or row.source == str(folder.resolve())):
        return import_folder(workspace, folder)
    return find(workspace, reference)


def load(workspace: Workspace, row: DatasetRow) -> StoredDataset:
    """The stored dataset of a row, in the row's version."""
    return StoredDataset.open(workspace.store, row.manifest.fingerprint)


def stored(workspace: Workspace, fingerprint: str) -> StoredDataset:
    """A version of a dataset, with what was read of it before: its parts never change.

    Raises:
        UnknownNameError: it is not in the store.
    """
    return workspace.memory.get(STORED, fingerprint, lambda: StoredDataset.open(workspace.store, fingerprint))


def versions(workspace: Workspace, id_: int) -> list[DatasetVersion]:
    """A dataset's versions, newest first."""
    return datasets.versions(workspace.database, id_)


def provenance(workspace: Workspace, row: DatasetRow) -> tuple[int, Provenance] | None:
    """The newest version whose files are recorded, and what is recorded; for a version of edited judgments nothing is.

    Returns:
        None if an earlier version of this software imported all of them.
    """
    return provenance_until(workspace, row.id, row.version)


def provenance_until(workspace: Workspace, id_: int, version: int) -> tuple[int, Provenance] | None:
    """The same for a dataset as it was in one of its versions."""
    known = datasets.provenance_by_version(workspace.database, id_)
    return max(
        ((number, found) for number, found in known.items() if number <= version),
        key=lambda item: item[0],
        default=None,
    )


def used_by(workspace: Workspace, id_: int) -> list[ExperimentRow]:
    """Experiments over any version of a dataset, the most recently submitted first."""
    return [row for row in experiments.all_experiments(workspace.database) if row.dataset_id == id_]


def siblings(workspace: Workspace, row: DatasetRow) -> list[DatasetRow]:
    """Datasets of the project with the same documents and queries, such as other splits or judgments."""
    shared = (row.manifest.corpus, row.manifest.queries)
    return [
        other
        for other in datasets.all_datasets(workspace.database)
        if other.id != row.id
        and other.project == row.project
        and (other.manifest.corpus, other.manifest.queries) == shared
    ]


@needs(Action.EDIT)
def rename(workspace: Workspace, name: str, to: str) -> DatasetRow:
    """Rename a dataset; its experiments show the new name.

    Raises:
        InvalidInputError: the dataset is unknown, or the name is invalid or belongs to another dataset.
    """
    row, to = find(workspace, name), checked_name(to)
    datasets.rename_dataset(workspace.database, row.id, to)
    return _noted_settings(workspace, row)


@needs(Action.EDIT)
def describe(workspace: Workspace, name: str, description: str, tags: Sequence[str]) -> DatasetRow:
    """Set the description and tags of a dataset.

    Raises:
        InvalidInputError: the dataset is unknown, or the description or the tags are invalid.
    """
    row = find(workspace, name)
    datasets.describe_dataset(
        workspace.database, row.id, checked_description(description), checked_tags(tags)
    )
    return _noted_settings(workspace, row)


@needs(Action.EDIT)
def change(workspace: Workspace, name: str, to: str, description: str, tags: Sequence[str]) -> DatasetRow:
    """Rename and describe a dataset; if one is refused, neither is done.

    Raises:
        InvalidInputError: as `rename` and `describe`.
    """
    row, to = find(workspace, name), checked_name(to)
    description, tags = checked_description(description), checked_tags(tags)
    datasets.rename_dataset(workspace.database, row.id, to)
    datasets.describe_dataset(workspace.database, row.id, description, tags)
    return _noted_settings(workspace, row)


def _noted_settings(workspace: Workspace, before: DatasetRow) -> DatasetRow:
    row = by_id(workspace, before.id)
    renamed = f"{before.name}, now {row.name}" if row.name != before.name else row.name
    note(workspace, Deed.DATASET_SET, renamed, dataset_of(row.id), project=row.project)
    return row


@needs(Action.EDIT)
def remove(workspace: Workspace, name: str) -> None:
    """Delete a dataset with all of its versions, and its files that no other dataset or experiment needs.

    Vectors and indexes stay in the artifact store: they belong to texts, and other datasets with these texts use them.

    Raises:
        InvalidInputError: the dataset is unknown, or experiments use it; names them.
    """
    with CHANGES:
        row = find(workspace, name)
        manifests = [version.manifest for version in datasets.versions(workspace.database, row.id)]
        datasets.remove_dataset(workspace.database, row.id)
        note(workspace, Deed.DATASET_DELETED, row.name, dataset_of(row.id), project=row.project)
        remove_unneeded(workspace, (part for manifest in manifests for part in artifacts(manifest)))


def checked_name(name: str) -> str:
    """A name for a dataset, stripped, in Unicode's composed form (NFC).

    Raises:
        InvalidInputError: the name is empty or too long, is `.` or `..`, or holds a slash (a separator in URLs and
            paths) or a control character.
    """
    name = composed(name.strip())
    if not name:
        raise InvalidInputError("a dataset needs a name; give it one")
    if name in (".", ".."):
        raise InvalidInputError(
            f"{name!r} stands for a folder in addresses, so no dataset has that name; choose another"
        )
    if len(name) > MAX_NAME:
        raise InvalidInputError(f"the name {name[:20]!r}... is longer than {MAX_NAME} characters; shorten it")
    if "/" in name or "\\" in name or not name.isprintable():
        raise InvalidInputError(
            f"the name {name!r} holds a slash or a character that cannot be printed; use others"
        )
    return name


def checked_description(description: str) -> str:
    """A description, stripped.

    Raises:
        InvalidInputError: the description is too long.
    """
    if len(description) > MAX_DESCRIPTION:
        raise InvalidInputError(
            f"the description has {len(description):,} characters; shorten it to {MAX_DESCRIPTION:,}"
        )
    return description.strip()


def checked_note(note: str) -> str:
    """A note on a change, stripped.

    Raises:
        InvalidInputError: the note is too long.
    """
    if len(note) > MAX_NOTE:
        raise InvalidInputError(f"the note has {len(note):,} characters; shorten it to {MAX_NOTE}")
    return note.strip()


def checked_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Distinct, stripped tags.

    Raises:
        InvalidInputError: there are too many tags, or a tag is too long or holds a control character.
    """
    distinct = tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(distinct) > MAX_TAGS:
        raise InvalidInputError(f"{len(distinct)} tags are more than the {MAX_TAGS} a dataset may have")
    for tag in distinct:
        if len(tag) > MAX_TAG or not tag.isprintable():
            raise InvalidInputError(f"the tag {tag[:MAX_TAG]!r} is no word of {MAX_TAG} characters at most")
    return distinct
