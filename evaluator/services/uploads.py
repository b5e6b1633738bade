"""Uploads: files on their way to become a dataset. Nothing is a dataset until a person stores it.

An upload is a folder below HOME/uploads; its state is derived from what is there, so a server that starts again
knows all of them. The work on files is done by `examining`, in processes that `examiner` watches.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evaluator.datasets.findings import Finding
from evaluator.datasets.health import HealthReport
from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition import Recognised
from evaluator.datasets.staging import Staged, publish
from evaluator.domain.dataset import DatasetManifest
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.services import datasets
from evaluator.services.examiner import BUSY, Examiner
from evaluator.services.file_names import safe_name
from evaluator.services.receiving import measure, receive_file, room, too_large
from evaluator.services.upload_folder import (
    ERROR,
    PROGRESS,
    READING,
    RECOGNISED,
    REPORT,
    SOURCE,
    STAGED,
    STEP,
    Progress,
    UploadFolder,
    files_below,
)
from evaluator.services.workspace import Workspace
from evaluator.settings import Settings
from evaluator.store import catalog
from evaluator.store.catalog import DatasetRow

KEPT = 7 * 24 * 3600.0
"""Seconds without a change after which an upload that nobody stored is removed."""
SHOWN_FILES = 3
"""Files that a dataset's source names."""

UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
INTERRUPTED = "interrupted: the server stopped meanwhile; start again"

Status = Literal["receiving", "recognising", "recognised", "checking", "checked", "failed"]

_examiner = Examiner()


@dataclass(frozen=True)
class UploadedFile:
    """A file as it arrived."""

    name: str
    bytes: int


@dataclass(frozen=True)
class UploadState:
    """What is known of an upload.

    Attributes:
        recognised: what the files are, once that is known.
        reading: how a person wants them read; None before the first check.
        exclude_self: what the person chose; before the first check what the files say, if they are an export.
        progress: how far the step that waits or runs is.
        error: why the status is `failed`.
    """

    id: str
    status: Status
    files: tuple[UploadedFile, ...]
    recognised: Recognised | None
    reading: Reading | None
    exclude_self: bool
    report: HealthReport | None
    progress: Progress | None
    error: str | None

    def to_json(self) -> dict[str, Any]:
        """The state as plain JSON types."""
        return {
            "id": self.id,
            "status": self.status,
            "files": [{"name": file.name, "bytes": file.bytes} for file in self.files],
            "recognised": self.recognised.to_json() if self.recognised else None,
            "reading": self.reading.to_json() if self.reading else None,
            "exclude_self": self.exclude_self,
            "report": self.report.to_json() if self.report else None,
            "progress": vars(self.progress) if self.progress else None,
            "error": self.error,
        }


def create(workspace: Workspace) -> str:
    """Begin an upload; returns its id."""
    upload_id = secrets.token_hex(16)
    folder = UploadFolder(_uploads(workspace.settings) / upload_id)
    with room(folder):
        folder.files.mkdir(parents=True)
        folder.incoming.mkdir()
    return upload_id


async def receive(
    workspace: Workspace, upload_id: str, name: str, chunks: AsyncIterator[bytes]
) -> UploadedFile:
    """Take a file as it arrives. It gets its name when it is whole; of one that breaks off nothing stays.

    A file of the same name is replaced. What was recognised before is forgotten.

    Args:
        name: a relative path; a folder that is dropped keeps its files' paths.

    Raises:
        InvalidInputError: the name is not safe, or the upload is being examined.
        TooLargeError: the upload would be larger than the limit.
        UploadNotWrittenError: the disk is full.
    """
    folder = _folder(workspace, upload_id)
    wanted = safe_name(name)
    _refuse_busy(folder)

    def forget() -> None:
        _refuse_busy(folder)
        folder.forget(STEP, RECOGNISED, READING, REPORT, ERROR, PROGRESS)

    size = await receive_file(folder, wanted, chunks, workspace.settings.upload_limit, forget)
    return UploadedFile(wanted, size)


def require_room(workspace: Workspace, upload_id: str, size: int) -> None:
    """Refuse a file by the size it announces, before it is sent.

    Raises:
        TooLargeError: the upload would be larger than the limit.
    """
    limit = workspace.settings.upload_limit
    if measure(_folder(workspace, upload_id)) + size > limit:
        raise too_large(limit)


def recognise(workspace: Workspace, upload_id: str) -> None:
    """Begin to find out what the files are; `state` tells how far it is.

    Raises:
        InvalidInputError: there are no files, or they are being examined already.
    """
    folder = _folder(workspace, upload_id)
    if not any(files_below(folder.files)):
        raise InvalidInputError("no file has arrived yet; send one first")
    _examiner.start(folder, "recognise", workspace.settings.unpacked_limit, lambda: _forget_all(folder))


def fetch(workspace: Workspace, reference: str) -> str:
    """Begin an upload whose files come from a hub, and recognise them; returns its id.

    Args:
        reference: `hf:organisation/name`, optionally with `/config` and `@revision`, or `ir_datasets:id`.
    """
    upload_id = create(workspace)
    folder = _folder(workspace, upload_id)
    folder.write(SOURCE, {"source": reference})
    _examiner.start(folder, "fetch", workspace.settings.unpacked_limit, lambda: _forget_all(folder))
    return upload_id


def check(workspace: Workspace, upload_id: str, reading: Reading, exclude_self: bool) -> None:
    """Begin to read the files and to examine the dataset; `state` tells how far it is.

    Raises:
        InvalidInputError: the files are not recognised yet, or they are being examined already.
    """
    folder = _folder(workspace, upload_id)
    if folder.read(RECOGNISED) is None:
        raise InvalidInputError("the files are not recognised yet; do that first")

    def prepare() -> None:
        folder.forget(ERROR, REPORT, folder.staged.name)
        folder.write(READING, {"reading": reading.to_json(), "exclude_self": exclude_self})

    _examiner.start(folder, "check", workspace.settings.unpacked_limit, prepare)


def state(workspace: Workspace, upload_id: str) -> UploadState:
    """What is known of an upload now.

    Raises:
        UnknownNameError: there is none of that id.
    """
    folder = _folder(workspace, upload_id)
    busy = _examiner.is_busy(folder)  # before its results are read: they are whole once this is false
    recognised, report, asked = folder.read(RECOGNISED), folder.read(REPORT), folder.read(READING)
    status, error = _status(folder, busy)
    progress = folder.read(PROGRESS) if busy else None
    return UploadState(
        id=upload_id,
        status=status,
        files=tuple(UploadedFile(*file) for file in sorted(files_below(folder.files))),
        recognised=Recognised.from_json(recognised) if recognised else None,
        reading=Reading.from_json(asked["reading"]) if asked else None,
        exclude_self=(asked or recognised or {}).get("exclude_self", False),
        report=HealthReport.from_json(report) if report else None,
        progress=Progress(**progress) if progress else None,
        error=error,
    )


def _status(folder: UploadFolder, busy: bool) -> tuple[Status, str | None]:
    """The status, and if it is `failed` the reason."""
    asked = folder.read(STEP)
    if asked is None:
        return "receiving", None
    checks = asked["step"] == "check"
    if busy:
        return ("checking" if checks else "recognising"), None
    if (failure := folder.read(ERROR)) is not None:
        return "failed", str(failure["error"])
    if (folder.path / (REPORT if checks else RECOGNISED)).exists():
        return ("checked" if checks else "recognised"), None
    if _examiner.is_busy(folder):  # it began a moment ago
        return _status(folder, busy=True)
    return "failed", INTERRUPTED


def store(
    workspace: Workspace, upload_id: str, name: str, description: str = "", tags: Sequence[str] = ()
) -> DatasetRow:
    """Store a checked upload as a dataset; the upload is gone then.

    Raises:
        InvalidInputError: it is not checked, the check found something that blocks, or the name is another's.
    """
    folder = _folder(workspace, upload_id)
    known = state(workspace, upload_id)
    if known.status != "checked" or known.report is None:
        raise InvalidInputError(f"the upload is not checked (it is {known.status}); check it first")
    if known.report.blocking:
        blocking = "; ".join(f.message for f in known.report.findings if f.severity == "blocking")
        raise InvalidInputError(
            f"the dataset cannot be stored: {blocking}; mend the files and upload them again"
        )
    named = datasets.checked_name(name)
    described, tagged = datasets.checked_description(description), datasets.checked_tags(tags)
    staged = _staged(folder)
    with datasets.CHANGES:
        for row in datasets.all_datasets(workspace):
            if row.name == named and not _continues(row.manifest, staged.manifest):
                raise InvalidInputError(f"another dataset is called {named!r}; choose another name")
        manifest = publish(staged, workspace.store)
        source = _source(folder, known.files)
        id_ = catalog.save_dataset(workspace.database, named, manifest, source, described, tagged)
    discard(workspace, upload_id)
    return datasets.by_id(workspace, id_)


def _continues(before: DatasetManifest, manifest: DatasetManifest | None) -> bool:
    """Whether an upload may go under the name of a dataset: it is the same, but for the runs that came along."""
    return manifest is not None and (manifest == before or manifest.differs_in_runs_alone(before))


def _staged(folder: UploadFolder) -> Staged:
    record = folder.read(STAGED)
    manifest = record["manifest"] and DatasetManifest.from_json(record["manifest"])
    return Staged(folder.staged, manifest, tuple(map(Finding.from_json, record["defects"])))


def _source(folder: UploadFolder, files: Sequence[UploadedFile]) -> str:
    """Where a dataset came from, for people."""
    fetched = folder.read(SOURCE)
    if fetched is not None:
        return str(fetched["source"])
    more = f" and {len(files) - SHOWN_FILES} more" if len(files) > SHOWN_FILES else ""
    return "upload: " + ", ".join(file.name for file in files[:SHOWN_FILES]) + more


def discard(workspace: Workspace, upload_id: str) -> None:
    """Remove an upload; what is being done with it ends first."""
    folder = _folder(workspace, upload_id)
    _examiner.stop(folder)
    shutil.rmtree(
        folder.path, ignore_errors=True
    )  # a file may arrive meanwhile; `clear_old` removes what stays


def clear_old(settings: Settings) -> int:
    """Remove uploads that nobody has touched for a week; returns how many."""
    removed = 0
    for path in _uploads(settings).glob("*"):
        if time.time() - _touched(path) > KEPT:
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    return removed


def _touched(path: Path) -> float:
    """When something changed directly in an upload's folder or its files, in Unix seconds."""
    return max(part.stat().st_mtime for part in (path, *path.glob("*")))


def _forget_all(folder: UploadFolder) -> None:
    folder.forget(RECOGNISED, READING, REPORT, ERROR, folder.unpacked.name, folder.staged.name)


def _uploads(settings: Settings) -> Path:
    return settings.home_path / "uploads"


def scratch_folder(settings: Settings) -> Path:
    """Where commands put files that are gone with them; beside the artifacts, so that storing is a rename.

    What a command that was killed left there is removed like an old upload.
    """
    folder = _uploads(settings)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _folder(workspace: Workspace, upload_id: str) -> UploadFolder:
    folder = UploadFolder(_uploads(workspace.settings) / upload_id)
    if not UPLOAD_ID.fullmatch(upload_id) or not folder.files.is_dir():
        raise UnknownNameError(f"there is no upload {upload_id!r}: it was stored or cleared; start a new one")
    return folder


def _refuse_busy(folder: UploadFolder) -> None:
    if _examiner.is_busy(folder):
        raise InvalidInputError(BUSY)
