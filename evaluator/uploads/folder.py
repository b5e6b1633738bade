"""An upload's folder on disk: its files, and JSON files with its state.

The whole state of an upload is in its folder, so that it survives a restart of the server. JSON files are written
atomically.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from evaluator.artifacts.digests import digest_of, digest_of_bytes
from evaluator.domain.access import MAIN
from evaluator.domain.dataset import Provenance
from evaluator.settings import Settings

logger = logging.getLogger(__name__)

Step = Literal["recognise", "fetch", "check"]
"""A step of an upload. `fetch` downloads the files from a hub, and then recognises them."""

STEP, SOURCE, PERSON = "step.json", "source.json", "person.json"
"""Files with the last requested step, the source of the files if not the browser, and the upload's person."""
ADDS_TO = "adds_to.json"
"""The dataset to which the files add queries and judgments, if they are no dataset of their own."""
WRITTEN = "written.json"
"""The tables whose header row or encoding a person says."""
RECOGNISED, READING, STAGED, REPORT = "recognised.json", "reading.json", "staged.json", "report.json"
PROGRESS, ERROR = "progress.json", "error.json"

UPLOAD_ID = re.compile(r"[0-9a-f]{32}")

SHOWN_FILES = 3
"""The most files that a dataset's source names."""
PROGRESS_EVERY = 0.2
"""Seconds between two writes of the progress."""


@dataclass(frozen=True)
class Progress:
    """The progress of a step.

    Attributes:
        stage: `waiting` for its turn, `fetching`, `unpacking`, `recognising`, `reading` or `examining`.
        done: documents read, while it is `reading`; else 0.
        total: the number of all documents; None if unknown.
        started_at: when the stage began, in Unix seconds.
    """

    stage: str
    done: int
    total: int | None
    started_at: float


class Held(NamedTuple):
    """The size in bytes and the number of files on the disk."""

    bytes: int
    files: int


@dataclass(frozen=True)
class UploadFolder:
    """The folder of one upload."""

    path: Path

    @property
    def files(self) -> Path:
        """The files as they arrived."""
        return self.path / "files"

    @property
    def incoming(self) -> Path:
        """Files that are still arriving."""
        return self.path / "incoming"

    @property
    def unpacked(self) -> Path:
        """The same files with archives unpacked; these are recognised and read."""
        return self.path / "unpacked"

    @property
    def stored(self) -> Path:
        """A folder with the files of the dataset to which the upload adds; they go beside the unpacked files."""
        return self.path / "stored"

    @property
    def project(self) -> str:
        """The project in which it was begun, and of which its dataset will be."""
        return str((self.read(PERSON) or {}).get("project", MAIN))

    @property
    def adds_to(self) -> int | None:
        """The id of the dataset to which the upload adds; None if it is to be a dataset of its own."""
        return (self.read(ADDS_TO) or {}).get("dataset")

    @property
    def staged(self) -> Path:
        """The dataset in canonical Parquet, to be published."""
        return self.path / "staged"

    @property
    def scratch(self) -> Path:
        """Temporary files of the process that examines the upload, such as the downloads of a hub's library."""
        return self.path / "scratch"

    @property
    def log(self) -> Path:
        """The output of the process that examines the upload."""
        return self.path / "examining.log"

    @property
    def touched_at(self) -> float:
        """The last change directly in the folder or its direct subfolders, in Unix seconds.

        Raises:
            FileNotFoundError: the folder is gone.
        """
        last = self.path.stat().st_mtime
        for part in self.path.glob("*"):
            with suppress(FileNotFoundError):  # written atomically at this moment
                last = max(last, part.stat().st_mtime)
        return last

    @property
    def arrived(self) -> Held:
        """The files that a person sent."""
        return Held(0, 0) if self._is_fetched else self._received

    @property
    def made(self) -> Held:
        """Files that were fetched or derived; hard links to files that arrived are not counted."""
        size, files = self._received if self._is_fetched else (0, 0)
        for folder in (self.unpacked, self.staged):
            for parent, _, names in os.walk(folder):
                for name in names:
                    with suppress(FileNotFoundError):
                        status = Path(parent, name).lstat()
                        if status.st_nlink == 1:
                            size, files = size + status.st_size, files + 1
        return Held(size, files)

    @property
    def _received(self) -> Held:
        sizes = [size for _, size in files_below(self.files)]
        return Held(sum(sizes), len(sizes))

    @property
    def _is_fetched(self) -> bool:
        return (self.path / SOURCE).exists()

    @property
    def staged_digests(self) -> dict[str, str]:
        """Digests of the staged files, by name."""
        digests = {}
        for path in self.staged.glob("*"):
            with path.open("rb") as file:
                digests[path.name] = digest_of(file)
        return digests

    @property
    def provenance(self) -> Provenance | None:
        """The files that were checked, with their hashes; None if an earlier version of this software checked them."""
        record = (self.read(STAGED) or {}).get("provenance")
        return None if record is None else Provenance.from_json(record)

    def source_in_words(self, files: Sequence[str]) -> str:
        """Where its dataset comes from, for people.

        Args:
            files: names of the files that arrived.
        """
        hub = self.read(SOURCE)
        if hub is not None:
            return str(hub["source"])
        more = f" and {len(files) - SHOWN_FILES} more" if len(files) > SHOWN_FILES else ""
        return "upload: " + ", ".join(files[:SHOWN_FILES]) + more

    def read(self, name: str) -> Any:
        """The content of a JSON file; None if it is absent or damaged, so that its step has to run again."""
        path = self.path / name
        if path.is_file():  # reading a pipe would block
            try:
                text, _, digest = path.read_bytes().partition(b"\n")
            except FileNotFoundError:
                return None
            # Earlier versions wrote no digest.
            if not digest or digest.decode(errors="replace") == digest_of_bytes(text):
                with suppress(ValueError):
                    return json.loads(text)
        elif not path.exists():
            return None
        logger.warning("%s is damaged: it is not what was written", path)
        return None

    def write(self, name: str, value: Any) -> None:
        """Write a JSON file atomically, followed by its digest."""
        scratch = self.path / f".{name}.{os.getpid()}"
        text = json.dumps(value).encode()
        scratch.write_bytes(text + b"\n" + digest_of_bytes(text).encode())
        scratch.replace(self.path / name)

    def forget(self, *names: str) -> None:
        """Remove JSON files and folders, if they exist."""
        for name in names:
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def fail(self, reason: str) -> None:
        """Record why the step failed."""
        self.write(ERROR, {"error": reason})


def uploads_folder(home: Path) -> Path:
    """The folder of all uploads, in a home folder."""
    return home / "uploads"


def scratch_folder(settings: Settings) -> Path:
    """The folder for commands' temporary files; beside the artifacts, so that storing is a rename.

    Files of a killed command are removed like an old upload.
    """
    folder = uploads_folder(settings.home_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class ProgressWriter:
    """Writes a step's progress into `progress.json`, at most five times a second."""

    def __init__(self, folder: UploadFolder) -> None:
        self._folder = folder
        self._progress = Progress("waiting", 0, None, time.time())
        self._written = 0.0

    def stage(self, stage: str) -> None:
        """Record that a stage begins."""
        self._progress = Progress(stage, 0, None, time.time())
        self._write()

    def count(self, done: int) -> None:
        """Record the number of documents read."""
        self._progress = dataclasses.replace(self._progress, done=done)
        if time.monotonic() - self._written >= PROGRESS_EVERY:
            self._write()

    def _write(self) -> None:
        self._folder.write(PROGRESS, dataclasses.asdict(self._progress))
        self._written = time.monotonic()


def files_below(folder: Path) -> Iterator[tuple[str, int]]:
    """Every file below a folder: its relative path with `/`, and its size in bytes; vanishing files are left out."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            try:
                size = path.lstat().st_size
            except FileNotFoundError:
                continue
            yield path.relative_to(folder).as_posix(), size
