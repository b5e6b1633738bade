"""How well judgments fit queries and documents: which values of their columns are ids or texts of other tables.

Files are compared once, when they are recognised. Whatever columns are chosen later, `fit` says from the result how
many of the first values are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from evaluator.datasets.reading import CorpusPart, MeantBy, QueriesPart, Reading, Table
from evaluator.datasets.recognition.inspected import InspectedTable
from evaluator.datasets.recognition.references import References

MOST_TABLES, MOST_COLUMNS, MOST_MATCHES = 16, 40, 5000
"""Tables and columns that are compared, and matches that are kept. With more, nothing is said about how they fit."""


@dataclass(frozen=True)
class Match:
    """How many different values of a column are ids or texts in a column of another table, or of the same.

    Attributes:
        found: how many are there.
        of: how many there are in the first rows.
    """

    table: Table
    column: str
    other: Table
    to: str
    by: MeantBy
    found: int
    of: int


@dataclass(frozen=True)
class ComparedColumn:
    """A column that was compared with all columns of all compared tables.

    Attributes:
        n: its different values in the first rows.
    """

    table: Table
    column: str
    n: int


@dataclass(frozen=True)
class Compared:
    """Which columns were compared, and those that have values in common; pairs that are not listed have none."""

    columns: tuple[ComparedColumn, ...] = ()
    matches: tuple[Match, ...] = ()

    @cached_property
    def _n(self) -> dict[tuple[Table, str], int]:
        return {(compared.table, compared.column): compared.n for compared in self.columns}

    @cached_property
    def _by_pair(self) -> dict[tuple[Table, str, Table, str, MeantBy], Match]:
        return {(m.table, m.column, m.other, m.to, m.by): m for m in self.matches}

    def found(self, table: Table, column: str, other: Table, to: str, by: MeantBy) -> Found | None:
        """How many values of a column are in another; None if they were not compared."""
        n = self._n.get((table, column))
        if n is None or (other, to) not in self._n:
            return None
        if (table, column) == (other, to):
            return Found(n, n)
        match = self._by_pair.get((table, column, other, to, by))
        if match is not None:
            return Found(match.found, match.of)
        return None if by == "text" and other.kind == "texts" else Found(0, n)

    def n(self, table: Table, column: str) -> int | None:
        """The different values of a column in the first rows; None if it was not compared."""
        return self._n.get((table, column))


@dataclass(frozen=True)
class Found:
    """How many of some values are found."""

    found: int
    of: int

    def __add__(self, other: Found) -> Found:
        return Found(self.found + other.found, self.of + other.of)


@dataclass(frozen=True)
class Fit:
    """How many queries and documents that judgments name are found; None where it is not known."""

    queries: Found | None = None
    documents: Found | None = None


def fit(compared: Compared, reading: Reading) -> Fit:
    """How well the judgments of a reading fit its queries and documents."""
    part = reading.qrels
    if part is None or reading.queries is None:
        return Fit()
    queries = found_by(compared, part.table, part.query, reading.queries, part.query_by)
    documents: Found | None = Found(0, 0)
    for column in (*part.document, *part.negative):
        found = found_by(compared, part.table, column, reading.corpus, part.document_by)
        documents = None if found is None or documents is None else documents + found
    return Fit(queries, documents)


def found_by(
    compared: Compared, table: Table, column: str, part: CorpusPart | QueriesPart, by: MeantBy
) -> Found | None:
    """How many values of a column are ids, or texts, of a part; None if it is not known."""
    if by == "id":
        if part.id is None:  # ids are made from texts, and no file knows them
            n = compared.n(table, column)
            return None if n is None else Found(0, n)
        return compared.found(table, column, part.table, part.id, "id")
    if isinstance(part, QueriesPart):
        return compared.found(table, column, part.table, part.text, "text")
    if len(part.text) > 1:  # a document is all of them together
        return None
    found = [compared.found(table, column, part.table, text, "text") for text in (*part.text, *part.apart)]
    known = [each for each in found if each is not None]
    return max(known, key=lambda each: each.found) if len(known) == len(found) else None


def only_way(compared: Compared, table: Table, column: str, part: CorpusPart | QueriesPart) -> MeantBy | None:
    """How a column refers to a part, if only one way finds anything."""
    by_id, by_text = (found_by(compared, table, column, part, by) for by in ("id", "text"))
    n_ids, n_texts = by_id.found if by_id else 0, by_text.found if by_text else 0
    if n_ids and not n_texts:
        return "id"
    return "text" if n_texts and not n_ids else None


def compare(references: References, tables: Sequence[InspectedTable]) -> Compared:
    """Compare all columns of tables with each other."""
    compared = [inspected for inspected in tables if inspected.rows]
    if len(compared) > MOST_TABLES or any(len(inspected.columns) > MOST_COLUMNS for inspected in compared):
        return Compared()
    columns = [(inspected, column) for inspected in compared for column in inspected.columns]
    matches = [
        Match(inspected.table, column, other.table, str(found.to), found.by, found.n, found.of)
        for other in compared
        for inspected, column in columns
        for found in references.all_of(inspected, column, other)
        if inspected is not other or found.to != column  # `Compared.found` needs no match for it
    ]
    if len(matches) > MOST_MATCHES:
        return Compared()
    counted = tuple(
        ComparedColumn(each.table, column, len({*each.values(column)})) for each, column in columns
    )
    return Compared(counted, tuple(matches))
