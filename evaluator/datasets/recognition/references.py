"""References: columns whose values are ids or texts of the rows of another table, whatever their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from evaluator.datasets.formats import read
from evaluator.datasets.formats.cells import as_id, ids_in, parts
from evaluator.datasets.formats.texts import document_id, text_files
from evaluator.datasets.reading import MeantBy, Table
from evaluator.datasets.recognition.inspected import InspectedTable
from evaluator.errors import DatasetError

COMPARED = 20_000
"""Maximum rows of a table whose ids and texts are compared with references."""

ENOUGH = 0.5
"""A column refers to a table if at least this share of its values are there."""


@dataclass(frozen=True)
class Named:
    """What rows of a table can be referred to by, as far as the first rows of any table name it.

    Attributes:
        ids: by column, its values as ids.
        texts: by column, its values as texts, with single spaces.
    """

    ids: Mapping[str, frozenset[str]]
    texts: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Reference:
    """How well a column refers to another table's column.

    Attributes:
        share: the share of its values that are there, between 0 and 1.
        n: different values that are there.
        of: different values.
    """

    by: MeantBy = "id"
    to: str | None = None
    share: float = 0.0
    n: int = 0
    of: int = 0

    @property
    def is_sure(self) -> bool:
        """Whether the column refers to that table."""
        return self.share >= ENOUGH


class References:
    """Compares the columns of tables with ids and texts of others; each table is read once, up to 20,000 rows."""

    def __init__(self, folder: Path, tables: Sequence[InspectedTable]) -> None:
        self._folder = folder
        self._tables = tables
        self._named: dict[Table, Named] = {}
        self._found: dict[tuple[Table, str, Table], Reference] = {}

    def of(self, inspected: InspectedTable, column: str, other: InspectedTable) -> Reference:
        """How well a column refers to another table: the best of its columns, by id before by text."""
        key = (inspected.table, column, other.table)
        if key not in self._found:
            self._found[key] = self._best(inspected, column, other)
        return self._found[key]

    def all_of(self, inspected: InspectedTable, column: str, other: InspectedTable) -> Iterator[Reference]:
        """How a column refers to each column of another table, by id and by text; only what is found at all."""
        named = self.named(other)
        for to, ids in named.ids.items():
            if ids and (reference := _by_id(inspected, column, to, ids)).n:
                yield reference
        for to, texts in named.texts.items():
            if texts and (reference := _by_text(inspected, column, to, texts)).n:
                yield reference

    def named(self, inspected: InspectedTable) -> Named:
        """What rows of a table can be referred to by."""
        if inspected.table not in self._named:
            self._named[inspected.table] = self._read(inspected)
        return self._named[inspected.table]

    def _best(self, inspected: InspectedTable, column: str, other: InspectedTable) -> Reference:
        named = self.named(other)
        identifying = ("id",) if other.table.kind == "texts" else (*other.ids, *other.labels)
        by_id = (_by_id(inspected, column, to, named.ids.get(to, frozenset())) for to in identifying)
        best = max(by_id, key=_quality, default=Reference())
        if best.is_sure or not inspected.is_textual(column):
            return best
        textual = [to for to in named.texts if other.is_textual(to)]
        by_text = (_by_text(inspected, column, to, named.texts[to]) for to in textual)
        return max((best, *by_text), key=_quality)

    @cached_property
    def _searched(self) -> tuple[frozenset[str], frozenset[str]]:
        """The ids and the texts that the first rows of the tables may name."""
        values = {
            value for table in self._tables for column in table.columns for value in table.values(column)
        }
        return frozenset(part for value in values for part in parts(value)), frozenset(map(_words, values))

    def _read(self, inspected: InspectedTable) -> Named:
        searched, words = self._searched
        if inspected.table.kind == "texts":
            base = self._folder / inspected.table.file
            paths = [path.relative_to(base).as_posix() for path in text_files(base)]
            return Named({"id": searched & {*paths, *map(document_id, paths)}}, {})
        ids: dict[str, set[str]] = {column: set() for column in inspected.columns}
        texts: dict[str, set[str]] = {column: set() for column in inspected.columns}
        for _, row in islice(read(self._folder, inspected.table), COMPARED):
            if isinstance(row, DatasetError):
                continue
            for column in inspected.columns:
                value = row.get(column)
                if value in (None, "") or isinstance(value, list):
                    continue
                if (written := as_id(value)) in searched:
                    ids[column].add(written)
                if isinstance(value, str) and (content := _words(value)) in words:
                    texts[column].add(content)
        return Named(
            {column: frozenset(known) for column, known in ids.items()},
            {column: frozenset(known) for column, known in texts.items()},
        )


def _words(text: str) -> str:
    """A text with single spaces."""
    return " ".join(text.split())


def _by_id(inspected: InspectedTable, column: str, to: str, known: frozenset[str]) -> Reference:
    values = {item for row in inspected.rows for item in ids_in(row.get(column), known)}
    return _reference("id", to, values, known)


def _by_text(inspected: InspectedTable, column: str, to: str, known: frozenset[str]) -> Reference:
    return _reference("text", to, {_words(value) for value in inspected.values(column)}, known)


def _reference(by: MeantBy, to: str, values: AbstractSet[str], known: AbstractSet[str]) -> Reference:
    found = len(values & known)
    return Reference(by, to, found / len(values) if values else 0.0, found, len(values))


def _quality(reference: Reference) -> tuple[float, int]:
    return reference.share, reference.n
