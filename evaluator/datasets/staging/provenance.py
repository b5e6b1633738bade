"""Records where a dataset comes from: the files that a reading uses, with their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from evaluator import __version__
from evaluator.datasets.formats.texts import printable, text_files
from evaluator.datasets.reading import Reading
from evaluator.domain.dataset import DatasetManifest, Provenance, SourceFile

MAX_LISTED = 1000
"""Maximum files that are listed with their own hash."""


def provenance_of(folder: Path, reading: Reading, manifest: DatasetManifest) -> Provenance:
    """The provenance of a dataset that is imported now; all of its files are read for their hashes.

    Args:
        folder: the files, unpacked.
        reading: how they are read.
        manifest: what came of them.
    """
    files = [_source_file(folder, name) for name in sorted(set(_names(folder, reading)))]
    listing = "".join(f"{file.sha256}  {file.name}\n" for file in files)
    return Provenance(
        files=tuple(files[:MAX_LISTED]),
        n_files=len(files),
        sha256=hashlib.sha256(listing.encode()).hexdigest(),
        reading=reading.to_json(),
        exclude_self=manifest.exclude_self,
        notes=manifest.notes,
        imported_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
    )


def _names(folder: Path, reading: Reading) -> Iterator[str]:
    """The files that are read, relative to the folder; those that are gone are left out."""
    for part in (*reading.parts, *reading.runs):
        if part.table.kind == "texts":
            yield from (path.relative_to(folder).as_posix() for path in text_files(folder / part.table.file))
        else:
            yield from (file for file in part.table.files if (folder / file).is_file())


def _source_file(folder: Path, name: str) -> SourceFile:
    path = folder / name
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return SourceFile(printable(name), path.stat().st_size, digest)
