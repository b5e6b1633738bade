"""What a reader of one format gives: rows, each with its place in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from evaluator.domain.dataset import Document, ImportNote, Judgment, Query
from evaluator.errors import DatasetError


class Place(NamedTuple):
    """A line of a file; the file's name is relative to the dataset's folder, lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def error(self, reason: str, advice: str) -> DatasetError:
        """The error that says what is wrong here and what to do about it."""
        return DatasetError(f"{self}: {reason}; {advice}")


class Source(Protocol):
    """A dataset in some format.

    The iterators check what one row can tell (types, ids, grades) and raise `DatasetError` with the place.
    Rules that need several rows are the writer's. Each call reads from the start, so nothing need be kept.
    """

    def documents(self) -> Iterator[tuple[Place, Document]]:
        """The corpus, in the file's order."""
        ...

    def queries(self) -> Iterator[tuple[Place, Query]]:
        """The queries, in the file's order."""
        ...

    def judgments(self) -> Iterator[tuple[Place, Judgment]]:
        """The judgments, in the file's order; nothing if the dataset has none."""
        ...

    def notes(self) -> list[ImportNote]:
        """What the choice of files left out."""
        ...


class Format(NamedTuple):
    """One format: its name, the files it expects, and how a folder in it is recognised.

    `recognise` returns None for a folder of another format, and raises `DatasetError` for one that is meant
    to be this format but leaves a choice open.
    """

    name: str
    expects: str
    recognise: Callable[[Path], Source | None]
