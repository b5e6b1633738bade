"""A table and its first rows: what its names and values say about the meaning of its columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from evaluator.datasets.formats.cells import as_id, flat, listed
from evaluator.datasets.reading import Table
from evaluator.datasets.recognition.names import (
    ANSWER,
    DOCUMENT,
    DOCUMENT_ID,
    EXCLUDED,
    GRADE,
    ID,
    NAMES,
    NEGATIVE,
    QUERY,
    QUERY_ID,
    SYSTEM,
    TEXT,
    TEXT_OR_ID,
    TITLE,
    Role,
    has_word,
    plain,
)
from evaluator.datasets.source import Fields

TEXT_SHARE = 0.5
"""A column holds texts, not ids, if more than this share of its values contain white space."""

NOT_IDS = frozenset(GRADE) | {"rank", "position", "pos", "year", "page", "date"}
"""Names of columns whose values may differ in all of a few rows, and are no ids."""

LONGEST_ID = 100
"""Maximum characters of an id in a column whose name does not say that it holds ids."""

UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]{4}")
"""Words of scripts that have no spaces between words (Thai, Lao, Burmese, Khmer, Japanese, Chinese)."""


@dataclass(frozen=True)
class InspectedTable:
    """A table with its first rows, the first defect among them, and the first few defects."""

    table: Table
    columns: tuple[str, ...]
    rows: tuple[Fields, ...]
    defect: str | None = None
    defects: tuple[str, ...] = ()

    @cached_property
    def named(self) -> Role | None:
        """The role that the names suggest: the member's name, then the file's, then the folders'."""
        path = PurePosixPath(self.table.file)
        for name in (self.table.member, path.name, *reversed(path.parent.parts)):
            found = set(re.split(r"[^a-z]+", name.lower()))
            for role, names in NAMES.items():
                if found.intersection(names):
                    return role
        return None

    @cached_property
    def title(self) -> str | None:
        """The column of the title."""
        return self.find(TITLE)

    @cached_property
    def query_id(self) -> str | None:
        """The column that, by its name, refers to a query by its id."""
        return self.find(QUERY_ID) or self.find(QUERY, textual=False)

    @cached_property
    def query_text(self) -> str | None:
        """The column that is, by its name, a query's text."""
        return self.find(QUERY, textual=True)

    @cached_property
    def document_id(self) -> str | None:
        """The column that, by its name, refers to a document by its id."""
        return self.find(DOCUMENT_ID) or self.find(
            [name for name in DOCUMENT if name != ANSWER], textual=False
        )

    @cached_property
    def document_text(self) -> str | None:
        """The column that is, by its name, a document's text."""
        column = self.find(DOCUMENT, textual=True)
        return column or (self.find((*TEXT, *TEXT_OR_ID), textual=True) if self.query_text else None)

    @cached_property
    def text(self) -> str | None:
        """The column of the text: the one with such a name, or else the one with the longest texts."""
        named = self.find(TEXT) or self.find(TEXT_OR_ID, textual=True)
        if named:
            return named
        texts = [column for column in self.columns if self.is_textual(column)]
        return max(texts, key=self.length, default=None)

    @cached_property
    def id(self) -> str | None:
        """The column of the row's own id: the one with such a name, or else the first with short, distinct values."""
        return self.find(ID) or next(filter(self.identifies, self.columns), None)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Columns that may be the row's own id, the most likely first."""
        named = [column for column in self.columns if plain(column) in ID]
        found = (self.id, *named, *filter(self.identifies, self.columns))
        return tuple(dict.fromkeys(column for column in found if column is not None))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Columns of short, distinct values with white space, such as names of files, that may be referred to."""
        return tuple(
            column
            for column in self.columns
            if column not in self.ids and column != self.text and self._labels(column)
        )

    def _labels(self, column: str) -> bool:
        values = list(self.values(column))
        return len(set(values)) == len(values) == len(self.rows) > 0 and max(map(len, values)) <= LONGEST_ID

    @cached_property
    def negatives(self) -> tuple[str, ...]:
        """Columns that, by their names, hold documents that are not relevant."""
        return tuple(column for column in self.columns if has_word(column, NEGATIVE))

    @cached_property
    def excluded(self) -> tuple[str, ...]:
        """Columns that, by their names, hold documents that a query must not find."""
        return tuple(column for column in self.columns if has_word(column, EXCLUDED))

    @cached_property
    def expected(self) -> tuple[str, ...]:
        """Columns that, by their names, hold documents that people expect."""
        names = {*DOCUMENT_ID, *DOCUMENT}
        left = {*self.negatives, *self.excluded, *self.from_system}
        return tuple(c for c in self.columns if plain(c).rstrip("0123456789") in names and c not in left)

    @cached_property
    def from_system(self) -> tuple[str, ...]:
        """Columns that, by their names, hold what a system returned."""
        return tuple(column for column in self.columns if has_word(column, SYSTEM))

    def is_textual(self, column: str) -> bool:
        """Whether most values are texts of several words."""
        values = list(self.values(column))
        several = sum(len(value.split()) > 1 or UNSPACED.search(value) is not None for value in values)
        return several > TEXT_SHARE * len(values)

    def length(self, column: str | None) -> float:
        """Mean number of characters of a column's values."""
        values = list(self.values(column)) if column else []
        return sum(map(len, values)) / len(values) if values else 0.0

    def identifies(self, column: str | None) -> bool:
        """Whether every row has a short value in this column that no other row has."""
        values = list(self.values(column)) if column and plain(column) not in NOT_IDS else []
        return (
            len(values) == len(self.rows) > 0
            and len(set(values)) == len(values)
            and all(len(value) <= LONGEST_ID and value.split() == [value] for value in values)
        )

    def repeats(self, column: str) -> bool:
        """Whether a value of this column is in several rows."""
        values = [str(row.get(column)) for row in self.rows]
        return len(set(values)) < len(values)

    def find(self, names: Sequence[str], *, textual: bool | None = None) -> str | None:
        """The first column, in the order of `names`, with such a name; `textual` requires texts, or excludes them."""
        by_name = {plain(column): column for column in reversed(self.columns)}
        columns = (by_name[name] for name in names if name in by_name)
        return next((c for c in columns if textual is None or self.is_textual(c) is textual), None)

    def cells(self, column: str) -> Iterator[object]:
        """The values of a column, without empty ones; a list, also one written as text, gives its items."""
        for row in self.rows:
            value = row.get(column)
            in_list = listed(value) if isinstance(value, str) else None
            yield from flat(value) if in_list is None else in_list

    def values(self, column: str) -> Iterator[str]:
        """The values of a column as text, without empty ones; a list gives its items."""
        return map(as_id, self.cells(column))
