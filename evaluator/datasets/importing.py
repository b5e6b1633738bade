"""Import a folder: recognise its format, write it canonically, store it. A failure stores nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from evaluator.artifacts import ArtifactStore
from evaluator.datasets.beir import BEIR
from evaluator.datasets.canonical import CORPUS_FILE, QRELS_FILE, QUERIES_FILE, write_canonical
from evaluator.datasets.decision_record import DECISION_RECORD
from evaluator.datasets.layout import corpus_artifact, manifest_artifact, qrels_artifact, queries_artifact
from evaluator.datasets.source import Format, Source
from evaluator.domain.dataset import DatasetManifest
from evaluator.errors import DatasetError

FORMATS: tuple[Format, ...] = (DECISION_RECORD, BEIR)
"""Asked in this order; BEIR is last because it claims any folder with a corpus and queries."""

LISTED = 20
"""Names of a folder's entries that an error shows."""


def import_dataset(
    path: Path,
    store: ArtifactStore,
    *,
    exclude_self: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> DatasetManifest:
    """Import the dataset in a folder. The same content has the same fingerprint and is stored once.

    Args:
        path: the folder.
        store: where the dataset is kept.
        exclude_self: whether a document with the query's own id is left out of that query's list.
        on_progress: called with the number of documents read so far, from time to time and at the end.

    Returns:
        The manifest, with the notes of this import.

    Raises:
        DatasetError: the folder's format is not recognised, or the dataset breaks a rule; nothing is stored.
    """
    source = recognise(path)
    with tempfile.TemporaryDirectory(prefix="evaluator-import-") as name:
        folder = Path(name)
        manifest = write_canonical(source, folder, exclude_self=exclude_self, on_progress=on_progress)
        _store(folder / CORPUS_FILE, store, corpus_artifact(manifest))
        _store(folder / QUERIES_FILE, store, queries_artifact(manifest))
        _store(folder / QRELS_FILE, store, qrels_artifact(manifest))
    store.put_json(manifest_artifact(manifest.fingerprint), manifest.to_json())
    return manifest


def recognise(path: Path) -> Source:
    """The dataset in a folder, by the first format that knows it.

    Raises:
        DatasetError: there is no such folder, or no format knows it.
    """
    if not path.is_dir():
        kind = "a file" if path.exists() else "not there"
        raise DatasetError(f"{path} is {kind}; give the folder that holds the dataset")
    for known in FORMATS:
        source = known.recognise(path)
        if source is not None:
            return source
    expected = " or ".join(f"{known.name}: {known.expects}" for known in FORMATS)
    raise DatasetError(
        f"{path} holds no dataset that is recognised. Found: {_entries(path)}. Expected {expected}"
    )


def _entries(folder: Path) -> str:
    """What is in a folder, in words."""
    names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in folder.iterdir())
    more = [f"and {len(names) - LISTED} more"] if len(names) > LISTED else []
    return ", ".join([*names[:LISTED], *more]) or "nothing"


def _store(file: Path, store: ArtifactStore, artifact: str) -> None:
    """Move a finished file into the store, unless it is there already."""

    def move(target: Path) -> None:
        shutil.move(file, target)

    store.put(artifact, move)
