"""The artifact store: immutable files under content-addressed names, in a folder or an object store.

A file is written under a temporary name, brought to the disk, and then moved: nobody ever sees half of one, not
after a power loss either, and nobody locks. Names are built from fingerprints by this package, never from what a
person typed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec
import psutil

from evaluator.errors import ArtifactMissingError, ArtifactNotWrittenError, InvalidInputError
from evaluator.urls import hide_passwords, shown_url

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*(/[A-Za-z0-9][A-Za-z0-9._=-]*)*")
TEMPORARY = "tmp"
"""Folder of half-written files, inside the store, so that moving one is a rename."""
SCRATCH_NAME = re.compile(r"(?P<host>.+)\.(?P<pid>\d+)\.[0-9a-f]{32}")
"""Names of half-written files tell who writes them."""
LEFT_AFTER = 24 * 3600.0
"""Seconds without a change after which a half-written file counts as left behind, whoever wrote it."""
NO_ROOM = 1 << 20
"""Bytes: with less, the disk counts as full. NumPy says only that it wrote less than it wanted, not why."""


class ArtifactStore:
    """Read, and write once.

    Args:
        url: a folder, or any fsspec URL (`s3://bucket/prefix`, `memory://name`).
        cache: folder for copies of remote artifacts; unused if the store is a local folder.

    Raises:
        InvalidInputError: the URL is none that can be opened.
    """

    def __init__(self, url: str, cache: Path | None = None) -> None:
        self.url = url
        try:
            self._fs, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, TypeError, ValueError) as error:
            # Not `from error`: its text and its traceback may hold the password.
            raise InvalidInputError(
                f"EVALUATOR_ARTIFACTS {shown_url(url)} cannot be opened ({hide_passwords(str(error))}); it is a folder "
                "or an fsspec URL, whose driver must be installed; in a password write # as %23, / as %2F and @ as %40"
            ) from None
        # As the option `use_listings_cache` does, which not every file system takes.
        self._fs.dircache.use_listings_cache = False
        self._local = "file" in self._fs.protocol
        digest = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._cache = (cache or Path(tempfile.gettempdir()) / f"evaluator-cache-{digest}") / digest
        self._scratch_folder = (Path(self._root) if self._local else self._cache) / TEMPORARY

    def _fresh(self) -> Any:
        """The file system, once it has forgotten what it remembers of folders: other machines write into them, too.

        A listing from before would say that what another has written since is missing (fsspec's `DirCache`).
        """
        self._fs.invalidate_cache()
        return self._fs

    def _path(self, name: str) -> str:
        if not NAME_PATTERN.fullmatch(name):
            raise ValueError(f"{name!r} is not an artifact name")
        return f"{self._root}/{name}"

    def exists(self, name: str) -> bool:
        """Whether the artifact is there, whole."""
        return bool(self._fresh().exists(self._path(name)))

    def names(self, folder: str) -> set[str]:
        """Names of the artifacts directly inside a folder, without the folder."""
        path = self._path(folder)
        try:
            return {str(entry).rsplit("/", 1)[-1] for entry in self._fresh().ls(path, detail=False)}
        except FileNotFoundError:
            return set()

    def put(self, name: str, write: Callable[[Path], None]) -> None:
        """Write an artifact: `write` fills a local temporary file, which then takes its name in one step.

        If the artifact exists already it stays as it is: the first writer wins.
        """
        target = self._path(name)
        if self._fresh().exists(target):
            return
        with self._scratch() as scratch:
            write(scratch)
            if self._fresh().exists(target):
                return
            if self._local:
                _move(scratch, Path(target))
            else:
                self._upload(scratch, target)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A name for a file that is not whole yet; on the way out the file is gone, moved or not."""
        scratch = self._scratch_folder / f"{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex}"
        try:
            scratch.parent.mkdir(parents=True, exist_ok=True)
            yield scratch
        except OSError as error:
            folder = next(parent for parent in scratch.parents[1:] if parent.exists())
            free = shutil.disk_usage(folder).free
            if error.errno in (errno.ENOSPC, errno.EDQUOT) or (error.errno is None and free < NO_ROOM):
                raise ArtifactNotWrittenError(
                    f"the disk is full: nothing can be written in {folder}, {free / 1e6:.1f} MB are free; "
                    "make room there"
                ) from error
            raise
        finally:
            scratch.unlink(missing_ok=True)

    def _upload(self, scratch: Path, target: str) -> None:
        upload = f"{self._root}/{TEMPORARY}/{scratch.name}"
        self._fs.makedirs(f"{self._root}/{TEMPORARY}", exist_ok=True)
        self._fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        try:
            self._fs.put_file(str(scratch), upload)
            self._fresh().mv(upload, target)
        except BaseException:
            with suppress(Exception):  # the reason may be that the store is out of reach; see clear_temporary
                self._fresh().rm(upload)
            raise

    def local_path(self, name: str) -> Path:
        """A local file with the artifact's bytes; remote ones are copied to the cache once.

        Raises:
            ArtifactMissingError: it is not in the store.
        """
        path = self._path(name)
        if self._local:
            if not Path(path).exists():
                raise ArtifactMissingError(f"the artifact {name} is not in the store {shown_url(self.url)}")
            return Path(path)
        copy = self._cache / name
        if not copy.exists():
            if not self._fresh().exists(path):
                raise ArtifactMissingError(f"the artifact {name} is not in the store {shown_url(self.url)}")
            with self._scratch() as scratch:
                self._fs.get_file(path, str(scratch))
                _move(scratch, copy)
        return copy

    def put_json(self, name: str, value: Any) -> None:
        """Write a value as JSON."""
        self.put(name, lambda path: _write_text(path, json.dumps(value, ensure_ascii=False)))

    def read_json(self, name: str) -> Any:
        """Read a JSON artifact.

        Raises:
            ArtifactMissingError: it is not in the store.
        """
        return json.loads(self.local_path(name).read_text(encoding="utf-8"))

    def read_bytes(self, name: str) -> bytes:
        """An artifact's bytes; nothing is kept in the cache, so this is for what is small or short-lived.

        Raises:
            ArtifactMissingError: it is not in the store.
        """
        try:
            return bytes(self._fs.cat_file(self._path(name)))
        except FileNotFoundError as error:
            raise ArtifactMissingError(
                f"the artifact {name} is not in the store {shown_url(self.url)}"
            ) from error

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every artifact below a folder, by name."""
        path = self._path(folder)
        if self._local:
            return _local_sizes(Path(self._root), Path(path))
        try:
            found = self._fresh().find(path, detail=True)
        except FileNotFoundError:
            return {}
        start = len(self._root) + 1
        return {str(entry)[start:]: int(details["size"]) for entry, details in found.items()}

    def size(self, name: str) -> int:
        """Bytes of an artifact.

        Raises:
            ArtifactMissingError: it is not in the store.
        """
        try:
            return int(self._fresh().size(self._path(name)))
        except FileNotFoundError as error:
            raise ArtifactMissingError(
                f"the artifact {name} is not in the store {shown_url(self.url)}"
            ) from error

    def remove(self, name: str) -> None:
        """Remove an artifact."""
        self._fresh().rm(self._path(name))

    def remove_folder(self, folder: str) -> None:
        """Remove every artifact below a folder; what somebody writes into it meanwhile may stay."""
        try:
            self._fresh().rm(self._path(folder), recursive=True)
        except FileNotFoundError:
            pass  # somebody else did
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise

    def clear_temporary(self) -> int:
        """Remove what interrupted writers left behind; returns how many files.

        Safe while others write: a file goes only if its writer ran on this host and has ended, or if nobody has
        changed it for a day.
        """
        removed = 0
        for scratch in self._scratch_folder.glob("*"):
            with suppress(FileNotFoundError):  # its writer is done with it, or another process clears, too
                if _is_left(scratch.name, scratch.stat().st_mtime):
                    scratch.unlink()
                    removed += 1
        return removed if self._local else removed + self._clear_uploads()

    def _clear_uploads(self) -> int:
        folder = f"{self._root}/{TEMPORARY}"
        removed = 0
        for upload in self._fresh().ls(folder, detail=False) if self._fresh().exists(folder) else ():
            with suppress(FileNotFoundError, NotImplementedError):  # not every file system tells a file's age
                if _is_left(str(upload).rsplit("/", 1)[-1], self._fresh().modified(upload).timestamp()):
                    self._fresh().rm(upload)
                    removed += 1
        return removed


def _local_sizes(root: Path, folder: Path) -> dict[str, int]:
    """Bytes of every file below a folder, by its path from the root; twice as fast as fsspec's `find`."""
    found: dict[str, int] = {}
    folders = [str(folder)]
    while folders:
        with suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                with suppress(FileNotFoundError):  # removed meanwhile
                    found[entry.path] = entry.stat().st_size
    start = len(str(root)) + 1
    return {path[start:]: size for path, size in found.items()}


def _is_left(name: str, modified: float) -> bool:
    """Whether nobody will finish a scratch file, by its name and the time of its last change (Unix seconds)."""
    writer = SCRATCH_NAME.fullmatch(name)
    ended = writer and writer["host"] == socket.gethostname() and not psutil.pid_exists(int(writer["pid"]))
    return bool(ended) or time.time() - modified > LEFT_AFTER


def _move(scratch: Path, target: Path) -> None:
    """Give a file its name once its bytes are on the disk: after a power loss it is whole, or not there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _synchronize(scratch)
    scratch.replace(target)
    with suppress(OSError):  # not every network file system can do it for a folder
        _synchronize(target.parent)


def _synchronize(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
