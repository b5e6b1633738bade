"""Finds the row that names the columns of a CSV, TSV or Excel table; titles may stand above it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

SAMPLED_ROWS = 50
"""Rows of a table from which its header row is found."""

LONGEST_NAME = 80
"""Maximum characters of a column's name; a longer cell in the first row is content."""

NUMBER = re.compile(r"[+-]?[0-9][0-9.,:/%\s-]*")
"""A number, a date or a time."""
DIGITS = re.compile(r"[0-9]+")

Cells = Sequence[str]


def header_row(rows: Sequence[Cells]) -> int:
    """The index of the row that names the columns: the first that is not blank, unless only titles stand above another.

    Rows are titles if they have fewer filled cells than most rows. The first row that has as many must consist of
    different names that are no numbers, and at least half of them must be unlike the cells below.

    Args:
        rows: the first rows of a table, blank ones included.
    """
    filled = [sum(map(bool, map(str.strip, row))) for row in rows]
    first = next((number for number, count in enumerate(filled) if count), 0)
    counts = Counter(filter(None, filled))
    typical = max(counts, key=lambda count: (counts[count], count), default=0)
    named = next((number for number, count in enumerate(filled) if count >= typical), first)
    return named if named > first and _are_names(rows[named], rows[named + 1 :]) else first


def looks_headless(rows: Sequence[Cells]) -> bool:
    """Whether the first row looks like the rows below it, so that no row names the columns.

    Args:
        rows: the first rows of a table, beginning with the one that is taken for the header.
    """
    first, below = rows[0], rows[1:]
    if any(NUMBER.fullmatch(cell.strip()) or len(cell) > LONGEST_NAME for cell in first):
        return True
    columns = [(cell.strip(), _column(below, number)) for number, cell in enumerate(first) if cell.strip()]
    return any(_has_their_shape(cell, values) for cell, values in columns) and not any(
        _is_name_of(cell, values) for cell, values in columns
    )


def _are_names(row: Cells, below: Sequence[Cells]) -> bool:
    names = [(cell.strip(), number) for number, cell in enumerate(row) if cell.strip()]
    distinct = {name.casefold() for name, _ in names}
    if len(distinct) < len(names) or len(names) < 2:
        return False
    if any(NUMBER.fullmatch(name) or len(name) > LONGEST_NAME for name, _ in names):
        return False
    return 2 * sum(_is_name_of(name, _column(below, number)) for name, number in names) >= len(names)


def _column(rows: Sequence[Cells], number: int) -> list[str]:
    """The cells of a column that are not blank."""
    return [row[number].strip() for row in rows if number < len(row) and row[number].strip()]


def _is_name_of(cell: str, values: Sequence[str]) -> bool:
    """Whether a cell is unlike the values of its column: alone without a digit, much shorter, or alone not repeated."""
    if not values or cell in values:
        return False
    digits = not DIGITS.search(cell) and all(map(DIGITS.search, values))
    shorter = sum(map(len, values)) >= 2 * len(cell) * len(values)
    return digits or shorter or len(set(values)) < len(values)


def _has_their_shape(cell: str, values: Sequence[str]) -> bool:
    """Whether a cell and at least two values, such as q1, q2 and q13, differ by their numbers alone."""
    shapes = {DIGITS.sub("0", value) for value in (cell, *values)}
    return len(values) > 1 and len(shapes) == 1 and DIGITS.search(cell) is not None
