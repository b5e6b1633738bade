"""The rows of a dataset, each with its place in a file; an unreadable row is the reason why it cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, TypeVar

from evaluator.domain.dataset import Document, ImportNote, Judgment, Query, RunLine
from evaluator.errors import DatasetError

T = TypeVar("T")


class Place(NamedTuple):
    """A line of a file; the file's name is relative to the dataset's folder, lines count from 1.

    For a file without lines, rows are counted instead; 0 stands for the whole file.
    """

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def error(self, reason: str, advice: str) -> DatasetError:
        """The error that says what is wrong here and what to do about it."""
        return DatasetError(f"{self}: {reason}; {advice}")


Row = tuple[Place, T | DatasetError]
"""A row and its place. An unreadable row is replaced by its error, and reading continues with the next row."""

Fields = dict[str, object]
"""A row of a table: values by column."""


def value_of(row: Fields, column: str) -> object:
    """The value of a cell; None for a missing cell and for NaN."""
    value = row.get(column)
    return None if isinstance(value, float) and value != value else value


class Source(Protocol):
    """A dataset in files.

    The iterators check the rules that concern a single row (types, ids, grades) and yield a `DatasetError` in place of
    a row that breaks one; they raise no error for the content of a file. If the rest of a file cannot be read, they
    yield one last error and end. The writer checks the rules that concern several rows. Each call reads the files
    from the start, so that no rows are kept in memory.
    """

    def documents(self) -> Iterator[Row[Document]]:
        """The corpus, in the file's order."""
        ...

    def queries(self) -> Iterator[Row[Query]]:
        """The queries, in the file's order."""
        ...

    @property
    def documents_alone(self) -> bool:
        """Whether the dataset is to have no queries yet; otherwise having none is a defect."""
        ...

    def judgments(self) -> Iterator[Row[Judgment]]:
        """The judgments, in the file's order; nothing if the dataset has none."""
        ...

    def runs(self) -> list[tuple[str, Iterator[Row[RunLine]]]]:
        """Ranked lists that came with the dataset, by name."""
        ...

    def notes(self) -> list[ImportNote]:
        """Notes on files that are not read."""
        ...
