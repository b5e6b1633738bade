"""Restoring a backup into a home without a database: all of it is checked before any of it is put in place."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from evaluator.artifacts.local import move
from evaluator.artifacts.store import ArtifactStore
from evaluator.errors import EvaluatorError, InvalidInputError
from evaluator.jobs.processes.supervisor import Supervisor, lock_path
from evaluator.operations.backup.manifest import (
    ARTIFACTS,
    CHECKSUMS,
    LARGEST_MANIFEST,
    MANIFEST,
    NOTHING_DONE,
    TABLES,
    Manifest,
    checksums,
    damaged,
    foreign,
    packed_bytes,
    read_manifest,
)
from evaluator.operations.backup.tar import END, Member, NotPlainError, content, next_member
from evaluator.settings import Settings
from evaluator.store.file.condition import log_path
from evaluator.store.file.database import Database
from evaluator.store.file.tables import make_database
from evaluator.uploads.folder import scratch_folder

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

OnProgress = Callable[[int, int], None]
"""Called with the bytes that are done and those that there are."""


def restore(
    settings: Settings,
    path: Path,
    on_stage: Callable[[str], None] = lambda _name: None,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Manifest:
    """Restore a backup; returns what it holds. If that fails, the home is as it was.

    Its files are read into a scratch folder, compared with their checksums, and made a database, which is opened once.
    Then artifacts get their places, which changes nothing for anybody, and the database last: with it, the instance is
    there. A kill before leaves a home without a database, into which it can be restored again.

    The restored database has the identity of the one that was saved: it is the same instance, moved (ADR 0036).

    Raises:
        InvalidInputError: the home has a database, or the file is no backup, damaged, or a newer version's.
        InstanceRunningError: an instance runs on the home.
        EvaluatorError: the disk is full, or the home cannot be written.
    """
    require_no_database(settings)
    with _opened(path) as file:
        manifest, head = _manifest(path, file)
        on_stage("checking")
        with _locked(settings), _room(settings, path):
            scratch = tempfile.TemporaryDirectory(prefix="restore-", dir=scratch_folder(settings))
            with scratch as name:
                folder = Path(name)
                _stage(path, file, manifest, head, folder, on_progress)
                database = folder / "evaluator.duckdb"
                on_stage("making the database")
                _make(path, database, manifest, folder / TABLES)
                on_stage("storing")
                _put(settings, manifest, folder, on_progress)
                require_no_database(settings)  # some other command may have made one meanwhile
                move(database, settings.database_path)
    return manifest


def manifest_of(path: Path) -> Manifest:
    """What a backup says that it holds; its checksums are not compared.

    Raises:
        InvalidInputError: it is no backup that can be restored here.
    """
    with _opened(path) as file:
        return _manifest(path, file)[0]


def require_no_database(settings: Settings) -> None:
    """Check that a home has no database.

    Raises:
        InvalidInputError: it has one; says what to do.
    """
    for path in (settings.database_path, log_path(settings.database_path)):
        if os.path.lexists(path):
            raise InvalidInputError(
                f"{path} is there, and a backup never replaces a database: set EVALUATOR_HOME to a folder without one, "
                f"or move it away with what begins with its name; {NOTHING_DONE}"
            )


def _opened(path: Path) -> BinaryIO:
    if not path.is_file():
        raise InvalidInputError(f"{path} is no file; name a file that `evaluator backup` wrote")
    return path.open("rb")


def _manifest(path: Path, file: BinaryIO) -> tuple[Manifest, bytes]:
    """A backup's manifest, and its bytes; the whole file has the size that follows from it.

    Raises:
        InvalidInputError: it is no backup that can be restored here.
    """
    try:
        first = next_member(file)
        if first.name != MANIFEST or first.size > LARGEST_MANIFEST:
            raise foreign(path)
        head = b"".join(content(file, first.size))
    except NotPlainError as error:
        raise foreign(path) from error
    manifest = read_manifest(path, head)
    expected, found = packed_bytes((first, *manifest.files)), os.fstat(file.fileno()).st_size
    if expected != found:
        raise damaged(path, f"it has {found:,} bytes, and was written with {expected:,}")
    return manifest, head


def _stage(
    path: Path, file: BinaryIO, manifest: Manifest, head: bytes, folder: Path, on_progress: OnProgress
) -> None:
    """Read the files below a folder, and compare them with their checksums.

    Raises:
        InvalidInputError: they differ.
    """
    total = sum(member.size for member in manifest.files)
    done = 0
    digests = {MANIFEST: hashlib.sha256(head).hexdigest()}
    try:
        for expected in manifest.files:
            _require_next(path, file, expected)
            target = folder / expected.name  # a name that the manifest's check has let through
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with target.open("wb") as copy:
                for chunk in content(file, expected.size):
                    copy.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    on_progress(done, total)
            digests[expected.name] = digest.hexdigest()
        written = "".join(checksums(digests)).encode()
        _require_next(path, file, Member(CHECKSUMS, len(written)))
        found = b"".join(content(file, len(written)))
        if found != written:
            raise damaged(path, f"{_differing(found, written)} is not what was written")
        if file.read(END + 1) != bytes(END):
            raise damaged(path, "it does not end as it should")
    except NotPlainError as error:
        raise damaged(path, str(error)) from error


def _require_next(path: Path, file: BinaryIO, expected: Member) -> None:
    found = next_member(file)
    if found != expected:
        raise damaged(path, f"it holds {found.name} where {expected.name} should be")


def _differing(found: bytes, written: bytes) -> str:
    """The first file whose checksum is another one."""
    lines = zip(found.splitlines(), written.splitlines(), strict=False)
    return next((ours.decode()[66:] for theirs, ours in lines if theirs != ours), CHECKSUMS)


def _make(path: Path, database: Path, manifest: Manifest, tables: Path) -> None:
    """Make the database, and open it once, so that it is brought to this version and checked.

    Raises:
        InvalidInputError: the tables are not what they should be.
        OSError: the disk is full.
    """
    try:
        make_database(database, manifest.database, tables)
    except ValueError as error:
        raise damaged(path, str(error)) from error
    Database(database).close()
    if log_path(database).exists():  # closing merges it, and raises no error if that fails
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(log_path(database)))


def _put(settings: Settings, manifest: Manifest, folder: Path, on_progress: OnProgress) -> None:
    """Give the artifacts their places in the store; what is there already, and whole, stays."""
    store = ArtifactStore(settings.artifacts_url, settings.home_path / "cache")
    sizes = {file.name: file.size for file in manifest.files}
    names = manifest.artifacts
    total, done = sum(sizes[ARTIFACTS + name] for name in names), 0
    for name in names:
        staged = folder / ARTIFACTS / name
        store.put(name, lambda scratch, staged=staged: _moved(staged, scratch))  # type: ignore[misc]
        done += sizes[ARTIFACTS + name]
        on_progress(done, total)


def _moved(staged: Path, scratch: Path) -> None:
    shutil.move(staged, scratch)


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """No instance starts on the home within the block; a home that is made for it and not used is removed.

    Raises:
        InstanceRunningError: one runs.
        StoreUnavailableError: the home cannot be written.
    """
    home = settings.home_path
    new = not home.exists()
    with Supervisor(settings) as supervisor:
        supervisor.lock_home()
        try:
            yield
        except BaseException:
            if new:
                lock_path(settings).unlink(missing_ok=True)
                for folder in (scratch_folder(settings), home):
                    with suppress(OSError):  # it is in use by now
                        folder.rmdir()
            raise


@contextmanager
def _room(settings: Settings, path: Path) -> Iterator[None]:
    """Say it in words if the disk is full.

    Raises:
        EvaluatorError: it is.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise EvaluatorError(
            f"the disk is full: {path} cannot be restored into {settings.home_path}; make room there, or set "
            "EVALUATOR_HOME to another disk; that home has no database still"
        ) from error
