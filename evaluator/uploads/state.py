"""What is known of an upload, for people and programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evaluator.datasets.health.report import HealthReport
from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.doubts import Option
from evaluator.datasets.recognition.recognise import Recognised
from evaluator.datasets.recognition.unused import Unused, unused, with_ignored
from evaluator.datasets.staging.importing import certain_reading
from evaluator.domain.json_record import JsonRecord
from evaluator.errors import InvalidInputError
from evaluator.uploads.folder import (
    ERROR,
    PROGRESS,
    READING,
    RECOGNISED,
    REPORT,
    STEP,
    Progress,
    UploadFolder,
    files_below,
)
from evaluator.uploads.offers import offered_judgments

Status = Literal["receiving", "recognising", "recognised", "checking", "checked", "failed"]

NOT_RECOGNISED = "the files are not recognised yet; do that first"
INTERRUPTED = "interrupted: the server stopped meanwhile; start again"


@dataclass(frozen=True)
class UploadedFile:
    """A file as it arrived."""

    name: str
    bytes: int


@dataclass(frozen=True)
class UploadState(JsonRecord):
    """What is known of an upload.

    Attributes:
        recognised: what the files are, once that is known.
        reading: how a person wants them read; None before the first check.
        exclude_self: what the person chose; before the first check what the files say, if they are an export.
        progress: how far the step that waits or runs is.
        error: why the status is `failed`.
        adds_to: the id of the dataset to which the files add; None if they are to be a dataset of their own.
        changed_at: when anything about it changed last, in Unix seconds.
        unused: files, sheets and columns that the reading does not use; before the first check the recognised reading.
        offers: tables that could be the judgments instead, and what reading them as such changes in the reading.
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
    changed_at: float = 0.0
    unused: tuple[Unused, ...] = ()
    offers: tuple[Option, ...] = ()
    adds_to: int | None = None

    @property
    def bytes(self) -> int:
        """Bytes of the files that arrived."""
        return sum(file.bytes for file in self.files)

    def certain(self, changes: Mapping[str, Any]) -> Reading:
        """The recognised reading with a person's changes, if nothing else about it is doubtful.

        Args:
            changes: values by dotted path, such as `qrels.grade`.

        Raises:
            InvalidInputError: the files are not recognised, a question is not answered, or a change does not fit.
        """
        if self.recognised is None:
            raise InvalidInputError(NOT_RECOGNISED)
        return with_ignored(self.recognised, certain_reading("the upload", self.recognised, changes))


def state_of(folder: UploadFolder, is_busy: Callable[[], bool]) -> UploadState:
    """The state of an upload, from what is in its folder.

    Args:
        is_busy: says whether a step waits or runs.
    """
    busy = is_busy()  # before the results, which are complete once this is false
    recognised, report, choice = folder.read(RECOGNISED), folder.read(REPORT), folder.read(READING)
    status, error = _status(folder, is_busy, busy=busy)
    exclude_self = (choice or recognised or {}).get("exclude_self", False)
    tables = {name: value for name, value in (recognised or {}).items() if name != "exclude_self"}
    known = Recognised.from_json(tables) if tables else None
    chosen = Reading.from_json(choice["reading"]) if choice else None
    reading = chosen or (known and known.reading)
    return UploadState(
        id=folder.path.name,
        status=status,
        files=tuple(UploadedFile(*file) for file in sorted(files_below(folder.files))),
        recognised=known,
        reading=chosen,
        exclude_self=exclude_self,
        report=HealthReport.from_json(report) if report else None,
        progress=Progress(**progress) if busy and (progress := folder.read(PROGRESS)) else None,
        error=error,
        changed_at=folder.touched_at,
        unused=tuple(unused(known, reading)) if known and reading else (),
        offers=tuple(offered_judgments(known, reading)) if known and reading else (),
        adds_to=folder.adds_to,
    )


def _status(folder: UploadFolder, is_busy: Callable[[], bool], *, busy: bool) -> tuple[Status, str | None]:
    """The status, and the reason if it is `failed`."""
    step = folder.read(STEP)
    if step is None:
        return "receiving", None
    checks = step["step"] == "check"
    if busy:
        return ("checking" if checks else "recognising"), None
    if (failure := folder.read(ERROR)) is not None:
        return "failed", str(failure["error"])
    if folder.read(REPORT if checks else RECOGNISED) is not None:
        return ("checked" if checks else "recognised"), None
    if is_busy():  # it started a moment ago
        return _status(folder, is_busy, busy=True)
    return "failed", INTERRUPTED
