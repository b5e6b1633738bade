"""The judgments of a row: one document or several, each with its grade."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence

from evaluator.datasets.formats.cells import SEPARATORS, flat, listed, separated
from evaluator.datasets.reading import QrelsPart
from evaluator.datasets.source import Fields, Place, value_of
from evaluator.datasets.staging.grading import Grading

DEFAULT_GRADE = 1.0
"""The grade of judgments without a grade column."""

NEGATIVE_GRADE = 0.0

DIVIDED = frozenset("".join(SEPARATORS))

SIMPLE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.:/-]*")
"""A cell that is one id or one grade, whatever else there is: nothing in it could be a list. Most cells are."""

DEFAULT = "1"

Numbers = list[float]
"""What each rater says; not combined, scaled or cut yet."""


class JudgedRows:
    """Reads the judgments of rows by a part of a reading."""

    def __init__(self, part: QrelsPart, *, in_queries: bool, known: Callable[[], Container[str]]) -> None:
        """Read rows of a part.

        Args:
            in_queries: whether the rows are also the queries, some of which may have no judgment so far.
            known: returns the ids of the documents; called if a cell may hold several ids.
        """
        self.grading = Grading(part)
        self._part = part
        self._in_queries = in_queries
        self._may_be_empty = in_queries or len(part.document) > 1 or bool(part.negative)
        self._known = known
        several = len(part.document) > 1 or len(part.grade or ()) > 1
        self._is_pair = part.document_by == "id" and not (several or in_queries or part.negative)

    def of(self, row: Fields, place: Place) -> Iterator[tuple[object, str, Numbers]]:
        """The documents that a row judges, each with its column and what the raters say.

        Raises:
            DatasetError: the row has no document, no grade, or another number of grades than of documents.
        """
        part = self._part
        if self._is_pair:
            document, rater = (
                row.get(part.document[0]),
                DEFAULT if part.grade is None else row.get(part.grade[0]),
            )
            if _is_simple(document) and _is_simple(rater):
                yield document, part.document[0], self._numbers_of_pair(rater, place)
                return
        documents = [(value, column) for column in part.document for value in self._cell(row, column)]
        if not documents and not self._may_be_empty:
            documents = [(value_of(row, part.document[0]), part.document[0])]
        for (value, column), numbers in zip(documents, self._numbers(row, documents, place), strict=True):
            yield value, column, numbers
        for column in part.negative:
            for value in self._cell(row, column):
                yield value, column, [NEGATIVE_GRADE]

    def _numbers_of_pair(self, rater: object, place: Place) -> Numbers:
        grade = self._part.grade
        return [DEFAULT_GRADE if grade is None else self.grading.number(rater, grade[0], place)]

    def _cell(self, row: Fields, column: str) -> list[object]:
        """The documents that a cell names."""
        value = value_of(row, column)
        return self._in_text(value) if isinstance(value, str) else flat(value)

    def _in_text(self, cell: str) -> list[object]:
        by_text = self._part.document_by == "text"
        in_list = listed(cell, quoted=True)
        if in_list is None and not by_text and (in_list := listed(cell)) and cell in self._known():
            return [cell]
        if in_list is not None:
            return in_list
        if not by_text and not DIVIDED.isdisjoint(cell):
            parts = separated(cell, self._known())
            return [cell] if parts == [cell.strip()] else [*parts]
        return [cell] if cell else []

    def _numbers(self, row: Fields, documents: Sequence[tuple[object, str]], place: Place) -> list[Numbers]:
        """What the raters say of each document.

        Raises:
            DatasetError: there are more or fewer grades than documents, or one is no grade.
        """
        if self._part.grade is None:
            return [[DEFAULT_GRADE] for _ in documents]
        raters = self._part.grade
        by_rater = [self._grades(row, rater, documents, place) for rater in raters]
        if len(raters) == 1:
            return [[self.grading.number(value, raters[0], place)] for value in by_rater[0]]
        numbers: list[Numbers] = []
        for values in zip(*by_rater, strict=True):
            said = [
                self.grading.number(value, rater, place)
                for rater, value in zip(raters, values, strict=True)
                if value not in (None, "")
            ]
            if not said:
                raise place.error(
                    f"no rater gives a grade ({', '.join(raters)} are empty)", "give one, or remove the row"
                )
            numbers.append(said)
        return numbers

    def _grades(
        self, row: Fields, rater: str, documents: Sequence[tuple[object, str]], place: Place
    ) -> Sequence[object]:
        """A rater's cell for each document: a list has one for each, a single value is that of the only document."""
        value = value_of(row, rater)
        if isinstance(value, str) and (in_list := listed(value)) is not None:
            value = in_list
        column = self._part.document[0]
        if not isinstance(value, list):
            left_out = value is None and (self._in_queries or isinstance(value_of(row, column), list))
            return [DEFAULT_GRADE if left_out else value] * len(documents)
        if len(value) != len(documents):
            raise place.error(
                f"{len(documents)} {column} but {len(value)} {rater}",
                f"give each relevant document one score, or leave {rater} out",
            )
        return value


def _is_simple(cell: object) -> bool:
    return type(cell) is str and SIMPLE.fullmatch(cell) is not None
