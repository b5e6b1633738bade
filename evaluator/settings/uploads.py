"""Settings of uploads: how much they may hold."""

from __future__ import annotations

from pydantic import BaseModel, Field

UNPACKED_SHARE = 4
"""Unpacked files of an upload may have this many times its limit: archives compress text to about a quarter."""
PERSON_SHARE, TOTAL_SHARE = 10, 25
"""The uploads of one person, and all uploads, may have this many times an upload's limit: an upload holds the files
that arrived, the unpacked files, and the checked dataset."""


class UploadSettings(BaseModel):
    """How much uploads may hold."""

    upload_limit: int = Field(
        2_000_000_000,
        ge=1,
        description="Bytes that the files of one upload may have together; unpacked, four times as many.",
    )
    upload_open_limit: int = Field(
        100,
        ge=1,
        description="Uploads that may be open at the same time: not stored, discarded or cleared yet.",
    )
    upload_person_open_limit: int = Field(
        20, ge=1, description="Uploads that one person, which is one client address, may have open."
    )
    upload_total_limit: int | None = Field(
        None,
        ge=1,
        description="Bytes that all open uploads may hold, what was unpacked among them. Default: 25 times "
        "EVALUATOR_UPLOAD_LIMIT.",
    )
    upload_person_limit: int | None = Field(
        None,
        ge=1,
        description="Bytes that the open uploads of one person may hold. Default: 10 times EVALUATOR_UPLOAD_LIMIT.",
    )

    @property
    def unpacked_limit(self) -> int:
        """The most bytes of an upload's unpacked files."""
        return UNPACKED_SHARE * self.upload_limit

    @property
    def upload_person_bytes(self) -> int:
        """Bytes that the open uploads of one person may hold."""
        return self.upload_person_limit or PERSON_SHARE * self.upload_limit

    @property
    def upload_total_bytes(self) -> int:
        """Bytes that all open uploads may hold."""
        return self.upload_total_limit or TOTAL_SHARE * self.upload_limit
