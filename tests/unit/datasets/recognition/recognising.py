"""Folders as people have them, and what is read of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.recognise import recognise
from evaluator.datasets.staging.from_tables import open_source
from evaluator.errors import DatasetError

DATA = Path(__file__).parents[4] / "data"


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write texts below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def reading(folder: Path) -> Reading:
    """The reading of a folder without doubts."""
    recognised = recognise(folder)
    assert (recognised.problems, recognised.doubts) == ((), ())
    assert recognised.reading is not None
    return recognised.reading


def read_all(folder: Path, recognised: Reading) -> tuple[list[Any], list[Any], list[Any]]:
    """The documents, queries and judgments of a folder, without a row that cannot be read."""
    source = open_source(folder, recognised)
    parts = (source.documents(), source.queries(), source.judgments())
    documents, queries, judgments = ([row for _, row in rows] for rows in parts)
    assert not [row for row in (*documents, *queries, *judgments) if isinstance(row, DatasetError)]
    return documents, queries, judgments
