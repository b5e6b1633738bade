"""Writing a backup: the database as of one moment, and the artifacts that its datasets need."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from evaluator import __version__
from evaluator.artifacts.store import ArtifactStore
from evaluator.atomic_write import whole_file
from evaluator.domain.access import Action
from evaluator.domain.teamwork.deeds import Deed
from evaluator.errors import TooManyError
from evaluator.library.storage import needed_artifacts
from evaluator.operations.backup.manifest import (
    ARTIFACTS,
    CHECKSUMS,
    FORMAT,
    MANIFEST,
    TABLES,
    VECTORS,
    Manifest,
    checksums,
    packed_bytes,
)
from evaluator.operations.backup.tar import END, Member, chunks_of, header, padded
from evaluator.store.file.tables import Copied, copy_tables
from evaluator.uploads.folder import scratch_folder
from evaluator.workspace.acting import needs
from evaluator.workspace.log import note
from evaluator.workspace.workspace import Workspace

_copying = threading.Lock()


@dataclass(frozen=True)
class Backup:
    """A backup that is ready to be written.

    Attributes:
        size: bytes of the whole file.
    """

    manifest: Manifest
    size: int
    _open: Mapping[str, Callable[[], BinaryIO]]
    _scratch: ExitStack

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the file, for one reader; artifacts are read now.

        Raises:
            DatasetDamagedError, ArtifactMissingError: somebody has just deleted a dataset, or vectors; try again.
        """
        with self._scratch:
            modified = int(time.time())
            digests: dict[str, str] = {}
            for member in self.manifest.members():
                yield header(member, modified)
                digest = hashlib.sha256()
                with self._open[member.name]() as file:
                    yield from padded(member, _noted(chunks_of(file), digest.update))
                digests[member.name] = digest.hexdigest()
            last = "".join(checksums(digests)).encode()
            yield header(Member(CHECKSUMS, len(last)), modified)
            yield from padded(Member(CHECKSUMS, len(last)), [last])
            yield bytes(END)


@needs(Action.OPERATE)
def prepare(workspace: Workspace, *, vectors: bool = False) -> Backup:
    """Copy the database as it is now, and find the artifacts that belong to it; what is big is read later.

    Every artifact is compared with its digest, as when it is used: what is damaged is named and left out.

    Args:
        vectors: whether stored vectors are part of the backup.

    Raises:
        TooManyError: another backup copies the database at this moment.
        OSError: the disk of the home folder is full.
        StoreUnavailableError: the database is damaged.
    """
    if not _copying.acquire(blocking=False):
        raise TooManyError("another backup is being prepared; ask again once it is written")
    try:
        note(workspace, Deed.BACKED_UP, "with vectors" if vectors else "")
        return _prepare(workspace, vectors)
    finally:
        _copying.release()


def save(
    path: Path, chunks: Iterable[bytes], size: int, on_progress: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Write a backup's bytes into a file that only this user may read; it appears when they are on the disk.

    Args:
        size: bytes that there will be.
        on_progress: called with the bytes written and `size`.

    Raises:
        InvalidInputError: the file cannot be written.
    """
    written = 0
    with whole_file(path) as file:
        os.fchmod(file.fileno(), 0o600)
        for chunk in chunks:
            file.write(chunk)
            written += len(chunk)
            on_progress(written, size)
        file.flush()
        os.fsync(file.fileno())


def _prepare(workspace: Workspace, vectors: bool) -> Backup:
    began = datetime.now(UTC).isoformat(timespec="seconds")

    with ExitStack() as scratch:
        copied, needed, tables = _copied(workspace, scratch)
        files = [Member(name, os.fstat(file.fileno()).st_size) for name, file in tables.items()]
        opened = {name: _once(file) for name, file in tables.items()}
        wanted = [*needed, *(sorted(workspace.store.sizes(VECTORS)) if vectors else ())]
        present = [artifact for artifact in wanted if workspace.store.is_whole(artifact)]
        files += [Member(ARTIFACTS + artifact, workspace.store.size(artifact)) for artifact in present]
        opened |= {ARTIFACTS + artifact: _stored(workspace.store, artifact) for artifact in present}
        missing = tuple(sorted({*needed}.difference(present)))
        manifest = Manifest(FORMAT, __version__, began, copied, tuple(files), missing)
        opened[MANIFEST] = lambda: BytesIO(manifest.encoded())
        return Backup(manifest, packed_bytes(manifest.members()), opened, scratch.pop_all())


def _copied(workspace: Workspace, scratch: ExitStack) -> tuple[Copied, list[str], dict[str, BinaryIO]]:
    """What the database holds, the artifacts that it needs, and its tables as files without a name."""
    with tempfile.TemporaryDirectory(prefix="backup-", dir=scratch_folder(workspace.settings)) as name:
        folder = Path(name)

        def look() -> tuple[Copied, list[str]]:
            return copy_tables(workspace.database, folder), sorted(set(needed_artifacts(workspace)))

        copied, needed = workspace.frozen(look)
        files = {table: (folder / f"{table}.parquet").open("rb") for table in copied.tables}
        for file in files.values():
            scratch.enter_context(file)
        return copied, needed, {f"{TABLES}{table}.parquet": file for table, file in files.items()}


def _once(file: BinaryIO) -> Callable[[], BinaryIO]:
    return lambda: file


def _stored(store: ArtifactStore, artifact: str) -> Callable[[], BinaryIO]:
    return lambda: store.local_path(artifact).open("rb")


def _noted(chunks: Iterator[bytes], note: Callable[[bytes], object]) -> Iterator[bytes]:
    for chunk in chunks:
        note(chunk)
        yield chunk
