"""Sources made by hand: rows that are there, without files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from evaluator.datasets.health.report import HealthReport, examine
from evaluator.datasets.source import Place, Row
from evaluator.datasets.staging.stage import stage
from evaluator.domain.dataset import Document, ImportNote, Judgment, Query, RunLine
from evaluator.errors import DatasetError

T = TypeVar("T")

DOCUMENTS = (Document("d1", "", "first document"), Document("d2", "", "second document"))
QUERIES = (Query("q1", "first query"),)
JUDGMENTS = (Judgment("q1", "d1", 1),)


@dataclass(frozen=True)
class Rows:
    """A source of given rows.

    A text among them is the reason why that row cannot be read; a pair is a row with a place of its own.
    """

    documents_: Sequence[Document | str | Row[Document]] = DOCUMENTS
    queries_: Sequence[Query | str | Row[Query]] = QUERIES
    judgments_: Sequence[Judgment | str | Row[Judgment]] = JUDGMENTS
    notes_: Sequence[ImportNote] = ()
    documents_alone: bool = False

    def documents(self) -> Iterator[Row[Document]]:
        return _placed("corpus.jsonl", self.documents_)

    def queries(self) -> Iterator[Row[Query]]:
        return _placed("queries.jsonl", self.queries_)

    def judgments(self) -> Iterator[Row[Judgment]]:
        return _placed("qrels/test.tsv", self.judgments_)

    def runs(self) -> list[tuple[str, Iterator[Row[RunLine]]]]:
        return []

    def notes(self) -> list[ImportNote]:
        return list(self.notes_)


def _placed(file: str, rows: Sequence[T | str | Row[T]]) -> Iterator[Row[T]]:
    for line, row in enumerate(rows, start=1):
        place = Place(file, line)
        if isinstance(row, str):
            yield place, DatasetError(f"{place}: {row}")
        elif isinstance(row, tuple) and isinstance(row[0], Place):
            yield row
        else:
            yield place, cast(T, row)


def documents(**texts: str) -> list[Document]:
    """Documents by id and text."""
    return [Document(doc_id, "", text) for doc_id, text in texts.items()]


def queries(**texts: str) -> list[Query]:
    """Queries by id and text."""
    return [Query(query_id, text) for query_id, text in texts.items()]


def judgments(*written: str) -> list[Judgment]:
    """Judgments written as `query document grade`."""
    return [Judgment(query, doc, int(grade)) for query, doc, grade in map(str.split, written)]


def report(folder: Path, rows: Rows, *, exclude_self: bool = False) -> HealthReport:
    """The health report of a source."""
    return examine(stage(rows, folder, exclude_self=exclude_self))
