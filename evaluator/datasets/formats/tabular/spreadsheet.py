"""Reads sheets of Excel's .xlsx files: a row that names the columns, or none; merged cells have the same value."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evaluator.datasets.formats.fields import whole_number
from evaluator.datasets.formats.tabular.delimited import header, numbered, unreadable
from evaluator.datasets.formats.tabular.headers import SAMPLED_ROWS, header_row
from evaluator.datasets.formats.tabular.workbook import MAX_CELLS, refuse_bomb, unreadable_workbook
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

if TYPE_CHECKING:
    from python_calamine import CalamineSheet


class SheetRow(NamedTuple):
    """A row of a sheet.

    Attributes:
        number: its number in the sheet, from 1.
        cells: as text; every cell of a merged range has the value of the range.
        names: the same, but of cells that are merged over several columns only the first has the value: a title over
            several columns is one cell.
    """

    number: int
    cells: list[str]
    names: list[str]


def read_excel(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows of the chosen sheet, or else of the first; every cell is text.

    Raises:
        DatasetError: the workbook cannot be read, has no such sheet, or its header is invalid.
    """
    rows = _sheet_rows(folder, table)
    sample = list(islice(rows, SAMPLED_ROWS))
    start = header_in(sample) if table.header is None else table.header
    columns: list[str] | None = None
    if start == 0:
        columns = numbered(max((_width(row.names) for row in sample), default=0))
    for number, cells, names in chain(sample, rows):
        place = Place(str(table), number)
        if number < start or not any(cells):
            continue
        if columns is None:
            columns = header(names[: _width(names)], place)
        else:
            yield place, _row(columns, cells, place)


def header_in(rows: list[SheetRow]) -> int:
    """The number of the row that names the columns; 1 in a sheet without rows."""
    return rows[header_row([row.names for row in rows])].number if rows else 1


def header_below_titles(folder: Path, table: Table) -> int | None:
    """The number of the row that names the columns, if it is not the first that is filled.

    Raises:
        DatasetError: the workbook cannot be read, or has no such sheet.
    """
    rows = list(islice(_sheet_rows(folder, table), SAMPLED_ROWS))
    found = header_in(rows)
    return found if any(any(row.cells) for row in rows[: found - 1]) else None


def sheets(folder: Path, file: str) -> tuple[str, ...]:
    """Names of a workbook's sheets.

    Raises:
        DatasetError: the workbook cannot be read.
    """
    from python_calamine import CalamineWorkbook  # noqa: PLC0415  only where there is a workbook

    refuse_bomb(folder / file, file)
    try:
        with CalamineWorkbook.from_path(str(folder / file)) as workbook:
            return tuple(workbook.sheet_names)
    except Exception as error:
        raise unreadable_workbook(Place(file), error) from error


def _sheet_rows(folder: Path, table: Table) -> Iterator[SheetRow]:
    """The rows of a sheet, blank ones included.

    Raises:
        DatasetError: the workbook cannot be read, or has no such sheet.
    """
    from python_calamine import CalamineWorkbook  # noqa: PLC0415  only where there is a workbook

    refuse_bomb(folder / table.file, table.file)
    place = Place(str(table))
    try:
        with CalamineWorkbook.from_path(str(folder / table.file)) as workbook:
            name = table.member or workbook.sheet_names[0]
            sheet = workbook.get_sheet_by_name(name)
            merged = _Merged(sheet, place)
            for number, cells in enumerate(sheet.iter_rows(), start=1):
                yield merged.fill(number, [_as_text(cell) for cell in cells])
    except DatasetError:
        raise
    except Exception as error:
        raise unreadable_workbook(place, error) from error


class _Range(NamedTuple):
    """Merged cells: rows from 1, columns from 0 within the rows that are read; the ends are not included."""

    top: int
    bottom: int
    left: int
    right: int


class _Merged:
    """Fills merged cells: a workbook has their value in the first one alone."""

    def __init__(self, sheet: CalamineSheet, place: Place) -> None:
        """Read the merged ranges of a sheet.

        Raises:
            DatasetError: they overlap so much that filling them would take forever.
        """
        (_, first), (last, _) = sheet.start or (0, 0), sheet.end or (0, 0)
        width = sheet.width
        self._waiting = sorted(
            (
                _Range(top + 1, min(bottom, last) + 2, left - first, min(right - first + 1, width))
                for (top, left), (bottom, right) in sheet.merged_cell_ranges or []
                if top <= min(bottom, last) and first <= left <= right and left - first < width
            ),
            reverse=True,
        )
        n_cells = sum((merged.bottom - merged.top) * (merged.right - merged.left) for merged in self._waiting)
        if n_cells > MAX_CELLS:
            raise place.error(f"{n_cells:,} cells of a sheet are merged", "save the sheet as CSV")
        self._open: list[tuple[_Range, str]] = []

    def fill(self, number: int, cells: list[str]) -> SheetRow:
        """A row with its merged cells filled; rows come in their order."""
        if not self._open and not (self._waiting and self._waiting[-1].top <= number):
            return SheetRow(number, cells, cells)
        self._open = [(merged, value) for merged, value in self._open if number < merged.bottom]
        while self._waiting and self._waiting[-1].top <= number:
            merged = self._waiting.pop()
            self._open.append((merged, cells[merged.left]))
        if not any(cells):  # a row that only makes the cells above it higher
            return SheetRow(number, cells, cells)
        names = list(cells)
        for merged, value in self._open:
            names[merged.left] = value
            cells[merged.left : merged.right] = [value] * (merged.right - merged.left)
        return SheetRow(number, cells, names)


def _as_text(cell: object) -> str:
    """A cell as it is displayed: a whole number has no fraction."""
    if isinstance(cell, float) and cell.is_integer():
        return whole_number(cell)
    return str(cell)


def _width(cells: list[str]) -> int:
    """The number of cells up to the last that is not blank."""
    return max((number for number, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def _row(columns: list[str], cells: list[str], place: Place) -> Fields | DatasetError:
    if any(cells[len(columns) :]):
        return place.error(
            f"{len(cells)} cells, but the header has {len(columns)}", "name every column in the first row"
        )
    for column, cell in zip(columns, cells, strict=False):
        if problem := unreadable(cell):
            return place.error(f"{column} has {problem}", "remove it")
    return {column: cells[n] if n < len(cells) else "" for n, column in enumerate(columns)}
