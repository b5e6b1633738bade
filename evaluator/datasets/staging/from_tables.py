"""Reads a dataset from tables by a `Reading`, which says what columns are ids, texts and grades.

This module applies the rules for single rows (`evaluator.datasets.formats.fields`). An unreadable row is reported
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

DERIVED_ID_LENGTH = 16
"""Hexadecimal digits of an id that is derived from a text (64 bits)."""

DEFAULT_GRADE = 1
"""The grade of judgments without a grade column."""

ALWAYS_LISTS = ("relevantDocs", "relevanceScores")
"""Columns of the decision record's queries that are always lists, even of a single value."""

WRITTEN_AS_TEXT = ("csv", "tsv", "excel")
"""Kinds of tables whose cells are text; lists in them are written as JSON."""

EXAMPLES = 5
"""Maximum files named in a note."""


def open_source(folder: Path, reading: Reading) -> Source:
    """The dataset below `folder`, read as `reading` says. Files are read only when rows are requested."""
    return _TableSource(folder, reading)


def derived_id(content: str) -> str:
    """The id of a text without an id of its own; the same text has the same id."""
    return text_key(" ".join(content.split())).hex()[:DERIVED_ID_LENGTH]


@dataclass(frozen=True)
class _TableSource:
    """The tables of a reading as a dataset."""

    folder: Path
    reading: Reading

    def documents(self) -> Iterator[Row[Document]]:
        """The corpus."""
        part = self.reading.corpus
        repeats = _Repeats(derived_ids=part.id is None, expected=self._judges(part.table))
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
        repeats = _Repeats(derived_ids=part.id is None, expected=self._judges(part.table))
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
        """The judgments; a row whose query or document cannot be read is not reported again."""
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
        """The ranked lists that came with the dataset, named after their files."""
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
        """A note on the splits that are not read, if there are any."""
        used = self.reading.qrels.table.file if self.reading.qrels else ""
        others = [name for name in self.reading.ignored if same_but_for_the_split(name, used)]
        if not others:
            return []
        message = f"only {used} is used; other qrels files are left out"
        return [ImportNote("other-splits", len(others), message, tuple(others[:EXAMPLES]))]

    def _judges(self, table: Table) -> bool:
        """Whether a table has one row per judgment, so that queries and documents are repeated."""
        return self.reading.qrels is not None and self.reading.qrels.table == table

    def _documents(self, row: Fields, place: Place) -> Iterator[Document]:
        part = self.reading.corpus
        title = "" if part.title is None else optional_text(_value(row, part.title), part.title, place)
        if part.id is not None:
            yield Document(identifier(_value(row, part.id), part.id, place), title, self._text(row, place))
            return
        first = _value(row, part.text[0])
        texts = first if len(part.text) == 1 and isinstance(first, list) else [self._text(row, place)]
        for value in texts:
            content = text(value, part.text[0], place)
            yield Document(derived_id(content), title, content)

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
        content = query_text(_value(row, part.text), part.text, place)
        if part.id is None:
            query_id = derived_id(content)
        return Query(query_id, content, () if part.tags is None else self._tags(row, part.tags, place))

    def _tags(self, row: Fields, column: str, place: Place) -> tuple[str, ...]:
        """A query's tags; in a text cell they are a JSON list, or separated by commas or semicolons."""
        value = _value(row, column)
        if self.reading.queries.table.kind in WRITTEN_AS_TEXT and isinstance(value, str):
            json_tags = _json_list(value)
            parts = value.replace(";", ",").split(",")
            value = json_tags if json_tags is not None else [part.strip() for part in parts if part.strip()]
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
        """The documents of a row, each with its unparsed grade.

        Raises:
            DatasetError: there are more or fewer grades than documents.
        """
        documents = self._cell(part, row, part.document)
        grades = None if part.grade is None else self._cell(part, row, part.grade)
        if documents in (None, "") and part.table == self.reading.queries.table:
            return []  # a query without judgments so far
        if not isinstance(documents, list) and part.document not in ALWAYS_LISTS:
            return [(documents, grades)]
        document_values = items(documents, part.document, place)
        if part.grade is None or grades is None:
            return [(document, DEFAULT_GRADE) for document in document_values]
        scores = items(grades, part.grade, place)
        if len(scores) != len(document_values):
            raise place.error(
                f"{len(document_values)} {part.document} but {len(scores)} {part.grade}",
                f"give each relevant document one score, or leave {part.grade} out",
            )
        return list(zip(document_values, scores, strict=True))

    def _cell(self, part: QrelsPart, row: Fields, column: str) -> object:
        value = _value(row, column)
        json_list = (
            _json_list(value) if part.table.kind in WRITTEN_AS_TEXT and isinstance(value, str) else None
        )
        return value if json_list is None else json_list

    def _judged_document(self, part: QrelsPart, value: object, place: Place) -> str:
        if part.document_by == "id":
            return identifier(value, part.document, place)
        return _by_text(text(value, part.document, place), self._document_ids)

    @cached_property
    def _query_ids(self) -> dict[str, str]:
        """Ids of queries that have an id column, by the id derived from their text; otherwise empty."""
        if self.reading.queries.id is None:
            return {}
        return {derived_id(query.text): query.query_id for query in _readable(self.queries())}

    @cached_property
    def _document_ids(self) -> dict[str, str]:
        """Ids of documents if they have an id column, by the id derived from their text; otherwise empty."""
        if self.reading.corpus.id is None:
            return {}
        return {derived_id(document.text): document.doc_id for document in _readable(self.documents())}


class _Repeats:
    """Detects repeated rows where they are no defect: texts without ids, and tables with one row per judgment."""

    def __init__(self, *, derived_ids: bool, expected: bool) -> None:
        self._derived_ids = derived_ids
        self._watching = derived_ids or expected
        self._seen: dict[str, bytes] = {}

    def has(self, row_id: str, content: str) -> bool:
        """Whether an earlier row has this id and content; a derived id already implies the same content."""
        if not self._watching:
            return False
        key = b"" if self._derived_ids else text_key(content)
        if row_id in self._seen:
            return self._seen[row_id] == key
        self._seen[row_id] = key
        return False


def _value(row: Fields, column: str) -> object:
    """The value of a cell; None for a missing cell and for NaN."""
    value = row.get(column)
    return None if isinstance(value, float) and value != value else value


def _json_list(value: str) -> list[object] | None:
    """The JSON list in a text cell; None if the cell holds no JSON list."""
    if not value.lstrip().startswith("["):
        return None
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, list) else None


def _by_text(content: str, ids: dict[str, str]) -> str:
    """The id of the query or document with this text; if there is none, the derived id, which is then unknown."""
    derived = derived_id(content)
    return ids.get(derived, derived)


def _readable(rows: Iterator[Row[R]]) -> Iterator[R]:
    return (row for _, row in rows if not isinstance(row, DatasetError))
