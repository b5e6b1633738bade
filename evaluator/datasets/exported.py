"""Reads the description that an export of this software contains beside its data files."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

ABOUT_FILE, ABOUT_BYTES = "dataset.json", 100_000
"""The file with what the export format has no place for, and the maximum bytes that are read of it."""


def says_exclude_self(folder: Path) -> bool:
    """Whether the files are an export (`export_beir`) of a dataset that leaves out a query's own document."""
    return _says(folder, "exclude_self")


def says_documents_alone(folder: Path) -> bool:
    """Whether the files are an export of a dataset that has no queries yet."""
    return _says(folder, "documents_alone")


def _says(folder: Path, field: str) -> bool:
    for path in sorted(folder.rglob(ABOUT_FILE)):
        with suppress(OSError, ValueError, RecursionError):
            record = json.loads(path.read_bytes()) if path.stat().st_size <= ABOUT_BYTES else None
            if isinstance(record, dict) and record.get(field) is True:
                return True
    return False
