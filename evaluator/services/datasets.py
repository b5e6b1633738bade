"""Datasets by name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from evaluator.datasets.importing import import_dataset
from evaluator.datasets.stdlib import DEMO_DATASET, write_demo_dataset
from evaluator.datasets.stored import StoredDataset
from evaluator.errors import UnknownNameError
from evaluator.services.workspace import Workspace
from evaluator.store import catalog
from evaluator.store.catalog import DatasetRow

Progress = Callable[[int], None]


def import_folder(
    workspace: Workspace, path: Path, name: str | None = None, on_progress: Progress | None = None
) -> DatasetRow:
    """Import a folder under a name (its own, by default).

    Raises:
        DatasetError: it holds no valid dataset; nothing is stored.
    """
    folder = path.expanduser().resolve()
    manifest = import_dataset(folder, workspace.store, on_progress=on_progress)
    catalog.save_dataset(workspace.database, name or folder.name, manifest, source=str(folder))
    return find(workspace, name or folder.name)


def import_demo(workspace: Workspace) -> DatasetRow:
    """Build and import the demo dataset, unless it is there."""
    if all(row.name != DEMO_DATASET for row in catalog.datasets(workspace.database)):
        with tempfile.TemporaryDirectory(prefix="evaluator-demo-") as folder:
            write_demo_dataset(Path(folder))
            manifest = import_dataset(Path(folder), workspace.store)
        catalog.save_dataset(workspace.database, DEMO_DATASET, manifest, source="Python's standard library")
    return find(workspace, DEMO_DATASET)


def all_datasets(workspace: Workspace) -> list[DatasetRow]:
    """All datasets, newest first."""
    return catalog.datasets(workspace.database)


def find(workspace: Workspace, name: str) -> DatasetRow:
    """The dataset of that name.

    Raises:
        UnknownNameError: there is none; lists those there are.
    """
    rows = catalog.datasets(workspace.database)
    for row in rows:
        if row.name == name:
            return row
    names = ", ".join(row.name for row in rows) or "none yet"
    raise UnknownNameError(f"no dataset is called {name!r}; there are: {names}")


def resolve(workspace: Workspace, reference: str, *, allow_paths: bool) -> DatasetRow:
    """The dataset that an experiment names: an imported one, the demo's, or a folder to import.

    Args:
        allow_paths: whether a folder may be named; never for what arrives through a browser.

    Raises:
        UnknownNameError: nothing is found.
        DatasetError: the folder holds no valid dataset.
    """
    names = {row.name for row in catalog.datasets(workspace.database)}
    if reference not in names:
        if reference == DEMO_DATASET:
            return import_demo(workspace)
        if allow_paths and Path(reference).expanduser().is_dir():
            return import_folder(workspace, Path(reference))
    return find(workspace, reference)


def load(workspace: Workspace, row: DatasetRow) -> StoredDataset:
    """The stored dataset behind a name."""
    return StoredDataset.open(workspace.store, row.manifest.fingerprint)
