"""Refuses workbooks that would fill the memory, before they are opened.

The library that reads sheets allocates every cell from a sheet's first to its last, blank or not, and ends the process
if memory runs out. Therefore the XML of the sheets is checked first, strictly: a sheet that is not well formed, or that
states the place of a cell in an unusual way, is refused. Excel 97's .xls cannot be checked like this and is not read.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from xml.parsers import expat

from evaluator.datasets.source import Place
from evaluator.errors import DatasetError

MAX_PARTS = 10_000
MAX_UNPACKED = 1 << 30
"""Maximum bytes of a workbook, which is a zip archive, when unpacked."""
ROOM, TIMES = 64 << 20, 100
"""Bytes to which any workbook may unpack, and the multiple of its own size to which a larger one may."""

MAX_CELLS = 10_000_000
"""Maximum cells in the rectangle from a sheet's first cell to its last."""

MAX_MERGED = 100_000
"""Maximum ranges of merged cells in a sheet."""

CHUNK = 1 << 20
SHEET = b"sheetData"
ROW, CELL = re.compile(r"[0-9]{1,7}"), re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OSError)
"""Errors raised for an archive that is broken or has a password."""


def refuse_bomb(path: Path, name: str) -> None:
    """Refuse a file that is no workbook, or a workbook that would fill the memory.

    Raises:
        DatasetError: the file is not .xlsx, is broken, unpacks to too many bytes, or its cells are too far apart.
    """
    place = Place(name)
    if not zipfile.is_zipfile(path):
        raise place.error(
            "not an .xlsx workbook (those of Excel 97, and those with a password, are not read)",
            "open it and save it as .xlsx without a password, or as CSV UTF-8",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS:
                raise place.error(f"the workbook has {len(parts)} parts", "save its sheets as CSV")
            limit = remaining = min(MAX_UNPACKED, max(ROOM, TIMES * path.stat().st_size))
            if sum(part.file_size for part in parts) > limit:
                raise _too_much(place, limit)
            for part in parts:
                remaining -= _check(archive, part, place, remaining, limit)
    except BROKEN as error:
        raise unreadable_workbook(place, error) from error


def unreadable_workbook(place: Place, error: Exception) -> DatasetError:
    """The error for a workbook that a library cannot read."""
    return place.error(
        f"not readable as a workbook ({type(error).__name__}: {str(error)[:200]})",
        "save it again as .xlsx without a password, or as CSV UTF-8",
    )


def _too_much(place: Place, limit: int) -> DatasetError:
    return place.error(f"the workbook unpacks to more than {limit >> 20} MiB", "save its sheets as CSV")


def _check(archive: zipfile.ZipFile, part: zipfile.ZipInfo, place: Place, remaining: int, limit: int) -> int:
    """Check a part of a workbook; returns the bytes to which it unpacks.

    Raises:
        DatasetError: the part unpacks to more than the remaining bytes, is not well formed, or has too many cells.
    """
    size, tail, broken = 0, b"", None
    span = _Span(place)
    with archive.open(part) as file:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            if size > remaining:
                raise _too_much(place, limit)
            broken = broken or span.feed(chunk)
            if broken and SHEET in tail + chunk:
                raise place.error(f"{part.filename} is not well formed ({broken})", "save the workbook again")
            tail = chunk[-len(SHEET) :]
    return size


class _Span:
    """Determines how far the cells of a sheet reach, from its XML."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._row = self._column = self._rows = self._columns = 0
        self._merged = 0
        self._is_sheet = False
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EntityDeclHandler = self._refuse_entity

    def feed(self, chunk: bytes) -> str | None:
        """Parse the next bytes; returns why they are not XML, or None. After an error, pass no more bytes."""
        try:
            self._parser.Parse(chunk)
        except expat.ExpatError as error:
            if self._is_sheet:
                raise self._place.error(
                    f"a sheet is not well formed ({error})", "save the workbook again"
                ) from error
            return str(error)
        return None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag == "sheetData":
            self._is_sheet = True
        elif tag == "row" and self._is_sheet:
            self._row = self._number(ROW, attributes.get("r")) or self._row + 1
            self._column = 0
        elif tag == "c" and self._is_sheet:
            self._place_cell(attributes.get("r"))
        elif tag == "mergeCell":
            self._merged += 1
            if self._merged > MAX_MERGED:
                raise self._place.error(
                    f"a sheet merges cells over {MAX_MERGED:,} times", "save the sheet as CSV"
                )

    def _place_cell(self, reference: str | None) -> None:
        """Place a cell at its reference, or else after the cell before it."""
        self._column += 1
        if reference is not None:
            match = CELL.fullmatch(reference)
            if not match:
                raise self._odd(reference)
            self._column, self._row = _column_number(match[1]), int(match[2])
        self._rows, self._columns = max(self._rows, self._row), max(self._columns, self._column)
        if self._rows * self._columns > MAX_CELLS:
            raise self._place.error(
                f"a sheet reaches to row {self._rows} and column {self._columns}",
                "delete what is far from the table, or save the sheet as CSV",
            )

    def _number(self, pattern: re.Pattern[str], digits: str | None) -> int:
        if digits is None:
            return 0
        if not pattern.fullmatch(digits):
            raise self._odd(digits)
        return int(digits)

    def _odd(self, reference: str) -> DatasetError:
        return self._place.error(f"a sheet has a cell at {reference[:40]!r}", "save the workbook again")

    def _refuse_entity(self, *_: object) -> None:
        raise self._place.error("the workbook declares entities", "save it again")


def _column_number(letters: str) -> int:
    """A column's number from its letters: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
