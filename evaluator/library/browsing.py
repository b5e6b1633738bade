"""Browses a stored dataset: pages of its documents, queries and judgments, with or without a search.

Parquet is streamed, and only the necessary row groups and columns are read. In a corpus of 1,000,000 documents a page
takes milliseconds; a search stops when its page is full, and takes one to two seconds if it must read everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluator.datasets.layout import corpus_artifact, qrels_artifact, queries_artifact
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Document, Judgment, Query
from evaluator.errors import UnknownNameError

T = TypeVar("T")

DOCUMENT, QUERY, JUDGMENT = ("doc_id", "title", "text"), ("query_id", "text", "tags"), Judgment._fields


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list.

    Attributes:
        rows: the rows of this page, in the list's order.
        more: whether further rows follow.
        total: rows of the whole list; None if a search stopped before its end.
    """

    rows: tuple[T, ...]
    more: bool
    total: int | None


class ListedQuery(NamedTuple):
    """A query, with the number of documents judged for it, and the number of relevant ones among them."""

    query: Query
    judged: int
    relevant: int


class JudgedDocument(NamedTuple):
    """A grade and its document; `document` is None if the corpus lacks it."""

    doc_id: str
    grade: int
    document: Document | None


class JudgedQuery(NamedTuple):
    """A query with its judgments, the best grades first."""

    query: Query
    judged: tuple[JudgedDocument, ...]


def documents(dataset: StoredDataset, search: str = "", offset: int = 0, limit: int = 20) -> Page[Document]:
    """Documents in the corpus's order.

    Args:
        search: only documents with this in id, title or text, ignoring case; empty: all documents.
        offset: number of documents to skip.
        limit: maximum number of documents.
    """
    return _page(
        dataset, corpus_artifact(dataset.manifest), DOCUMENT, DOCUMENT, Document, search, offset, limit
    )


def queries(dataset: StoredDataset, search: str = "", offset: int = 0, limit: int = 20) -> Page[ListedQuery]:
    """Queries in their file's order; arguments as for `documents`, searched in id and text."""
    page = _page(dataset, queries_artifact(dataset.manifest), QUERY, QUERY[:2], _query, search, offset, limit)
    grades = _grades(dataset, [query.query_id for query in page.rows])
    listed = [
        ListedQuery(query, len(judged), sum(grade >= 1 for grade in judged.values()))
        for query in page.rows
        for judged in [grades.get(query.query_id, {})]
    ]
    return Page(tuple(listed), page.more, page.total)


def judgments(dataset: StoredDataset, search: str = "", offset: int = 0, limit: int = 20) -> Page[Judgment]:
    """Judgments in their file's order; arguments as for `documents`, searched in both ids."""
    artifact = qrels_artifact(dataset.manifest)
    return _page(dataset, artifact, JUDGMENT, JUDGMENT[:2], Judgment, search, offset, limit)


def document(dataset: StoredDataset, doc_id: str) -> Document:
    """One document.

    Raises:
        UnknownNameError: the corpus has no document with that id.
    """
    documents = documents_of(dataset, [doc_id])
    if doc_id not in documents:
        raise UnknownNameError(f"the corpus has no document with the id {doc_id!r}; try part of the id")
    return documents[doc_id]


def documents_of(dataset: StoredDataset, doc_ids: Collection[str]) -> dict[str, Document]:
    """The documents of these ids, by id; ids that the corpus lacks are absent."""
    rows = _lookup(dataset, corpus_artifact(dataset.manifest), DOCUMENT, doc_ids)
    return {row[0]: Document(*row) for row in rows}


def known_documents(dataset: StoredDataset, doc_ids: Collection[str]) -> set[str]:
    """The ids, among `doc_ids`, that the corpus has."""
    return {row[0] for row in _lookup(dataset, corpus_artifact(dataset.manifest), DOCUMENT[:1], doc_ids)}


def judged_query(dataset: StoredDataset, query_id: str) -> JudgedQuery:
    """A query with its judgments and the judged documents.

    Raises:
        UnknownNameError: there is no query with that id.
    """
    rows = list(_lookup(dataset, queries_artifact(dataset.manifest), QUERY, [query_id]))
    if not rows:
        raise UnknownNameError(f"there is no query with the id {query_id!r}; try part of the id")
    grades = _grades(dataset, [query_id]).get(query_id, {})
    known = documents_of(dataset, grades)
    judged = [JudgedDocument(doc_id, grade, known.get(doc_id)) for doc_id, grade in grades.items()]
    return JudgedQuery(_query(*rows[0]), tuple(sorted(judged, key=lambda row: -row.grade)))


def _query(query_id: str, text: str, tags: list[str] | None) -> Query:
    return Query(query_id, text, tuple(tags or ()))


def _grades(dataset: StoredDataset, query_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """Grades of some queries, by query id, then document id."""
    grades: dict[str, dict[str, int]] = {}
    for query_id, doc_id, grade in _lookup(dataset, qrels_artifact(dataset.manifest), JUDGMENT, query_ids):
        grades.setdefault(query_id, {})[doc_id] = grade
    return grades


def _page(
    dataset: StoredDataset,
    artifact: str,
    columns: Sequence[str],
    searched: Sequence[str],
    make: Callable[..., T],
    search: str,
    offset: int,
    limit: int,
) -> Page[T]:
    with pq.ParquetFile(dataset.store.local_path(artifact)) as file:
        if search:
            return _search(file, columns, searched, make, search, offset, limit)
        total = file.metadata.num_rows
        rows = _slice(file, columns, offset, limit)
        return Page(tuple(make(*row) for row in rows), offset + limit < total, total)


def _slice(file: pq.ParquetFile, columns: Sequence[str], offset: int, limit: int) -> list[tuple[Any, ...]]:
    """Rows from `offset` on; only the row groups that hold them are read."""
    rows: list[tuple[Any, ...]] = []
    first = 0
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        if first + size > offset and len(rows) < limit:
            start = max(offset - first, 0)
            part = file.read_row_group(group, columns=list(columns)).slice(start, limit - len(rows))
            rows += _tuples(part, columns)
        first += size
    return rows


def _search(
    file: pq.ParquetFile,
    columns: Sequence[str],
    searched: Sequence[str],
    make: Callable[..., T],
    search: str,
    offset: int,
    limit: int,
) -> Page[T]:
    """The page of rows that contain the text; reading ends with the first matching row after the page."""
    rows: list[tuple[Any, ...]] = []
    n_hits = 0
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, columns=list(columns))
        hits = table.filter(_holds(table, searched, search))
        skipped = min(max(offset - n_hits, 0), hits.num_rows)
        n_hits += hits.num_rows
        rows += _tuples(hits.slice(skipped, limit + 1 - len(rows)), columns)
        if len(rows) > limit:
            return Page(tuple(make(*row) for row in rows[:limit]), True, None)
    return Page(tuple(make(*row) for row in rows), False, n_hits)


def _holds(table: pa.Table, columns: Sequence[str], search: str) -> pa.ChunkedArray:
    """Whether any of these columns contains the text: [n_rows] bool."""
    mask = pc.match_substring(table[columns[0]], search, ignore_case=True)
    for column in columns[1:]:
        mask = pc.or_(mask, pc.match_substring(table[column], search, ignore_case=True))
    return mask


def _lookup(
    dataset: StoredDataset, artifact: str, columns: Sequence[str], ids: Collection[str]
) -> Iterator[tuple[Any, ...]]:
    """Rows whose first column is one of these ids; the other columns are read only of row groups with such a row."""
    wanted = pa.array(list(ids), pa.string())
    if not len(wanted):
        return
    with pq.ParquetFile(dataset.store.local_path(artifact)) as file:
        for group in range(file.num_row_groups):
            hit = pc.is_in(file.read_row_group(group, columns=[columns[0]])[columns[0]], value_set=wanted)
            if pc.any(hit).as_py():
                yield from _tuples(file.read_row_group(group, columns=list(columns)).filter(hit), columns)


def _tuples(table: pa.Table, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(table[column].to_pylist() for column in columns), strict=True))
