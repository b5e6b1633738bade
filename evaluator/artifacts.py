"""The artifact store: immutable files under content-addressed names, in a folder or an object store.

A file is written under a temporary name and then moved: nobody ever sees half of one, and nobody locks.
Names are built from fingerprints by this package, never from what a person typed.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec

from evaluator.errors import ArtifactMissingError

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*(/[A-Za-z0-9][A-Za-z0-9._=-]*)*")
TEMPORARY = "tmp"
"""Folder of half-written files, inside the store, so that moving one is a rename."""


class ArtifactStore:
    """Read, and write once.

    Args:
        url: a folder, or any fsspec URL (`s3://bucket/prefix`, `memory://name`).
        cache: folder for copies of remote artifacts; unused if the store is a local folder.
    """

    def __init__(self, url: str, cache: Path | None = None) -> None:
        self.url = url
        self._fs, self._root = fsspec.core.url_to_fs(url)
        self._local = "file" in self._fs.protocol
        digest = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._cache = (cache or Path(tempfile.gettempdir()) / f"evaluator-cache-{digest}") / digest

    def _path(self, name: str) -> str:
        if not NAME_PATTERN.fullmatch(name):
            raise ValueError(f"{name!r} is not an artifact name")
        return f"{self._root}/{name}"

    def exists(self, name: str) -> bool:
        """Whether the artifact is there, whole."""
        return bool(self._fs.exists(self._path(name)))

    def names(self, folder: str) -> set[str]:
        """Names of the artifacts directly inside a folder, without the folder."""
        path = self._path(folder)
        self._fs.invalidate_cache(path)
        try:
            return {str(entry).rsplit("/", 1)[-1] for entry in self._fs.ls(path, detail=False)}
        except FileNotFoundError:
            return set()

    def put(self, name: str, write: Callable[[Path], None]) -> None:
        """Write an artifact: `write` fills a local temporary file, which then takes its name in one step.

        If the artifact exists already it stays as it is: the first writer wins.
        """
        target = self._path(name)
        if self._fs.exists(target):
            return
        if self._local:
            scratch = Path(self._root) / TEMPORARY / uuid.uuid4().hex
            scratch.parent.mkdir(parents=True, exist_ok=True)
            try:
                write(scratch)
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                if not self._fs.exists(target):
                    scratch.replace(target)
            finally:
                scratch.unlink(missing_ok=True)
            return
        with tempfile.TemporaryDirectory(prefix="evaluator-") as folder:
            scratch = Path(folder) / "artifact"
            write(scratch)
            if self._fs.exists(target):
                return
            upload = f"{self._root}/{TEMPORARY}/{uuid.uuid4().hex}"
            self._fs.makedirs(f"{self._root}/{TEMPORARY}", exist_ok=True)
            self._fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
            self._fs.put_file(str(scratch), upload)
            self._fs.mv(upload, target)

    def local_path(self, name: str) -> Path:
        """A local file with the artifact's bytes; remote ones are copied to the cache once.

        Raises:
            ArtifactMissingError: it is not in the store.
        """
        path = self._path(name)
        if self._local:
            if not Path(path).exists():
                raise ArtifactMissingError(f"the artifact {name} is not in the store {self.url}")
            return Path(path)
        copy = self._cache / name
        if not copy.exists():
            if not self._fs.exists(path):
                raise ArtifactMissingError(f"the artifact {name} is not in the store {self.url}")
            copy.parent.mkdir(parents=True, exist_ok=True)
            scratch = copy.with_name(f"{copy.name}.{uuid.uuid4().hex}")
            self._fs.get_file(path, str(scratch))
            scratch.replace(copy)
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

    def remove(self, name: str) -> None:
        """Remove an artifact."""
        self._fs.rm(self._path(name))

    def clear_temporary(self) -> None:
        """Remove what interrupted writers left behind. Only safe while nobody writes."""
        if self._local:
            shutil.rmtree(Path(self._root) / TEMPORARY, ignore_errors=True)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
