"""What is known of an upload, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evaluator.datasets.health.report import HealthReport
from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.recognise import Recognised
from evaluator.domain.json_record import JsonRecord
from evaluator.uploads.folder import Progress

Status = Literal["receiving", "recognising", "recognised", "checking", "checked", "failed"]


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

    @property
    def bytes(self) -> int:
        """Bytes of the files that arrived."""
        return sum(file.bytes for file in self.files)
