"""Digests of artifacts, with which their content is compared when it is read (ADR 0027).

    digests/<name>/<digest>    empty; a digest that the artifact with that name may have

An artifact has several digests if several processes wrote it at the same time: each recorded its digest first, and one
of the files won.
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
"""The folder of digests inside the store."""
DATASET_PARTS = {
    "datasets": "the description",
    "corpora": "the documents",
    "queries": "the queries",
    "qrels": "the judgments",
    "runs": "a run",
}
"""Folders of the parts of datasets, with the parts in words. Everything else in a store can be computed again."""


class Digests:
    """The digests of a store's artifacts.

    Args:
        fs: the store's file system, of fsspec.
        root: the store's folder there.
    """

    def __init__(self, fs: Any, root: str) -> None:
        self._fs, self._root = fs, f"{root}/{DIGESTS}"

    def of(self, name: str) -> set[str]:
        """The digests that an artifact may have; empty if an earlier version wrote the artifact."""
        self._fs.invalidate_cache()
        try:
            entries = self._fs.ls(f"{self._root}/{name}", detail=False)
        except FileNotFoundError:
            return set()
        return {str(entry).rsplit("/", 1)[-1] for entry in entries}

    def add(self, name: str, digest: str) -> None:
        """Record a digest before its artifact is written, so that no artifact lacks a digest if the process dies."""
        while True:
            self._fs.makedirs(f"{self._root}/{name}", exist_ok=True)
            try:
                self._fs.pipe_file(f"{self._root}/{name}/{digest}", b"")
            except FileNotFoundError:
                continue  # another process has just removed a previous artifact with its digests
            return

    def remove(self, name: str) -> None:
        """Remove the digests of an artifact, or of all artifacts below a folder, after the artifacts themselves."""
        remove_tree(self._fs, f"{self._root}/{name}")


def remove_tree(fs: Any, folder: str) -> None:
    """Remove a folder, if it exists; files that another process writes into it in the meantime may stay."""
    fs.invalidate_cache()
    try:
        fs.rm(folder, recursive=True)
    except FileNotFoundError:
        pass  # it does not exist, or another process removed it
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise


def digest_of(file: BufferedReader) -> str:
    """XXH3 of a file's bytes, 128 bits as 32 hexadecimal digits; detects accidents, not attacks."""
    return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()


def digest_of_bytes(content: bytes) -> str:
    """The same digest for bytes in memory."""
    return xxhash.xxh3_128(content).hexdigest()


def stamp_of(path: Path) -> str:
    """A file's inode, size and time of its last change; they differ between files, and change with a file.

    Raises:
        FileNotFoundError: the file does not exist.
    """
    status = path.stat()
    return f"{status.st_ino}-{status.st_size}-{status.st_ctime_ns}"


def is_dataset_part(name: str) -> bool:
    """Whether an artifact is a part of a dataset, which can only be imported again, not computed."""
    return name.partition("/")[0] in DATASET_PARTS


def dataset_error(name: str, how: str, url: str) -> DatasetDamagedError:
    """The error for a part of a dataset that is damaged or missing.

    Args:
        name: the artifact's name.
        how: `is damaged` or `is missing`.
        url: the store's URL.
    """
    part = DATASET_PARTS[name.partition("/")[0]]
    return DatasetDamagedError(
        f"the file with {part} of a dataset {how}: {name} in the store {shown_url(url)}; import the dataset again"
    )
