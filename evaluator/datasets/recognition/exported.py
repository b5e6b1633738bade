"""What an export of this software says of itself, beside the files that it wrote."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

ABOUT_FILE, ABOUT_BYTES = "dataset.json", 100_000
"""Where an export says what its format has no place for, and how large that can be."""


def says_exclude_self(folder: Path) -> bool:
    """Whether files are an export (`export_beir`) of a dataset that leaves a query's own document out."""
    for path in sorted(folder.rglob(ABOUT_FILE)):
        with suppress(OSError, ValueError, RecursionError):
            record = json.loads(path.read_bytes()) if path.stat().st_size <= ABOUT_BYTES else None
            if isinstance(record, dict) and record.get("exclude_self") is True:
                return True
    return False
