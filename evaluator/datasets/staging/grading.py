"""From what cells say of a grade to the grade: words, decimals, and the grades of several raters."""

from __future__ import annotations

import math
import reprlib
import statistics
from collections import Counter
from collections.abc import Sequence

from evaluator.datasets.formats.cells import boolean, decimal
from evaluator.datasets.formats.fields import MAX_GRADE, MIN_GRADE, grade
from evaluator.datasets.reading import Combine, QrelsPart
from evaluator.datasets.source import Place

MOST_SEEN = 1000
"""Different cells whose grade is kept, so that it is worked out once."""


class Grading:
    """How a part's cells become grades."""

    def __init__(self, part: QrelsPart) -> None:
        self._part = part
        self._words = {word.strip().casefold(): number for word, number in (part.grades or {}).items()}
        self._seen: dict[str, float] = {}
        self._rounds = part.combine is not None or part.scale is not None or part.cut is not None

    def number(self, value: object, column: str, place: Place) -> float:
        """The number in a cell, before it is combined, scaled or cut.

        Raises:
            DatasetError: it is none, or must be a whole number and is not.
        """
        if isinstance(value, str) and (seen := self._seen.get(value)) is not None:
            return seen
        number = self._number(value, column, place)
        if isinstance(value, str) and len(self._seen) < MOST_SEEN:
            self._seen[value] = number
        return number

    def _number(self, value: object, column: str, place: Place) -> float:
        if self._words and (known := self._words.get(str(value).strip().casefold())) is not None:
            return known
        if (truth := boolean(value)) is not None:
            return truth
        number = decimal(value)
        if number is not None and (self._rounds or number.is_integer()):
            return number
        if number is None and self._part.grades is not None and isinstance(value, str) and value.strip():
            raise place.error(
                f"the grade {reprlib.repr(value)} in {column} is no word of {', '.join(self._part.grades)}",
                "give this word a grade, too",
            )
        return grade(value, column, place)

    def grade(self, numbers: Sequence[float], column: str, place: Place) -> int:
        """The grade that the numbers of one row, or of several rows for the same pair, amount to.

        Raises:
            DatasetError: it does not fit into 32 bits.
        """
        number = numbers[0] if self._part.combine is None else combined(numbers, self._part.combine)
        if self._part.cut is not None:
            return int(number >= self._part.cut)
        if not self._rounds and MIN_GRADE <= number <= MAX_GRADE:
            return int(number)
        return grade(rounded(number * (self._part.scale or 1)), column, place)


def combined(numbers: Sequence[float], how: Combine) -> float:
    """One number for several: the mean, the median, or the most frequent (of equally frequent ones the lowest)."""
    if how == "mean":
        return math.fsum(numbers) / len(numbers)
    if how == "median":
        return statistics.median(numbers)
    counts = Counter(numbers)
    return min(counts, key=lambda number: (-counts[number], number))


def rounded(number: float) -> int:
    """The nearest whole number, a half up."""
    return math.floor(number + 0.5)
