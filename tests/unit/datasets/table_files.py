"""Files that tests write, and the rows that are read from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluator.datasets.formats import (
    read,
)
from evaluator.datasets.reading import Kind, Table
from evaluator.errors import DatasetError


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(folder: Path, name: str, kind: Kind, member: str = "") -> list[dict[str, Any]]:
    """The rows of a table without defects."""
    results = [row for _, row in read(folder, Table(name, kind, member))]
    assert not [row for row in results if isinstance(row, DatasetError)]
    return results  # type: ignore[return-value]


def rows_and_errors(folder: Path, name: str, kind: Kind, member: str = "") -> list[object]:
    """The rows as they come, defects as their messages."""
    return [
        str(row) if isinstance(row, DatasetError) else row
        for _, row in read(folder, Table(name, kind, member))
    ]
