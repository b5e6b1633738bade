"""Reads sheets of Excel's .xlsx files: the first row that is not blank names the columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evaluator.datasets.formats.delimited import header, unreadable
from evaluator.datasets.formats.workbook import refuse_bomb, unreadable_workbook
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError


def read_excel(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows of the chosen sheet, or else of the first; every cell is text.

    Raises:
        DatasetError: the workbook cannot be read, has no such sheet, or its header is invalid.
    """
    columns: list[str] | None = None
    for number, cells in _sheet_rows(folder, table):
        place = Place(str(table), number)
        if not any(cells):
            continue
        if columns is None:
            while cells and not cells[-1].strip():
                cells.pop()
            columns = header(cells, place)
        else:
            yield place, _row(columns, cells, place)


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


def _sheet_rows(folder: Path, table: Table) -> Iterator[tuple[int, list[str]]]:
    """Rows of a sheet, each with its number in the sheet, from 1."""
    from python_calamine import CalamineWorkbook  # noqa: PLC0415  only where there is a workbook

    refuse_bomb(folder / table.file, table.file)
    try:
        with CalamineWorkbook.from_path(str(folder / table.file)) as workbook:
            name = table.member or workbook.sheet_names[0]
            sheet = workbook.get_sheet_by_name(name)
            for number, cells in enumerate(sheet.iter_rows(), start=1):
                yield number, [_as_text(cell) for cell in cells]
    except Exception as error:
        raise unreadable_workbook(Place(str(table)), error) from error


def _as_text(cell: object) -> str:
    """A cell as it is displayed: a whole number has no fraction."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _row(columns: list[str], cells: list[str], place: Place) -> Fields | DatasetError:
    if any(cells[len(columns) :]):
        return place.error(
            f"{len(cells)} cells, but the header has {len(columns)}", "name every column in the first row"
        )
    for column, cell in zip(columns, cells, strict=False):
        if problem := unreadable(cell):
            return place.error(f"{column} has {problem}", "remove it")
    return {column: cells[n] if n < len(cells) else "" for n, column in enumerate(columns)}
