"""Nested JSON, written and read as tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evaluator.datasets.formats import members
from evaluator.datasets.formats.sniffing import kind_of
from tests.unit.datasets.table_files import rows, write

RATINGS = [{"docId": "d1", "rating": "2.000"}, {"docId": "d2", "rating": "0.000"}]
RATED = {
    "queries": [{"query": "tv"}],
    "judgments": [
        {"query": "tv", "doc_id": "d1", "grade": "2.000"},
        {"query": "tv", "doc_id": "d2", "grade": "0.000"},
    ],
}


def tables(folder: Path, name: str, content: object, kind: str) -> dict[str, list[dict[str, Any]]]:
    """The tables of a file that must have this kind; text is written as it is."""
    write(folder, name, content if isinstance(content, str) else json.dumps(content))
    found = kind_of(folder / name)
    assert found == kind
    return {member: rows(folder, name, found, member) for member in members(folder, name, found)}


def lines(*objects: object) -> str:
    return "".join(json.dumps(item) + "\n" for item in objects)
