"""What reading a dataset gives: rows, each with its place in a file, or the reason why it cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, TypeVar

from evaluator.domain.dataset import Document, ImportNote, Judgment, Query, RunLine
from evaluator.errors import DatasetError

T = TypeVar("T")


class Place(NamedTuple):
    """A line of a file; the file's name is relative to the dataset's folder, lines count from 1.

    Where a file has no lines, rows are counted instead; 0 stands for the file as a whole.
    """

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def error(self, reason: str, advice: str) -> DatasetError:
        """The error that says what is wrong here and what to do about it."""
        return DatasetError(f"{self}: {reason}; {advice}")


Row = tuple[Place, T | DatasetError]
"""A row and its place. One that cannot be read is its error, and reading goes on with the next."""

Fields = dict[str, object]
"""A row of a table: values by column."""


class Source(Protocol):
    """A dataset as it lies in files.

    The iterators check what one row can tell (types, ids, grades) and give a row that breaks a rule as its
    `DatasetError`; they raise nothing for what is in a file. A file that cannot be read on gives one last
    error and ends. Rules that need several rows are the writer's. Each call reads from the start, so nothing
    need be kept.
    """

    def documents(self) -> Iterator[Row[Document]]:
        """The corpus, in the file's order."""
        ...

    def queries(self) -> Iterator[Row[Query]]:
        """The queries, in the file's order."""
        ...

    def judgments(self) -> Iterator[Row[Judgment]]:
        """The judgments, in the file's order; nothing if the dataset has none."""
        ...

    def runs(self) -> list[tuple[str, Iterator[Row[RunLine]]]]:
        """Ranked lists made elsewhere that came along, by name."""
        ...

    def notes(self) -> list[ImportNote]:
        """What the choice of files left out."""
        ...
