"""Datasets for commands: in the database if it is free, else through the instance that owns it.

Both give the same plain records, which are what the REST API gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from evaluator.library import catalog
from evaluator.library.catalog import register
from evaluator.library.download import export_beir
from evaluator.library.records import dataset_details, dataset_record
from evaluator.remote.client import Client
from evaluator.remote.owner import owner
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace

Record = dict[str, Any]


class DatasetAccess(Protocol):
    """What commands do with datasets."""

    def datasets(self) -> list[Record]:
        """All datasets, newest first."""
        ...

    def dataset(self, name: str) -> Record:
        """A dataset with its history and its relations."""
        ...

    def register_dataset(
        self, name: str, fingerprint: str, source: str, description: str = "", tags: Sequence[str] = ()
    ) -> Record:
        """Give a dataset that is in the artifact store a name."""
        ...

    def delete_dataset(self, name: str) -> None:
        """Delete a dataset with all of its versions."""
        ...

    def export_dataset(self, name: str, path: Path) -> None:
        """Write a dataset into a file, as a zip in BEIR's format."""
        ...


class LocalDatasets:
    """Datasets of a workspace that this process has opened."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def datasets(self) -> list[Record]:
        """All datasets, newest first."""
        return [dataset_record(row, local=True) for row in catalog.all_datasets(self._workspace)]

    def dataset(self, name: str) -> Record:
        """A dataset with its history and its relations."""
        row = catalog.find(self._workspace, name)
        return dataset_details(
            row,
            catalog.versions(self._workspace, row.id),
            catalog.used_by(self._workspace, row.id),
            catalog.siblings(self._workspace, row),
            local=True,
        )

    def register_dataset(
        self, name: str, fingerprint: str, source: str, description: str = "", tags: Sequence[str] = ()
    ) -> Record:
        """Give a dataset that is in the artifact store a name."""
        row = register(self._workspace, name, fingerprint, source, description, tags)
        return dataset_record(row, local=True)

    def delete_dataset(self, name: str) -> None:
        """Delete a dataset with all of its versions."""
        catalog.remove(self._workspace, name)

    def export_dataset(self, name: str, path: Path) -> None:
        """Write a dataset into a file, as a zip in BEIR's format."""
        export_beir(self._workspace, catalog.find(self._workspace, name), path)


@contextmanager
def open_datasets(settings: Settings) -> Iterator[DatasetAccess]:
    """The datasets of a home folder, whoever owns its database.

    Raises:
        StoreLockedError: a process owns it that serves nothing, such as `evaluator run`.
    """
    with owner(settings) as found:
        yield found if isinstance(found, Client) else LocalDatasets(found)
