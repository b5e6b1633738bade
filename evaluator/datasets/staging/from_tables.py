"""A dataset read from tables by a `Reading`: which columns are ids, texts and grades.

Rules that are about one row are applied here, by `evaluator.datasets.formats.fields`. A row is reported as unreadable
once, by the first part that reads its table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from evaluator.datasets.formats import read
from evaluator.datasets.formats.fields import (
    grade,
    identifier,
    items,
    optional_text,
    query_text,
    score,
    tags,
    text,
)
from evaluator.datasets.reading import QrelsPart, Reading, Table
from evaluator.datasets.recognition.splits import same_but_for_the_split
from evaluator.datasets.source import Fields, Place, Row, Source
from evaluator.domain.dataset import Document, ImportNote, Judgment, Query, RunLine
from evaluator.domain.fingerprint import text_key
from evaluator.errors import DatasetError

R = TypeVar("R")

MADE_ID_LENGTH = 16
"""Hexadecimal digits of an id that is made from a text (64 bits)."""

DEFAULT_GRADE = 1
"""Of judgments without a grade."""

ALWAYS_LISTS = ("relevantDocs", "relevanceScores")
"""Columns of the decision record's queries, which are lists even where there is one value."""

WRITTEN_AS_TEXT = ("csv", "tsv", "excel")
"""Kinds whose cells are text: a list is written there as JSON."""

EXAMPLES = 5
"""Files that a note names."""


def open_source(folder: Path, reading: Reading) -> Source:
    """The dataset below `folder`, read in this way. Nothing is read before its rows are asked for."""
    return _TableSource(folder, reading)


def made_id(content: str) -> str:
    """The id of a text that has none of its own: the same text has the same id."""
    return text_key(" ".join(content.split())).hex()[:MADE_ID_LENGTH]


@dataclass(frozen=True)
class _TableSource:
    """The tables of a reading as a dataset."""

    folder: Path
    reading: Reading

    def documents(self) -> Iterator[Row[Document]]:
        """The corpus."""
        part = self.reading.corpus
        repeats = _Repeats(made=part.id is None, expected=self._judges(part.table))
        for place, row in read(self.folder, part.table):
            if isinstance(row, DatasetError):
                yield place, row
                continue
            try:
                for document in self._documents(row, place):
                    if not repeats.has(document.doc_id, document.content):
                        yield place, document
            except DatasetError as error:
                yield place, error

    def queries(self) -> Iterator[Row[Query]]:
        """The queries."""
        part = self.reading.queries
        repeats = _Repeats(made=part.id is None, expected=self._judges(part.table))
        reported = part.table == self.reading.corpus.table
        for place, row in read(self.folder, part.table):
            if isinstance(row, DatasetError):
                if not reported:
                    yield place, row
                continue
            try:
                query = self._query(row, place)
            except DatasetError as error:
                yield place, error
                continue
            if not repeats.has(query.query_id, query.text):
                yield place, query

    def judgments(self) -> Iterator[Row[Judgment]]:
        """The judgments; those of a row whose query or document cannot be read are not reported again."""
        part = self.reading.qrels
        if part is None:
            return
        reported = part.table in (self.reading.corpus.table, self.reading.queries.table)
        for place, row in read(self.folder, part.table):
            if isinstance(row, DatasetError):
                if not reported:
                    yield place, row
                continue
            try:
                query_id = self._judged_query(part, row, place)
            except DatasetError as error:
                if part.table != self.reading.queries.table:
                    yield place, error
                continue
            yield from self._row_judgments(part, query_id, row, place)

    def runs(self) -> list[tuple[str, Iterator[Row[RunLine]]]]:
        """The ranked lists that came along, called as their files."""
        return [(Path(table.file).stem, self._run_lines(table)) for table in self.reading.runs]

    def _run_lines(self, table: Table) -> Iterator[Row[RunLine]]:
        for place, row in read(self.folder, table):
            if isinstance(row, DatasetError):
                yield place, row
                continue
            try:
                yield (
                    place,
                    RunLine(
                        identifier(row.get("query"), "query", place),
                        identifier(row.get("document"), "document", place),
                        score(row.get("score"), "score", place),
                    ),
                )
            except DatasetError as error:
                yield place, error

    def notes(self) -> list[ImportNote]:
        """The splits that are not read."""
        used = self.reading.qrels.table.file if self.reading.qrels else ""
        others = [name for name in self.reading.ignored if same_but_for_the_split(name, used)]
        if not others:
            return []
        message = f"only {used} is used; other qrels files are left out"
        return [ImportNote("other-splits", len(others), message, tuple(others[:EXAMPLES]))]

    def _judges(self, table: Table) -> bool:
        """Whether a table has a row for each judgment, so that queries and documents come again."""
        return self.reading.qrels is not None and self.reading.qrels.table == table

    def _documents(self, row: Fields, place: Place) -> Iterator[Document]:
        part = self.reading.corpus
        title = "" if part.title is None else optional_text(_value(row, part.title), part.title, place)
        if part.id is not None:
            yield Document(identifier(_value(row, part.id), part.id, place), title, self._text(row, place))
            return
        first = _value(row, part.text[0])
        texts = first if len(part.text) == 1 and isinstance(first, list) else [self._text(row, place)]
        for content in texts:
            written = text(content, part.text[0], place)
            yield Document(made_id(written), title, written)

    def _text(self, row: Fields, place: Place) -> str:
        columns = self.reading.corpus.text
        if len(columns) == 1:
            return text(_value(row, columns[0]), columns[0], place)
        parts = [optional_text(_value(row, column), column, place) for column in columns]
        return "\n\n".join(filter(str.strip, parts))

    def _query(self, row: Fields, place: Place) -> Query:
        part = self.reading.queries
        if part.id is not None:
            query_id = identifier(_value(row, part.id), part.id, place)
        written = query_text(_value(row, part.text), part.text, place)
        if part.id is None:
            query_id = made_id(written)
        return Query(query_id, written, () if part.tags is None else self._tags(row, part.tags, place))

    def _tags(self, row: Fields, column: str, place: Place) -> tuple[str, ...]:
        """Tags; in a cell of text they are separated by commas or semicolons, or a JSON list."""
        value = _value(row, column)
        if self.reading.queries.table.kind in WRITTEN_AS_TEXT and isinstance(value, str):
            listed = _json_list(value)
            parts = value.replace(";", ",").split(",")
            value = listed if listed is not None else [part.strip() for part in parts if part.strip()]
        return tags(value, place)

    def _judged_query(self, part: QrelsPart, row: Fields, place: Place) -> str:
        value = _value(row, part.query)
        if part.query_by == "id":
            return identifier(value, part.query, place)
        return _by_text(query_text(value, part.query, place), self._query_ids)

    def _row_judgments(
        self, part: QrelsPart, query_id: str, row: Fields, place: Place
    ) -> Iterator[Row[Judgment]]:
        """The judgments of one row."""
        try:
            for document, score in self._judged_documents(part, row, place):
                number = DEFAULT_GRADE if part.grade is None else grade(score, part.grade, place)
                yield place, Judgment(query_id, self._judged_document(part, document, place), number)
        except DatasetError as error:
            yield place, error

    def _judged_documents(self, part: QrelsPart, row: Fields, place: Place) -> list[tuple[object, object]]:
        """The documents of a row, each with its grade as it is written.

        Raises:
            DatasetError: there are more or fewer grades than documents.
        """
        documents = self._cell(part, row, part.document)
        grades = None if part.grade is None else self._cell(part, row, part.grade)
        if documents in (None, "") and part.table == self.reading.queries.table:
            return []  # a question without an answer yet: a query that is not judged
        if not isinstance(documents, list) and part.document not in ALWAYS_LISTS:
            return [(documents, grades)]
        listed = items(documents, part.document, place)
        if part.grade is None or grades is None:
            return [(document, DEFAULT_GRADE) for document in listed]
        scores = items(grades, part.grade, place)
        if len(scores) != len(listed):
            raise place.error(
                f"{len(listed)} {part.document} but {len(scores)} {part.grade}",
                f"give each relevant document one score, or leave {part.grade} out",
            )
        return list(zip(listed, scores, strict=True))

    def _cell(self, part: QrelsPart, row: Fields, column: str) -> object:
        value = _value(row, column)
        listed = _json_list(value) if part.table.kind in WRITTEN_AS_TEXT and isinstance(value, str) else None
        return value if listed is None else listed

    def _judged_document(self, part: QrelsPart, value: object, place: Place) -> str:
        if part.document_by == "id":
            return identifier(value, part.document, place)
        return _by_text(text(value, part.document, place), self._document_ids)

    @cached_property
    def _query_ids(self) -> dict[str, str]:
        """Ids of the queries that have one of their own, by the id that their text would make."""
        if self.reading.queries.id is None:
            return {}
        return {made_id(query.text): query.query_id for query in _readable(self.queries())}

    @cached_property
    def _document_ids(self) -> dict[str, str]:
        """Ids of the documents that have one of their own, by the id that their text would make."""
        if self.reading.corpus.id is None:
            return {}
        return {made_id(document.text): document.doc_id for document in _readable(self.documents())}


class _Repeats:
    """Rows that came before, where that is no defect: texts without ids, and tables with a row a judgment."""

    def __init__(self, *, made: bool, expected: bool) -> None:
        self._made = made
        self._watching = made or expected
        self._seen: dict[str, bytes] = {}

    def has(self, row_id: str, content: str) -> bool:
        """Whether the row came before, with the same content; an id that is made from the text needs no look."""
        if not self._watching:
            return False
        key = b"" if self._made else text_key(content)
        if row_id in self._seen:
            return self._seen[row_id] == key
        self._seen[row_id] = key
        return False


def _value(row: Fields, column: str) -> object:
    """A cell; one that is not there, and NaN, is None."""
    value = row.get(column)
    return None if isinstance(value, float) and value != value else value


def _json_list(value: str) -> list[object] | None:
    """The list that a cell of text holds as JSON, if it does."""
    if not value.lstrip().startswith("["):
        return None
    try:
        listed = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return listed if isinstance(listed, list) else None


def _by_text(content: str, ids: dict[str, str]) -> str:
    """The id of what has this text; a made one if nothing has it, which is then unknown."""
    made = made_id(content)
    return ids.get(made, made)


def _readable(rows: Iterator[Row[R]]) -> Iterator[R]:
    return (row for _, row in rows if not isinstance(row, DatasetError))
