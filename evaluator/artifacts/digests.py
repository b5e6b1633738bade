"""Digests of artifacts: what they are compared with when they are read (ADR 0027).

    digests/<name>/<digest>    empty; a digest that the artifact of that name may have

An artifact has several if several wrote it at the same time, of whom one won: each recorded its own before.
"""

from __future__ import annotations

import errno
import hashlib
from io import BufferedReader
from pathlib import Path
from typing import Any

import xxhash

from evaluator.errors import DatasetDamagedError
from evaluator.urls import shown_url

DIGESTS = "digests"
"""The folder inside the store."""
GIVEN = {
    "datasets": "the description",
    "corpora": "the documents",
    "queries": "the queries",
    "qrels": "the judgments",
    "runs": "a run",
}
"""Folders of what people brought, and what of a dataset that is. Everything else in a store can be made again."""


class Digests:
    """The digests of a store's artifacts.

    Args:
        fs: the store's file system, of fsspec.
        root: the store's folder there.
    """

    def __init__(self, fs: Any, root: str) -> None:
        self._fs, self._root = fs, f"{root}/{DIGESTS}"

    def of(self, name: str) -> set[str]:
        """The digests that an artifact may have; none if an earlier version wrote it."""
        self._fs.invalidate_cache()
        try:
            found = self._fs.ls(f"{self._root}/{name}", detail=False)
        except FileNotFoundError:
            return set()
        return {str(entry).rsplit("/", 1)[-1] for entry in found}

    def add(self, name: str, digest: str) -> None:
        """Record a digest before its artifact is written, so that no artifact lacks one if the process dies."""
        while True:
            self._fs.makedirs(f"{self._root}/{name}", exist_ok=True)
            try:
                self._fs.pipe_file(f"{self._root}/{name}/{digest}", b"")
            except FileNotFoundError:
                continue  # somebody has just removed the artifact that was there before, and its digests
            return

    def remove(self, name: str) -> None:
        """Remove the digests of an artifact, or of all below a folder, once the artifacts are removed."""
        remove_tree(self._fs, f"{self._root}/{name}")


def remove_tree(fs: Any, folder: str) -> None:
    """Remove a folder, which may be gone already; what somebody writes into it meanwhile may stay."""
    fs.invalidate_cache()
    try:
        fs.rm(folder, recursive=True)
    except FileNotFoundError:
        pass  # somebody else did
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise


def digest_of(file: BufferedReader) -> str:
    """XXH3 of a file's bytes, 128 bits as 32 hexadecimal digits: against accidents, not against attackers."""
    return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()


def digest_of_bytes(content: bytes) -> str:
    """The same of bytes in memory."""
    return xxhash.xxh3_128(content).hexdigest()


def stamp_of(path: Path) -> str:
    """A file's inode, size and time of its last change: others for each file, and for one that was changed.

    Raises:
        FileNotFoundError: it is not there.
    """
    found = path.stat()
    return f"{found.st_ino}-{found.st_size}-{found.st_ctime_ns}"


def is_given(name: str) -> bool:
    """Whether people brought what an artifact holds, so that nothing else makes it again."""
    return name.partition("/")[0] in GIVEN


def given_error(name: str, how: str, url: str) -> DatasetDamagedError:
    """What is said of such an artifact that is damaged or missing.

    Args:
        how: `is damaged` or `is missing`.
        url: of the store.
    """
    part = GIVEN[name.partition("/")[0]]
    return DatasetDamagedError(
        f"the file with {part} of a dataset {how}: {name} in the store {shown_url(url)}; import the dataset again"
    )
