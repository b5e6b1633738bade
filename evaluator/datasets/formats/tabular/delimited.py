"""CSV and TSV: a row that names the columns, or none; cells in quotes where they need them (RFC 4180)."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from evaluator.datasets.formats.encodings import is_utf8
from evaluator.datasets.formats.tabular.headers import SAMPLED_ROWS, header_row
from evaluator.datasets.formats.text_lines import OTHER_ENCODING, SAVE_AS_UTF8, raw_lines, too_long
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import BrokenFileError, DatasetError

if TYPE_CHECKING:
    from _csv import Reader  # the type that `csv.reader` returns; `csv` has no name for it

MAX_CELL = 16 * 2**20
"""Maximum characters of a cell; also where a quote that is never closed ends."""

DELIMITERS = ",;\t|"
SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""A first line that names the delimiter, as Excel writes it."""
SAMPLED_CHARACTERS = 1 << 20
"""Maximum characters of the lines from which delimiter, quoting and header are guessed."""

csv.field_size_limit(MAX_CELL)


class Dialect(NamedTuple):
    """How cells are separated, and whether quotes mean anything."""

    delimiter: str
    quoted: bool

    def rows(self, lines: Iterator[str]) -> Reader:
        """Parse lines as rows."""
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.delimiter, quoting=quoting, strict=True)


class Layout(NamedTuple):
    """How a file is laid out.

    Attributes:
        dialect: how cells are separated.
        start: the line of the header row, or of the first row if there is no header; counted from 1.
        columns: the names of the columns where no row names them.
        titled: whether the row at `start` was found below titles.
    """

    dialect: Dialect
    start: int
    columns: list[str] | None = None
    titled: bool = False


def read_delimited(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows below the header.

    Raises:
        DatasetError: the header is invalid, or a line is too long; the rest of the file cannot be read.
    """
    dialect, start, columns, _ = layout_of(folder, table)
    rows = dialect.rows(islice(_lines(folder, table), start - 1, None))
    while True:
        place = Place(table.file, start + rows.line_num)
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            reason = place.error(f"not valid CSV ({error})", 'close every quote, and double it inside ("")')
            lost = start + rows.line_num > place.line + 1  # lines that a cell without end has taken in
            yield place, BrokenFileError(str(reason)) if lost else reason
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if columns is None:
            columns = header(cells, place)
        else:
            yield place, _row(columns, cells, place, table.encoding)


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


def numbered(n_columns: int) -> list[str]:
    """The names of columns where no row names them."""
    return [f"column {number}" for number in range(1, n_columns + 1)]


def unreadable(cell: str, encoding: str | None = None) -> str | None:
    """What is wrong with a cell's characters, if anything; `encoding` is that of the file, by default UTF-8."""
    if "\0" in cell:
        return "a NUL character"
    if not cell.isascii():
        try:
            cell.encode()
        except UnicodeEncodeError as error:
            if encoding is not None and not is_utf8(encoding):
                return f"a byte that is not {encoding}"
            return f"the byte 0x{ord(cell[error.start]) & 0xFF:02x}, which is not UTF-8"
    return None


def _row(columns: list[str], cells: list[str], place: Place, encoding: str | None) -> Fields | DatasetError:
    if len(cells) != len(columns):
        return place.error(
            f"{len(cells)} cells, but the header has {len(columns)}",
            "give every row as many as the header; put cells that hold the delimiter in quotes",
        )
    for column, cell in zip(columns, cells, strict=True):
        if cell.isascii() and "\0" not in cell:
            continue
        if problem := unreadable(cell, encoding):
            advice = "remove it" if "\0" in cell else SAVE_AS_UTF8 if encoding is None else OTHER_ENCODING
            return place.error(f"{column} has {problem}", advice)
    return dict(zip(columns, cells, strict=True))


def _lines(folder: Path, table: Table) -> Iterator[str]:
    """Lines with their line breaks; a byte that is not in the file's encoding becomes a lone surrogate.

    Raises:
        DatasetError: a line is too long.
    """
    for number, line in raw_lines(folder / table.file, table.encoding):
        if line is None:
            raise too_long(Place(table.file, number))
        yield line.decode(errors="surrogateescape")


def layout_of(folder: Path, table: Table) -> Layout:
    """The layout in which most of the first rows have as many cells as the header, and more than one.

    Raises:
        DatasetError: a line is too long.
    """
    sample: list[str] = []
    for line in islice(_lines(folder, table), SAMPLED_ROWS):
        sample.append(line)
        if sum(map(len, sample)) > SAMPLED_CHARACTERS:
            break
    separator = SEPARATOR.fullmatch(sample[0]) if sample else None
    delimiters = separator[1] if separator else "\t" if table.kind == "tsv" else DELIMITERS
    start = 2 if separator else 1
    if table.header:
        start = max(start, table.header)
        if start > len(sample):
            sample = list(islice(_lines(folder, table), start - 1 + SAMPLED_ROWS))
    dialects = [Dialect(delimiter, quoted) for quoted in (True, False) for delimiter in delimiters]
    _, _, layout = max(
        (_fitting(dialect, sample[start - 1 :], start, table.header) for dialect in dialects),
        key=lambda fit: fit[:2],
    )
    return layout


def _fitting(
    dialect: Dialect, sample: list[str], start: int, header: int | None
) -> tuple[float, int, Layout]:
    """How regular the rows of a dialect are, and the layout.

    Returns:
        The share of rows with as many cells as the header, the cells of the header (zeros for a single column), and
        the layout.
    """
    rows = dialect.rows(iter(sample))
    found: list[tuple[int, list[str]]] = []
    broken = False
    while True:
        line = start + rows.line_num
        try:
            cells = next(rows)
        except StopIteration:
            break
        except csv.Error:
            broken = rows.line_num < len(sample)
            break
        if cells:
            found.append((line, cells))
    if not found:
        return 0.0, 0, Layout(dialect, start)
    named = header_row([cells for _, cells in found]) if header is None else 0
    widths = [len(cells) for _, cells in found[named:]]
    width = widths[0]
    layout = Layout(
        dialect, found[named][0], titled=any(any(map(str.strip, row)) for _, row in found[:named])
    )
    if header == 0:
        ((width, _),) = Counter(widths).most_common(1)
        layout = Layout(dialect, start, numbered(width))
    if broken or width == 1:
        return 0.0, 0, layout
    return widths.count(width) / len(widths), width, layout
