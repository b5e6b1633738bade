"""Import in one call, strictly: unpack, recognise, stage and publish. A failure stores nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.recognise import recognise
from evaluator.datasets.staging.from_tables import open_source
from evaluator.datasets.staging.gathering import gathered
from evaluator.datasets.staging.stage import publish, stage
from evaluator.domain.dataset import DatasetManifest
from evaluator.errors import DatasetError


def import_dataset(
    path: Path,
    store: ArtifactStore,
    *,
    exclude_self: bool = False,
    reading: Reading | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> DatasetManifest:
    """Import the dataset in a folder or file. The same content has the same fingerprint and is stored once.

    Args:
        path: the folder, or one file. Archives are unpacked elsewhere; what is there stays as it is.
        store: where the dataset is kept.
        exclude_self: whether a document with the query's own id is left out of that query's list.
        reading: how the files are read; by default as they are recognised, if that is beyond doubt.
        on_progress: called with the rows of the corpus read so far, from time to time and at the end.

    Returns:
        The manifest, with the notes of this import.

    Raises:
        DatasetError: the files are not recognised, or the dataset breaks a rule; nothing is stored.
    """
    free = shutil.disk_usage(tempfile.gettempdir()).free
    with (
        gathered(str(path), free) as folder,
        tempfile.TemporaryDirectory(prefix="evaluator-import-") as scratch,
    ):
        source = open_source(folder, reading or _recognised(path, folder))
        staged = stage(source, Path(scratch), exclude_self=exclude_self, on_progress=on_progress)
        return publish(staged, store)


def _recognised(path: Path, folder: Path) -> Reading:
    """How the files of `path`, unpacked in `folder`, are read.

    Raises:
        DatasetError: they are not recognised, or something about them is doubtful.
    """
    found = recognise(folder)
    if found.reading is None or found.problems:
        raise DatasetError(f"{path}: {' '.join(found.problems)}")
    return found.reading
