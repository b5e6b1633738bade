"""Imports files as a dataset: opens the files, reads them as recognised, and publishes the dataset.

A failed import stores nothing. The command line calls these functions one after the other, a server runs each step in
a process of its own (`evaluator.uploads.examination`), and `import_dataset` does all steps in one call.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.exported import says_exclude_self
from evaluator.datasets.reading import Reading, Table
from evaluator.datasets.recognition.doubts import changed
from evaluator.datasets.recognition.recognise import Recognised, recognise
from evaluator.datasets.staging.from_tables import open_source
from evaluator.datasets.staging.gathering import gathered, is_reference
from evaluator.datasets.staging.provenance import provenance_of
from evaluator.datasets.staging.stage import publish, require_sound, stage
from evaluator.domain.dataset import DatasetManifest, Provenance
from evaluator.errors import DatasetError


class OpenedFiles(NamedTuple):
    """Files in a folder, unpacked.

    Attributes:
        folder: where the files are.
        recognised: the tables among the files, and how they are read as a dataset.
        exclude_self: whether the files say that a document with a query's own id is left out of that query's list.
    """

    folder: Path
    recognised: Recognised
    exclude_self: bool


def recognise_files(folder: Path, written: Sequence[Table] = (), *, adds: bool = False) -> OpenedFiles:
    """Recognise the unpacked files below a folder; `written` and `adds` as for `recognise`."""
    return OpenedFiles(folder, recognise(folder, written, adds=adds), says_exclude_self(folder))


@contextmanager
def open_files(
    origin: str,
    limit: int,
    scratch: Path | None = None,
    on_stage: Callable[[str], None] = lambda _stage: None,
) -> Iterator[OpenedFiles]:
    """Fetch or unpack the files of a dataset, and recognise them.

    Args:
        origin: a file, a folder, or a reference to a hub; the original files are not changed.
        limit: bytes to which archives may unpack (`Settings.unpacked_limit`).
        scratch: where files are unpacked; the system's folder for temporary files by default.
        on_stage: called when a stage begins, with its name.

    Raises:
        DatasetError: there is nothing at that path, or an archive cannot be unpacked.
    """
    on_stage("fetching" if is_reference(origin) else "unpacking")
    with gathered(origin, limit, scratch) as folder:
        on_stage("recognising")
        yield recognise_files(folder)


def certain_reading(origin: str, recognised: Recognised, changes: Mapping[str, Any] | None = None) -> Reading:
    """The recognised reading with a person's changes, if nothing else about it is doubtful.

    Args:
        changes: values by dotted path, such as `qrels.grade`.

    Raises:
        DatasetError: no reading was recognised, something about it is doubtful, or a change does not fit.
    """
    doubts = [str(doubt) for doubt in recognised.doubts_left(changes or {})]
    if recognised.reading is None or recognised.problems or doubts:
        raise DatasetError(f"{origin}: {' '.join((*recognised.problems, *doubts))}")
    return changed(recognised.reading, changes or {})


class Imported(NamedTuple):
    """A stored dataset.

    Attributes:
        manifest: its manifest, with the notes of this import.
        provenance: the files that it was imported from.
    """

    manifest: DatasetManifest
    provenance: Provenance


def import_dataset(
    path: Path, store: ArtifactStore, *, exclude_self: bool | None = None, reading: Reading | None = None
) -> DatasetManifest:
    """Import the dataset in a folder or file; as `import_files`, without its provenance."""
    return import_files(path, store, exclude_self=exclude_self, reading=reading).manifest


def import_files(
    path: Path,
    store: ArtifactStore,
    *,
    limit: int = sys.maxsize,
    exclude_self: bool | None = None,
    reading: Reading | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Imported:
    """Import the dataset in a folder or file. The same content has the same fingerprint and is stored once.

    Args:
        path: the folder, or one file.
        store: where the dataset is stored.
        limit: bytes to which archives may unpack.
        exclude_self: whether a document with the query's own id is left out of that query's list; by default as the
            files say.
        reading: how the files are read; by default the recognised reading, if it is beyond doubt.
        on_progress: called with the rows of the corpus read so far, from time to time and at the end.

    Raises:
        DatasetError: the files are not recognised, or the dataset breaks a rule; nothing is stored.
    """
    with (
        open_files(str(path), limit) as opened,
        tempfile.TemporaryDirectory(prefix="evaluator-import-") as scratch,
    ):
        resolved = reading or certain_reading(str(path), opened.recognised)
        source = open_source(opened.folder, resolved)
        exclude = opened.exclude_self if exclude_self is None else exclude_self
        staged = stage(
            source, Path(scratch), exclude_self=exclude, repairs=resolved.repairs, on_progress=on_progress
        )
        manifest = require_sound(staged)
        provenance = provenance_of(opened.folder, resolved, manifest)
        return Imported(publish(staged, store), provenance)
