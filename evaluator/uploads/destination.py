"""Where an upload goes: it becomes a dataset of its own, or adds queries and judgments to a stored one."""

from __future__ import annotations

from evaluator.datasets.staging.extending import link_stored
from evaluator.datasets.staging.stage import Staged
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.names import composed
from evaluator.domain.records import DatasetRow
from evaluator.errors import InvalidInputError
from evaluator.library import catalog
from evaluator.uploads.folder import ADDS_TO, UploadFolder
from evaluator.workspace.workspace import Workspace


def link_dataset(workspace: Workspace, folder: UploadFolder) -> None:
    """Put the files of the dataset to which an upload adds into the upload's folder, as the dataset is now.

    Raises:
        UnknownNameError: the dataset was deleted meanwhile.
    """
    row = catalog.by_id(workspace, folder.adds_to or 0)
    folder.forget(folder.stored.name)
    link_stored(workspace.store, row.manifest, folder.stored)
    folder.write(ADDS_TO, {"dataset": row.id, "fingerprint": row.manifest.fingerprint})


def unchanged_dataset(workspace: Workspace, folder: UploadFolder) -> DatasetRow | None:
    """The dataset to which an upload adds; None if it is to be a dataset of its own.

    Raises:
        InvalidInputError: the dataset has changed since the upload was recognised.
        UnknownNameError: the dataset was deleted meanwhile.
    """
    if folder.adds_to is None:
        return None
    row = catalog.by_id(workspace, folder.adds_to)
    if row.manifest.fingerprint != folder.read(ADDS_TO).get("fingerprint"):
        raise InvalidInputError(
            f"{row.name!r} has changed since these files were looked at; look at them again, then check them"
        )
    return row


def require_free(workspace: Workspace, name: str, staged: Staged) -> None:
    """Refuse the name of another dataset.

    Raises:
        InvalidInputError: another dataset has it.
    """
    for row in catalog.all_datasets(workspace):
        if composed(row.name) == name and not _continues(row.manifest, staged.manifest):
            raise InvalidInputError(f"another dataset is called {name!r}; choose another name")


def _continues(before: DatasetManifest, manifest: DatasetManifest | None) -> bool:
    """Whether an upload may use an existing dataset's name: it is the same dataset, except for runs."""
    return manifest is not None and (manifest == before or manifest.differs_in_runs_alone(before))
