"""Datasets: a corpus of documents, queries, and qrels (graded relevance judgments)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.json_record import JsonRecord

Qrels = Mapping[str, Mapping[str, int]]
"""Grades by query id, then document id."""


class Document(NamedTuple):
    """One document of a corpus."""

    doc_id: str
    title: str
    text: str

    @property
    def content(self) -> str:
        """What encoders and BM25 see: title and text joined by one space."""
        return f"{self.title} {self.text}".strip()


class Query(NamedTuple):
    """One query; documents whose ids are `excluded` are left out of its list."""

    query_id: str
    text: str
    tags: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


class Judgment(NamedTuple):
    """A person's grade of one document for one query; 1 and more is relevant."""

    query_id: str
    doc_id: str
    grade: int


class RunLine(NamedTuple):
    """One document of a ranked list made elsewhere; higher scores rank first."""

    query_id: str
    doc_id: str
    score: float


@dataclass(frozen=True)
class RunNote:
    """Ranked lists that came with a dataset: their name, their fingerprint, and the number of queries with a list."""

    name: str
    id: str
    n_queries: int


@dataclass(frozen=True)
class ImportNote:
    """A note on something that an import handled by a rule; nothing is left out without a note."""

    code: str
    count: int
    message: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatasetManifest(JsonRecord):
    """The description of a stored dataset: the fingerprints of its three parts, its size, and the import's notes.

    Editing qrels changes only `qrels`, so nothing is encoded again. Runs belong to the identity of a dataset: with
    another run it is another dataset. Equal manifests describe the same content.

    Attributes:
        runs: sorted by name.
        counts_runs: whether the fingerprint includes the runs. In manifests of earlier versions it does not, and they
            keep the fingerprint under which they are stored.
    """

    corpus: str
    queries: str
    qrels: str
    n_documents: int
    n_queries: int
    n_judgments: int
    exclude_self: bool = False
    notes: tuple[ImportNote, ...] = field(default=(), compare=False)
    runs: tuple[RunNote, ...] = ()
    counts_runs: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "runs", tuple(sorted(self.runs, key=lambda run: (run.name, run.id))))

    @property
    def fingerprint(self) -> str:
        """The whole dataset's fingerprint; without runs it is the same as in every earlier version."""
        parts: list[object] = [self.corpus, self.queries, self.qrels, self.exclude_self]
        if self.counts_runs and self.runs:
            parts.append([[run.name, run.id] for run in self.runs])
        return fingerprint(parts)

    def differs_in_judgments_alone(self, other: DatasetManifest) -> bool:
        """Whether everything but the judgments is the same."""
        return self != other and self == dataclasses.replace(
            other, qrels=self.qrels, n_judgments=self.n_judgments
        )

    def continues(self, other: DatasetManifest) -> bool:
        """Whether everything but the queries and the judgments is the same."""
        return self == dataclasses.replace(
            other,
            queries=self.queries,
            n_queries=self.n_queries,
            qrels=self.qrels,
            n_judgments=self.n_judgments,
        )

    def differs_in_runs_alone(self, other: DatasetManifest) -> bool:
        """Whether everything but the runs is the same."""
        return self != other and self == dataclasses.replace(other, runs=self.runs)


@dataclass(frozen=True)
class SourceFile:
    """A file that was read.

    Attributes:
        name: its path below the folder of the files, with `/`; never a path of the machine.
        bytes: its size.
        sha256: its SHA-256 in hexadecimal digits, as `sha256sum` prints it.
    """

    name: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        path = PurePosixPath(self.name)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"the file {self.name!r} is not a path below a folder")


@dataclass(frozen=True)
class Provenance(JsonRecord):
    """Where a version of a dataset comes from. It is no part of the fingerprint, which is of the content alone.

    Attributes:
        files: the files that were read, sorted by name; only the first of many.
        n_files: how many files were read.
        sha256: the SHA-256 of what `sha256sum` prints for all of them, sorted by name.
        reading: how they were read, as JSON.
        exclude_self: whether a document with a query's own id is left out of that query's list.
        notes: what was repaired, left out, or handled by a rule.
        imported_at: in UTC, as ISO 8601 writes it.
        version: the version of this software that read them.
    """

    files: tuple[SourceFile, ...]
    n_files: int
    sha256: str
    reading: Mapping[str, Any]
    exclude_self: bool
    notes: tuple[ImportNote, ...]
    imported_at: str
    version: str
