"""What is known of an upload, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from evaluator.datasets.health.report import HealthReport
from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.recognise import Recognised
from evaluator.uploads.folder import Progress

Status = Literal["receiving", "recognising", "recognised", "checking", "checked", "failed"]


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

    @property
    def bytes(self) -> int:
        """Of the files that arrived."""
        return sum(file.bytes for file in self.files)

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
