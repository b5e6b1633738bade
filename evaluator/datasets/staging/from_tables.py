"""Reads a dataset from tables by a `Reading`, which says what columns are ids, texts and grades.

This module applies the rules for single rows (`evaluator.datasets.formats.fields`). An unreadable row is reported
once, by the first part that reads its table.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from evaluator.datasets.formats import read
from evaluator.datasets.formats.cells import flat, ids_in, listed, single
from evaluator.datasets.formats.fields import (
    identifier,
    optional_text,
    query_text,
    score,
    tags,
    text,
)
from evaluator.datasets.formats.texts import document_id, text_files
from evaluator.datasets.reading import (
    CorpusPart,
    QrelsPart,
    QueriesPart,
    Reading,
    Repair,
    RunPart,
    Table,
)
from evaluator.datasets.recognition.presets import BEIR, DECISION_RECORD
from evaluator.datasets.recognition.splits import same_but_for_the_split
from evaluator.datasets.source import Fields, Place, Row, Source, value_of
from evaluator.datasets.staging.judged_rows import JudgedRows, Numbers
from evaluator.datasets.staging.reading_notes import reading_notes
from evaluator.domain.dataset import Document, ImportNote, Judgment, Query, RunLine
from evaluator.domain.fingerprint import derived_id, text_key
from evaluator.errors import DatasetError

R = TypeVar("R")

WRITTEN_AS_TEXT = ("csv", "tsv", "excel")
"""Kinds of tables whose cells are text; lists in them are written as JSON."""

OPTIONAL = frozenset({"title", "tags", "excluded", "relevanceScores"})
"""Columns that known formats may leave out."""

LISTED = 20
"""Maximum columns named in an error."""

ENCODE: Repair = "encode-ids"

EXAMPLES = 5
"""Maximum files named in a note."""


def open_source(folder: Path, reading: Reading) -> Source:
    """The dataset below `folder`, read as `reading` says. Files are read only when rows are requested."""
    return _TableSource(folder, reading)


@dataclass(frozen=True)
class _TableSource:
    """The tables of a reading as a dataset."""

    folder: Path
    reading: Reading

    def documents(self) -> Iterator[Row[Document]]:
        """The corpus."""
        part = self.reading.corpus
        repeats = _Repeats(derived_ids=part.id is None, expected=self._judges(part.table))
        columns = self._columns(part)
        for place, row in read(self.folder, part.table):
            if isinstance(row, DatasetError):
                yield place, row
                continue
            columns.saw(row)
            try:
                for document in self._documents(row, place):
                    if not repeats.has(document.doc_id, document.content):
                        yield place, document
            except DatasetError as error:
                yield place, error
        yield from columns.missing()

    def queries(self) -> Iterator[Row[Query]]:
        """The queries; nothing if there are none yet."""
        part = self.reading.queries
        if part is None:
            return
        repeats = _Repeats(derived_ids=part.id is None, expected=self._judges(part.table))
        reported = part.table == self.reading.corpus.table
        columns = self._columns(part)
        for place, row in read(self.folder, part.table):
            if isinstance(row, DatasetError):
                if not reported:
                    yield place, row
                continue
            columns.saw(row)
            try:
                query = self._query(part, row, place)
            except DatasetError as error:
                yield place, error
                continue
            if not repeats.has(query.query_id, query.text):
                yield place, query
        yield from columns.missing()

    def judgments(self) -> Iterator[Row[Judgment]]:
        """The judgments; a row whose query or document cannot be read is not reported again."""
        part = self.reading.qrels
        if part is None:
            return
        rows = JudgedRows(part, in_queries=self._holds_queries(part), known=lambda: self._known_documents)
        if part.combine is not None:
            yield from self._combined(part, rows)
            return
        for place, judged in self._judged(part, rows):
            if isinstance(judged, DatasetError):
                yield place, judged
                continue
            try:
                query_id, doc_id, numbers = judged
                yield place, Judgment(query_id, doc_id, rows.grading.grade(numbers, part.grade_name, place))
            except DatasetError as error:
                yield place, error

    def _combined(self, part: QrelsPart, rows: JudgedRows) -> Iterator[Row[Judgment]]:
        """One judgment for all that raters say of a document for a query, at the place of the first of them."""
        said: dict[tuple[str, str], tuple[Place, Numbers]] = {}
        for place, judged in self._judged(part, rows):
            if isinstance(judged, DatasetError):
                yield place, judged
            else:
                query_id, doc_id, numbers = judged
                said.setdefault((query_id, doc_id), (place, []))[1].extend(numbers)
        for (query_id, doc_id), (place, numbers) in said.items():
            try:
                yield place, Judgment(query_id, doc_id, rows.grading.grade(numbers, part.grade_name, place))
            except DatasetError as error:
                yield place, error

    def _judged(self, part: QrelsPart, rows: JudgedRows) -> Iterator[Row[tuple[str, str, Numbers]]]:
        """Query, document and what raters say of them."""
        reported = part.table == self.reading.corpus.table or self._holds_queries(part)
        columns = self._columns(part)
        for place, row in read(self.folder, part.table):
            if isinstance(row, DatasetError):
                if not reported:
                    yield place, row
                continue
            columns.saw(row)
            try:
                query_id = self._judged_query(part, row, place)
            except DatasetError as error:
                if not self._holds_queries(part):
                    yield place, error
                continue
            try:
                for value, column, numbers in rows.of(row, place):
                    yield place, (query_id, self._judged_document(part, value, column, place), numbers)
            except DatasetError as error:
                yield place, error
        yield from columns.missing()

    @property
    def documents_alone(self) -> bool:
        """Whether queries are added later."""
        return self.reading.queries is None

    def runs(self) -> list[tuple[str, Iterator[Row[RunLine]]]]:
        """The ranked lists that came with the dataset, named after their files."""
        return [(Path(run.table.file).stem, self._run_lines(run)) for run in self.reading.runs]

    def _run_lines(self, run: RunPart) -> Iterator[Row[RunLine]]:
        for place, row in read(self.folder, run.table):
            if isinstance(row, DatasetError):
                yield place, row
                continue
            try:
                yield (
                    place,
                    RunLine(
                        self._id(row.get(run.query), run.query, place),
                        self._id(row.get(run.document), run.document, place),
                        score(row.get(run.score), run.score, place),
                    ),
                )
            except DatasetError as error:
                yield place, error

    def _id(self, value: object, column: str, place: Place) -> str:
        return identifier(value, column, place, encode=self._encodes)

    @cached_property
    def _encodes(self) -> bool:
        """Whether white space in ids is percent-encoded."""
        return ENCODE in self.reading.repairs

    def notes(self) -> list[ImportNote]:
        """Notes on how files are read, and on the splits that are not read."""
        notes = list(reading_notes(self.folder, self.reading))
        used = self.reading.qrels.table.file if self.reading.qrels else ""
        others = [name for name in self.reading.ignored if same_but_for_the_split(name, used)]
        if not others:
            return notes
        message = f"only {used} is used; other qrels files are left out"
        return [*notes, ImportNote("other-splits", len(others), message, tuple(others[:EXAMPLES]))]

    def _columns(self, part: CorpusPart | QueriesPart | QrelsPart) -> _Columns:
        """The columns that some row of a part's table must have; a row without any other is an error by itself."""
        optional = OPTIONAL if self.reading.format in (BEIR, DECISION_RECORD) else frozenset()
        return _Columns(part.table, self._may_be_empty(part) - optional)

    def _may_be_empty(self, part: CorpusPart | QueriesPart | QrelsPart) -> set[str]:
        """The columns of a part whose cells may be empty."""
        if isinstance(part, QrelsPart):
            several = self._holds_queries(part) or len(part.document) > 1
            grades = part.grade or ()
            return {
                *part.negative,
                *(part.document if several else ()),
                *(grades if several or part.combine else ()),
            }
        if isinstance(part, QueriesPart):
            return {*part.exclude, *filter(None, (part.tags,))}
        return {*part.apart, *(part.text if len(part.text) > 1 else ()), *filter(None, (part.title,))}

    def _judges(self, table: Table) -> bool:
        """Whether a table has one row per judgment, so that queries and documents are repeated."""
        return self.reading.qrels is not None and self.reading.qrels.table == table

    def _holds_queries(self, part: QrelsPart) -> bool:
        """Whether the rows of the judgments are also the queries."""
        return self.reading.queries is not None and part.table == self.reading.queries.table

    def _documents(self, row: Fields, place: Place) -> Iterable[Document]:
        part = self.reading.corpus
        title = "" if part.title is None else optional_text(value_of(row, part.title), part.title, place)
        if part.id is not None:
            return (
                Document(self._id(value_of(row, part.id), part.id, place), title, self._text(row, place)),
            )
        return self._documents_without_id(part, title, row, place)

    def _documents_without_id(
        self, part: CorpusPart, title: str, row: Fields, place: Place
    ) -> Iterator[Document]:
        for column in (*part.text[:1], *part.apart):
            for value in self._texts(row, column, place):
                content = text(value, column, place)
                yield Document(derived_id(content), title if column == part.text[0] else "", content)

    def _texts(self, row: Fields, column: str, place: Place) -> list[object]:
        """The texts in a cell, each a document of its own; a cell of a judged document may list several, or none."""
        if len(self.reading.corpus.text) > 1 and column == self.reading.corpus.text[0]:
            return [self._text(row, place)]
        value = value_of(row, column)
        if isinstance(value, list):
            return flat(value)
        value = single(value)
        if self._judges(self.reading.corpus.table):
            in_list = listed(value, quoted=True) if isinstance(value, str) else None
            return flat(value) if in_list is None else in_list
        return [value]

    def _text(self, row: Fields, place: Place) -> str:
        columns = self.reading.corpus.text
        if len(columns) == 1:
            return text(single(value_of(row, columns[0])), columns[0], place)
        parts = [optional_text(value_of(row, column), column, place) for column in columns]
        return "\n\n".join(filter(str.strip, parts))

    def _query(self, part: QueriesPart, row: Fields, place: Place) -> Query:
        if part.id is not None:
            query_id = self._id(value_of(row, part.id), part.id, place)
        content = query_text(single(value_of(row, part.text)), part.text, place)
        if part.id is None:
            query_id = derived_id(content)
        marks = () if part.tags is None else self._tags(part.table, row, part.tags, place)
        return Query(query_id, content, marks, self._excluded(part, row) if part.exclude else ())

    def _excluded(self, part: QueriesPart, row: Fields) -> tuple[str, ...]:
        """Ids of the documents that a query's list leaves out."""
        cells = map(row.get, part.exclude)
        return tuple(dict.fromkeys(id_ for cell in cells for id_ in ids_in(cell, self._known_documents)))

    def _tags(self, table: Table, row: Fields, column: str, place: Place) -> tuple[str, ...]:
        """A query's tags; in a text cell they are a JSON list, or separated by commas or semicolons."""
        value = value_of(row, column)
        if table.kind in WRITTEN_AS_TEXT and isinstance(value, str):
            in_list = listed(value)
            parts = value.replace(";", ",").split(",")
            value = in_list if in_list is not None else [part.strip() for part in parts if part.strip()]
        return tags(value, place)

    def _judged_query(self, part: QrelsPart, row: Fields, place: Place) -> str:
        value = value_of(row, part.query)
        if part.query_by == "id":
            return self._id(value, part.query, place)
        return _by_text(query_text(single(value), part.query, place), self._query_ids)

    def _judged_document(self, part: QrelsPart, value: object, column: str, place: Place) -> str:
        if part.document_by == "text":
            return _by_text(text(value, column, place), self._document_ids)
        if isinstance(value, str) and value in self._paths:
            return self._paths[value]
        return self._id(value, column, place)

    @cached_property
    def _known_documents(self) -> Container[str]:
        """Ids of the documents, and the paths of files that are documents."""
        return self._paths or frozenset(document.doc_id for document in _readable(self.documents()))

    @cached_property
    def _paths(self) -> dict[str, str]:
        """Ids of documents that are files, by the path as it is and as it is written in an id."""
        table = self.reading.corpus.table
        if table.kind != "texts":
            return {}
        base = self.folder / table.file
        paths = [path.relative_to(base).as_posix() for path in text_files(base)]
        return {name: document_id(path) for path in paths for name in (path, document_id(path))}

    @cached_property
    def _query_ids(self) -> dict[str, str]:
        """Ids of queries that have an id column, by the id derived from their text; otherwise empty."""
        if self.reading.queries is None or self.reading.queries.id is None:
            return {}
        return {derived_id(query.text): query.query_id for query in _readable(self.queries())}

    @cached_property
    def _document_ids(self) -> dict[str, str]:
        """Ids of documents if they have an id column, by the id derived from their text; otherwise empty."""
        if self.reading.corpus.id is None:
            return {}
        return {derived_id(document.text): document.doc_id for document in _readable(self.documents())}


class _Columns:
    """Finds columns that a reading names, but no row has: a name that was mistyped would lose them in silence."""

    def __init__(self, table: Table, names: AbstractSet[str]) -> None:
        self._place = Place(str(table))
        self._left = set(names)
        self._seen: dict[str, None] = {}

    def saw(self, row: Fields) -> None:
        """Look at a row's columns."""
        if self._left:
            self._left.difference_update(row)
            self._seen.update(dict.fromkeys(row))

    def missing(self) -> Iterator[tuple[Place, DatasetError]]:
        """An error for each column that no row had."""
        if self._seen:  # a table without rows has an error of its own
            for name in sorted(self._left):
                columns = ", ".join(list(self._seen)[:LISTED])
                error = self._place.error(f"no row has the column {name!r}", f"choose one of {columns}")
                yield self._place, error


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


def _by_text(content: str, ids: dict[str, str]) -> str:
    """The id of the query or document with this text; if there is none, the derived id, which is then unknown."""
    derived = derived_id(content)
    return ids.get(derived, derived)


def _readable(rows: Iterator[Row[R]]) -> Iterator[R]:
    return (row for _, row in rows if not isinstance(row, DatasetError))
