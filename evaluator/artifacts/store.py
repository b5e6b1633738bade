"""The artifact store: immutable files under content-addressed names, in a folder or an object store.

A file is written under a temporary name, flushed to the disk, and then moved: no reader ever sees a partial file, not
even after a power loss, and no lock is needed. Names are built from fingerprints, never from what a person typed.

Before an artifact is read, it is compared with its digest, once for each process and state of the file (ADR 0027).
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
import shutil
import socket
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import fsspec

from evaluator.artifacts.digests import (
    DIGESTS,
    Digests,
    dataset_error,
    digest_of,
    digest_of_bytes,
    is_dataset_part,
    remove_tree,
    stamp_of,
)
from evaluator.artifacts.local import is_abandoned, is_no_file, local_sizes, move, write_text
from evaluator.errors import (
    ArtifactLostError,
    ArtifactMissingError,
    ArtifactNotWrittenError,
    DatasetDamagedError,
    InvalidInputError,
)
from evaluator.urls import hide_passwords, shown_url

logger = logging.getLogger(__name__)

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*(/[A-Za-z0-9][A-Za-z0-9._=-]*)*")
TEMPORARY = "tmp"
"""Folder of scratch files; it is inside the store, so that moving a file is a rename."""
State = Literal["whole", "damaged", "unknown"]
"""The state of an artifact; `unknown`: it has no digest, because an earlier version wrote it."""
NO_ROOM = 1 << 20
"""With fewer free bytes, the disk counts as full: NumPy reports an incomplete write without the reason."""


class ArtifactStore:
    """Reads artifacts, and writes each once.

    Args:
        url: a folder, or any fsspec URL (`s3://bucket/prefix`, `memory://name`).
        cache: folder for copies of remote artifacts; unused if the store is a local folder.

    Raises:
        InvalidInputError: the URL cannot be opened.
    """

    def __init__(self, url: str, cache: Path | None = None) -> None:
        self.url = url
        try:
            self._fs, self._root = fsspec.core.url_to_fs(url)
        except Exception as error:  # noqa: BLE001  every file system raises errors of its own
            # Not `from error`: the text and traceback of the error may contain the password.
            raise InvalidInputError(
                f"EVALUATOR_ARTIFACTS {shown_url(url)} cannot be opened ({hide_passwords(str(error))}); it is a folder "
                "or an fsspec URL, whose driver must be installed; in a password write # as %23, / as %2F and @ as %40"
            ) from None
        # The option `use_listings_cache` does the same, but not every file system accepts it.
        self._fs.dircache.use_listings_cache = False
        self._local = "file" in self._fs.protocol
        if self._local and os.path.lexists(self._root) and not Path(self._root).is_dir():
            problem = "is no folder" if Path(self._root).exists() else "is a link that leads nowhere"
            raise InvalidInputError(
                f"the artifact store {self._root} {problem}; move it away, or set EVALUATOR_ARTIFACTS to a folder"
            )
        digest = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._cache = (cache or Path(tempfile.gettempdir()) / f"evaluator-cache-{digest}") / digest
        self._scratch_folder = (Path(self._root) if self._local else self._cache) / TEMPORARY
        self._digests = Digests(self._fs, self._root)
        self._verified: dict[str, str] = {}
        self._warned_of_unknown = False

    def _fresh(self) -> Any:
        """The file system without cached listings of folders, into which other machines write, too.

        A cached listing (fsspec's `DirCache`) would lack artifacts that another machine has written since.
        """
        self._fs.invalidate_cache()
        return self._fs

    def _path(self, name: str) -> str:
        if not NAME_PATTERN.fullmatch(name):
            raise ValueError(f"{name!r} is not an artifact name")
        return f"{self._root}/{name}"

    def exists(self, name: str) -> bool:
        """Whether the artifact exists; its content is not read."""
        return bool(self._fresh().exists(self._path(name)))

    def names(self, folder: str) -> set[str]:
        """Names of the artifacts directly inside a folder, without the folder's name."""
        path = self._path(folder)
        try:
            return {str(entry).rsplit("/", 1)[-1] for entry in self._fresh().ls(path, detail=False)}
        except FileNotFoundError:
            return set()

    def put(self, name: str, write: Callable[[Path], None]) -> None:
        """Write an artifact: `write` fills a local temporary file, which then takes its name in one step.

        If the artifact already exists and is not damaged, it stays as it is: the first writer wins.

        Raises:
            ArtifactNotWrittenError: the disk is full, or the file is larger than this user may write.
        """
        target = self._path(name)
        if self.is_whole(name):
            return
        with self._scratch() as scratch:
            write(scratch)
            with scratch.open("rb") as file:
                digest = digest_of(file)
            if self.is_whole(name):
                return
            self._digests.add(name, digest)
            if self._local:
                move(scratch, Path(target))
                self._verified[name] = stamp_of(Path(target))
            else:
                self._upload(scratch, target)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A path for a scratch file; at the end the file is removed, unless it was moved.

        Raises:
            ArtifactNotWrittenError: the disk is full, or the file is larger than this user may write.
        """
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
            if error.errno == errno.EFBIG:
                raise ArtifactNotWrittenError(
                    f"this user may write no file so large in {folder} (`ulimit -f`); raise that limit"
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
            with suppress(Exception):  # the store may be unreachable; see clear_temporary
                self._fresh().rm(upload)
            raise

    def local_path(self, name: str) -> Path:
        """A local file with the artifact's bytes as they were written; remote artifacts are copied to the cache once.

        The whole file is read for that the first time, and again if it has changed since.

        Raises:
            ArtifactMissingError: the artifact is not in the store.
            ArtifactLostError: the artifact was damaged and has been removed.
            DatasetDamagedError: the artifact is damaged or missing, and cannot be computed again.
        """
        path = self._whole_file(name)
        if path is None:
            raise self._damaged(name)
        return path

    def is_whole(self, name: str) -> bool:
        """Whether the artifact exists and is not damaged, checked as in `local_path`."""
        try:
            return bool(self.local_path(name))
        except (ArtifactMissingError, DatasetDamagedError):
            return False

    def stamp(self, name: str) -> str:
        """Identifies the artifact's file in its present state: the key for anything cached from its content.

        Raises:
            ArtifactMissingError, ArtifactLostError, DatasetDamagedError: as `local_path`.
        """
        return stamp_of(self.local_path(name))

    def _whole_file(self, name: str) -> Path | None:
        """The local file; None if the artifact is damaged.

        Raises:
            ArtifactMissingError: the artifact is not in the store.
        """
        path = Path(self._path(name)) if self._local else self._cache / name
        try:
            if not self._local and not (path.exists() and self._verify(name, path)):
                self._fetch(name, path)
            return path if self._verify(name, path) else None
        except FileNotFoundError as error:
            raise self._missing(name) from error

    def _fetch(self, name: str, copy: Path) -> None:
        """Copy a remote artifact to the cache; this replaces a damaged copy."""
        if not self.exists(name):
            raise FileNotFoundError(name)
        with self._scratch() as scratch:
            self._fs.get_file(self._path(name), str(scratch))
            move(scratch, copy)

    def _verify(self, name: str, path: Path) -> bool:
        """Whether a local file has one of the artifact's digests, or the artifact has none; False if it is no file.

        Raises:
            FileNotFoundError: the file does not exist, or is the copy of an artifact that no longer exists.
        """
        if is_no_file(path):
            logger.warning("the artifact %s is damaged: it is no file", name)
            return False
        while self._verified.get(name) != (stamp := stamp_of(path)):
            if self._digests.of(name):
                with path.open("rb") as file:
                    digest = digest_of(file)
                # Read the digests again: a process that has just replaced the artifact recorded the new digest first.
                if digest not in self._digests.of(name):
                    if stamp_of(path) == stamp:
                        return False
                    continue
            elif not self.exists(name):
                raise FileNotFoundError(name)
            elif not self._warned_of_unknown:
                self._warned_of_unknown = True
                logger.info("%s was written by a version without digests: damage is not noticed", name)
            self._verified[name] = stamp
        return True

    def _missing(self, name: str) -> ArtifactMissingError | DatasetDamagedError:
        if is_dataset_part(name):
            return dataset_error(name, "is missing", self.url)
        if self._digests.of(name):
            return ArtifactLostError(
                f"the artifact {name} was damaged, and is removed; it is made again when an experiment needs it"
            )
        return ArtifactMissingError(f"the artifact {name} is not in the store {shown_url(self.url)}")

    def _damaged(self, name: str) -> ArtifactMissingError | DatasetDamagedError:
        """The error for a damaged artifact. If it can be computed again, it is removed, but its digests stay and
        mark it as lost.
        """
        logger.warning("the artifact %s is damaged: it is not what was written", name)
        if is_dataset_part(name):
            return dataset_error(name, "is damaged", self.url)
        if (
            self._local and (path := Path(self._path(name))).is_dir()
        ):  # a folder that another program created; do not remove it
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        with suppress(FileNotFoundError):  # another process removed the damaged artifact, too
            self._fresh().rm(self._path(name))
        return self._missing(name)

    def put_json(self, name: str, value: Any) -> None:
        """Write a value as JSON."""
        self.put(name, lambda path: write_text(path, json.dumps(value, ensure_ascii=False)))

    def read_json(self, name: str) -> Any:
        """Read a JSON artifact.

        Raises:
            ArtifactMissingError, ArtifactLostError, DatasetDamagedError: as `local_path`.
        """
        try:
            return json.loads(self.local_path(name).read_text(encoding="utf-8"))
        except ValueError as error:  # damaged, and written by an earlier version without a digest
            raise self._damaged(name) from error

    def read_bytes(self, name: str) -> bytes:
        """An artifact's bytes, without a copy in the cache; meant for small or short-lived artifacts.

        Raises:
            ArtifactMissingError, ArtifactLostError, DatasetDamagedError: as `local_path`.
        """
        try:
            content = bytes(self._fs.cat_file(self._path(name)))
        except FileNotFoundError as error:
            raise self._missing(name) from error
        digests = self._digests.of(name)
        if digests and digest_of_bytes(content) not in digests:
            raise self._damaged(name)
        return content

    def state(self, name: str) -> State:
        """The state of an artifact. The artifact is always read again, and never changed.

        Raises:
            ArtifactMissingError: the artifact is not in the store.
            DatasetDamagedError: the artifact is not in the store, and cannot be computed again.
        """
        if self._local and is_no_file(Path(self._path(name))):
            return "damaged"
        if not self._digests.of(name) and self.exists(name):
            return "unknown"
        try:
            with self._fs.open(self._path(name), "rb") as file:
                digest = digest_of(file)
        except FileNotFoundError as error:
            raise self._missing(name) from error
        return "whole" if digest in self._digests.of(name) else "damaged"

    def all_sizes(self) -> dict[str, int]:
        """Bytes of every artifact, by name."""
        sizes = self._sizes(self._root)
        return {name: n for name, n in sizes.items() if name.partition("/")[0] not in (DIGESTS, TEMPORARY)}

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every artifact below a folder, by name."""
        return self._sizes(self._path(folder))

    def _sizes(self, path: str) -> dict[str, int]:
        if self._local:
            return local_sizes(Path(self._root), Path(path))
        try:
            entries = self._fresh().find(path, detail=True)
        except FileNotFoundError:
            return {}
        start = len(self._root) + 1
        return {str(entry)[start:]: int(details["size"]) for entry, details in entries.items()}

    def recorded(self) -> set[str]:
        """Names of all artifacts with a digest, including lost artifacts."""
        return {name.partition("/")[2].rpartition("/")[0] for name in self.sizes(DIGESTS)}

    def size(self, name: str) -> int:
        """Bytes of an artifact.

        Raises:
            ArtifactMissingError: the artifact is not in the store.
        """
        try:
            return int(self._fresh().size(self._path(name)))
        except FileNotFoundError as error:
            raise self._missing(name) from error

    def remove(self, name: str) -> None:
        """Remove an artifact, if it exists, and then its digests."""
        with suppress(FileNotFoundError):
            self._fresh().rm(self._path(name))
        self._digests.remove(name)

    def remove_folder(self, folder: str) -> None:
        """Remove every artifact below a folder; files that another process writes into it in the meantime may stay."""
        remove_tree(self._fs, self._path(folder))
        self._digests.remove(folder)

    def clear_temporary(self) -> int:
        """Remove scratch files of interrupted writers; returns their number.

        This is safe while other processes write: a file is removed only if its writer ran on this host and has ended,
        or if the file has not changed for a day.
        """
        removed = 0
        for scratch in self._scratch_folder.glob("*"):
            with suppress(FileNotFoundError):  # its writer moved it, or another process removed it
                if is_abandoned(scratch.name, scratch.stat().st_mtime):
                    scratch.unlink()
                    removed += 1
        return removed if self._local else removed + self._clear_uploads()

    def _clear_uploads(self) -> int:
        folder = f"{self._root}/{TEMPORARY}"
        removed = 0
        for upload in self._fresh().ls(folder, detail=False) if self._fresh().exists(folder) else ():
            with suppress(FileNotFoundError, NotImplementedError):  # not every file system knows a file's age
                if is_abandoned(str(upload).rsplit("/", 1)[-1], self._fresh().modified(upload).timestamp()):
                    self._fresh().rm(upload)
                    removed += 1
        return removed
