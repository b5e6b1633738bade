"""References: columns whose values are ids or texts of the rows of another table, whatever their names."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from evaluator.datasets.formats import read
from evaluator.datasets.formats.cells import as_id, ids_in
from evaluator.datasets.formats.texts import document_id, text_files
from evaluator.datasets.reading import MeantBy, Table
from evaluator.datasets.recognition.inspected import InspectedTable
from evaluator.domain.fingerprint import text_key
from evaluator.errors import DatasetError

COMPARED = 20_000
"""Maximum rows of a table whose ids and texts are compared with references."""

ENOUGH = 0.5
"""A column refers to a table if at least this share of its values are there."""


@dataclass(frozen=True)
class Named:
    """What rows of a table can be referred to by.

    Attributes:
        ids: by column, the ids of the first rows.
        texts: by column, digests of their texts.
        complete: whether these are all rows.
    """

    ids: Mapping[str, frozenset[str]]
    texts: Mapping[str, frozenset[bytes]]
    complete: bool


@dataclass(frozen=True)
class Reference:
    """How well a column refers to another table's column.

    Attributes:
        share: the share of its values that are there, between 0 and 1.
        n: different values that are there.
    """

    by: MeantBy = "id"
    to: str | None = None
    share: float = 0.0
    n: int = 0

    @property
    def is_sure(self) -> bool:
        """Whether the column refers to that table."""
        return self.share >= ENOUGH


class References:
    """Compares the columns of tables with ids and texts of others; each table is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._named: dict[Table, Named] = {}
        self._found: dict[tuple[Table, str, Table], Reference] = {}

    def named(self, inspected: InspectedTable) -> Named:
        """What rows of a table can be referred to by."""
        if inspected.table not in self._named:
            self._named[inspected.table] = self._read(inspected)
        return self._named[inspected.table]

    def of(self, inspected: InspectedTable, column: str, other: InspectedTable) -> Reference:
        """How well a column refers to another table: the best of its columns, by id before by text."""
        key = (inspected.table, column, other.table)
        if key not in self._found:
            self._found[key] = self._compare(inspected, column, other)
        return self._found[key]

    def _compare(self, inspected: InspectedTable, column: str, other: InspectedTable) -> Reference:
        named = self.named(other)
        best = Reference()
        for to, ids in named.ids.items():
            values = {item for row in inspected.rows for item in ids_in(row.get(column), ids)}
            best = max(best, _reference("id", to, values, ids), key=_quality)
        if inspected.is_textual(column) and not best.is_sure:
            digests = {digest(value) for value in inspected.values(column)}
            for to, texts in named.texts.items():
                best = max(best, _reference("text", to, digests, texts), key=_quality)
        return best

    def _read(self, inspected: InspectedTable) -> Named:
        table = inspected.table
        if table.kind == "texts":
            base = self._folder / table.file
            paths = [path.relative_to(base).as_posix() for path in text_files(base)]
            return Named({"id": frozenset({*paths, *map(document_id, paths)})}, {}, complete=True)
        ids: dict[str, set[str]] = {column: set() for column in (*inspected.ids, *inspected.labels)}
        texts: dict[str, set[bytes]] = {c: set() for c in inspected.columns if inspected.is_textual(c)}
        count = 0
        for _, row in islice(read(self._folder, table), COMPARED):
            count += 1
            if isinstance(row, DatasetError):
                continue
            for column, known in ids.items():
                if (value := row.get(column)) not in (None, ""):
                    known.add(as_id(value))
            for column, digests in texts.items():
                if isinstance(value := row.get(column), str):
                    digests.add(digest(value))
        return Named(
            {column: frozenset(known) for column, known in ids.items()},
            {column: frozenset(digests) for column, digests in texts.items()},
            complete=count < COMPARED,
        )


def digest(text: str) -> bytes:
    """The digest of a text; white space does not count."""
    return text_key(" ".join(text.split()).encode(errors="replace").decode())


def _reference(
    by: MeantBy, to: str, values: AbstractSet[Hashable], known: AbstractSet[Hashable]
) -> Reference:
    found = len(values & known)
    return Reference(by, to, found / len(values) if values else 0.0, found)


def _quality(reference: Reference) -> tuple[float, int]:
    return reference.share, reference.n
