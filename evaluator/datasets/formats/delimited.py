"""CSV and TSV: UTF-8, a header row, cells in quotes where they need them (RFC 4180)."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from evaluator.datasets.formats.text_lines import raw_lines, too_long
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

if TYPE_CHECKING:
    from _csv import Reader  # the type that `csv.reader` returns; `csv` has no name for it

MAX_CELL = 16 * 2**20
"""Maximum characters of a cell; also where a quote that is never closed ends."""

DELIMITERS = ",;\t|"
SAMPLED_ROWS, SAMPLED_CHARACTERS = 50, 1 << 20
"""Lines of a file from which delimiter and quoting are guessed, or fewer lines with so many characters in all."""

csv.field_size_limit(MAX_CELL)


class Dialect(NamedTuple):
    """How cells are separated, and whether quotes mean anything."""

    delimiter: str
    quoted: bool

    def rows(self, lines: Iterator[str]) -> Reader:
        """Parse lines as rows."""
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.delimiter, quoting=quoting, strict=True)


def read_delimited(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows below the header.

    Raises:
        DatasetError: the header is invalid, or a line is too long; the rest of the file cannot be read.
    """
    path = folder / table.file
    dialect = guess_dialect(path, "\t" if table.kind == "tsv" else DELIMITERS)
    rows = dialect.rows(_lines(path, table.file))
    columns: list[str] | None = None
    while True:
        place = Place(table.file, rows.line_num + 1)
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield (
                place,
                place.error(f"not valid CSV ({error})", 'close every quote, and double it inside ("")'),
            )
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if columns is None:
            columns = header(cells, place)
        else:
            yield place, _row(columns, cells, place)


def header(cells: Sequence[str], place: Place) -> list[str]:
    """The names of the columns; a column without a name is called `column` and its number.

    Raises:
        DatasetError: two columns have the same name, or a name holds characters that are not allowed.
    """
    names = [cell.strip() or f"column {number}" for number, cell in enumerate(cells, start=1)]
    for name in names:
        if problem := unreadable(name):
            raise place.error(f"the header has {problem}", "write the names of the columns in the first row")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise place.error(f"the header names {repeated[0]!r} twice", "give every column its own name")
    return names


def unreadable(cell: str) -> str | None:
    """What is wrong with a cell's characters, if anything."""
    if "\0" in cell:
        return "a NUL character"
    if not cell.isascii():
        try:
            cell.encode()
        except UnicodeEncodeError as error:
            return f"the byte 0x{ord(cell[error.start]) & 0xFF:02x}, which is not UTF-8"
    return None


def _row(columns: list[str], cells: list[str], place: Place) -> Fields | DatasetError:
    if len(cells) != len(columns):
        return place.error(
            f"{len(cells)} cells, but the header has {len(columns)}",
            "give every row as many as the header; put cells that hold the delimiter in quotes",
        )
    for column, cell in zip(columns, cells, strict=True):
        if problem := unreadable(cell):
            return place.error(f"{column} has {problem}", "save the file as UTF-8 text")
    return dict(zip(columns, cells, strict=True))


def _lines(path: Path, name: str) -> Iterator[str]:
    """Lines with their line breaks; an invalid UTF-8 byte becomes a lone surrogate, which `unreadable` detects.

    Raises:
        DatasetError: a line is too long, or the file is UTF-16.
    """
    for number, line in raw_lines(path):
        place = Place(name, number)
        if line is None:
            raise too_long(place)
        if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise place.error("the file is UTF-16", "save the file as UTF-8 (in Excel: CSV UTF-8)")
        yield line.decode(errors="surrogateescape")


def guess_dialect(path: Path, delimiters: str = DELIMITERS) -> Dialect:
    """The dialect in which most of the first rows have as many cells as the header, and more than one.

    Raises:
        DatasetError: a line is too long.
    """
    sample: list[str] = []
    for line in islice(_lines(path, path.name), SAMPLED_ROWS):
        sample.append(line)
        if sum(map(len, sample)) > SAMPLED_CHARACTERS:
            break
    dialects = [Dialect(delimiter, quoted) for quoted in (True, False) for delimiter in delimiters]
    return max(dialects, key=lambda dialect: _regularity(dialect, sample))


def _regularity(dialect: Dialect, sample: list[str]) -> tuple[float, int]:
    """The share of rows with as many cells as the header, and the cells of the header; zeros for a single column."""
    widths: list[int] = []
    rows = dialect.rows(iter(sample))
    try:
        widths.extend(len(cells) for cells in rows if cells)
    except csv.Error:
        if rows.line_num < len(sample):
            return (0.0, 0)
    if not widths or widths[0] == 1:
        return (0.0, 0)
    return (widths.count(widths[0]) / len(widths), widths[0])
