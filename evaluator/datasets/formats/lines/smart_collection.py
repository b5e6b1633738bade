"""Reads SMART's records: `.I` and an id, then sections `.T` title, `.A` author, `.B` source, `.W` text.

The format of Cranfield, CISI, MEDLINE and other collections that the SMART system used (Salton, 1971). TIME, another of
them, begins each article with `*TEXT`, its number, date and page, each query with `*FIND` and its number, and ends its
queries with `*STOP`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from evaluator.datasets.formats.text_lines import MAX_LINE, read_lines
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

SECTIONS = {"T": "title", "A": "author", "B": "source", "W": "text"}
MARKER = re.compile(r"\.([ITABWNKXC])(?:\s+(.*))?")
"""The first line of a record or section; sections that are not in `SECTIONS` are skipped."""

TIME_MARKER = re.compile(r"\*(?:(?:TEXT|FIND)\s+([0-9]+)\b.*|STOP)")

COLUMNS = ("id", "number", *SECTIONS.values())


def read_smart(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The records; `number` counts them from 1, as Cranfield's qrels number the queries."""
    record: _Record | None = None
    number = 0
    for place, line in read_lines(folder, table.file, table.encoding):
        if isinstance(line, DatasetError):
            yield place, line
            continue
        marker = MARKER.fullmatch(line.rstrip())
        if time_marker := TIME_MARKER.fullmatch(line.rstrip()):
            if record:
                yield record.row()
            number += 1
            record = _Record(place, (time_marker[1] or "").lstrip("0") or "0", number)
            record.begin("W")
            if time_marker[1] is None:
                return
        elif marker and marker[1] == "I":
            if record:
                yield record.row()
            number += 1
            record = _Record(place, (marker[2] or "").strip(), number)
        elif record is None:
            yield (
                place,
                place.error("there is text before the first .I", "begin every record with .I and its id"),
            )
        elif marker:
            record.begin(marker[1])
        else:
            record.add(line)
    if record:
        yield record.row()


class _Record:
    """A record that is being read, line by line."""

    def __init__(self, place: Place, record_id: str, number: int) -> None:
        self._place = place
        self._head: Fields = {"id": record_id, "number": str(number)}
        self._words: dict[str, list[str]] = {column: [] for column in SECTIONS.values()}
        self._section: str | None = None
        self._size = 0

    def begin(self, marker: str) -> None:
        """Start a section; the following lines belong to it."""
        self._section = SECTIONS.get(marker)

    def add(self, line: str) -> None:
        """Add a line to the current section."""
        self._size += len(line)
        if self._section and self._size <= MAX_LINE:
            self._words[self._section].extend(line.split())

    def row(self) -> Row[Fields]:
        """The record as a row; lines are joined, because they were wrapped at 72 characters."""
        if self._size > MAX_LINE:
            return self._place, self._place.error(
                f"the record has more than {MAX_LINE >> 20} MiB", "is a .I missing below it?"
            )
        return self._place, self._head | {column: " ".join(words) for column, words in self._words.items()}
