"""Values that settings may have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

QueueName = Literal["encode", "evaluate"]
"""The two queues: jobs that need a model, and all others."""

Device = Literal["auto", "cpu", "cuda", "mps"]
"""Where models run."""

LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    BeforeValidator(lambda level: level.upper() if isinstance(level, str) else level),
]
"""Python's log levels, in upper or lower case."""

RoleName = Literal["viewer", "judge", "editor", "admin"]
"""Roles in a project (`domain/access.py`); a test compares the two."""

LogFormat = Literal["json", "text"]
"""One JSON object per line, or text for people."""
