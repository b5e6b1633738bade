"""The one writer of canonical Parquet: applies the rules that need several rows, and computes fingerprints.

Rows stream through. What is kept of a document is its id and a digest of 16 bytes, never its text.
The rules are listed in docs/datasets.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from evaluator.datasets.layout import CORPUS_SCHEMA, QRELS_SCHEMA, QUERIES_SCHEMA
from evaluator.datasets.source import Place, Source
from evaluator.domain.dataset import DatasetManifest, Document, ImportNote, Judgment, Qrels, Query
from evaluator.domain.fingerprint import fingerprint_set, row_digest, text_key
from evaluator.errors import DatasetError

ROW_GROUP_ROWS = 4096
ROW_GROUP_CHARACTERS = 1_000_000
"""A row group ends with whichever comes first, so that writing and reading hold little."""

PROGRESS_EVERY = 1000
"""Documents between two reports of progress."""

EXAMPLES = 5
"""Examples that a note keeps."""

CORPUS_FILE, QUERIES_FILE, QRELS_FILE = "corpus.parquet", "queries.parquet", "qrels.parquet"

Row = tuple[Any, ...]
OnProgress = Callable[[int], None]


@dataclass
class _Part:
    """What is known of a part once its rows went by: ids (in the file's order) and digests of the rows."""

    ids: dict[str, None] = field(default_factory=dict)
    digests: list[bytes] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        return fingerprint_set(self.digests)


class _Judged(NamedTuple):
    """The judgments that count, and the ids of those a rule applied to."""

    qrels: dict[str, dict[str, int]]
    repeated: list[str]
    unknown_queries: list[str]


def write_canonical(
    source: Source, folder: Path, *, exclude_self: bool, on_progress: OnProgress | None = None
) -> DatasetManifest:
    """Write a dataset's three parts into a folder, as `CORPUS_FILE`, `QUERIES_FILE` and `QRELS_FILE`.

    Args:
        source: the dataset in its own format.
        folder: where the files are written; it exists.
        exclude_self: whether a document with the query's own id is left out of that query's list.
        on_progress: called with the number of documents read so far, from time to time and at the end.

    Raises:
        DatasetError: the dataset breaks a rule.
    """
    corpus, queries = _Part(), _Part()
    _write_rows(folder / CORPUS_FILE, CORPUS_SCHEMA, _document_rows(source, corpus, on_progress))
    if not corpus.ids:
        raise DatasetError("the dataset has no documents: its corpus file is empty; add at least one")
    _write_rows(folder / QUERIES_FILE, QUERIES_SCHEMA, _query_rows(source, queries))
    if not queries.ids:
        raise DatasetError("the dataset has no queries: its queries file is empty; add at least one")
    judged = _collect_judgments(source, queries.ids)
    rows = [
        Judgment(query, doc, grade) for query, docs in judged.qrels.items() for doc, grade in docs.items()
    ]
    _write_rows(folder / QRELS_FILE, QRELS_SCHEMA, rows)
    return DatasetManifest(
        corpus=corpus.fingerprint,
        queries=queries.fingerprint,
        qrels=fingerprint_set(row_digest(query, doc, str(grade)) for query, doc, grade in rows),
        n_documents=len(corpus.ids),
        n_queries=len(queries.ids),
        n_judgments=len(rows),
        exclude_self=exclude_self,
        notes=(*source.notes(), *_notes(corpus, queries.ids, judged, exclude_self)),
    )


def _document_rows(source: Source, corpus: _Part, on_progress: OnProgress | None) -> Iterator[Row]:
    """Rows of the corpus's schema; `corpus` learns of each."""
    for place, document in source.documents():
        if document.doc_id in corpus.ids:
            raise _repeated_id(place, "document", document.doc_id, source.documents())
        corpus.ids[document.doc_id] = None
        corpus.digests.append(row_digest(*document))
        content = document.content
        if not content:
            corpus.blank.append(document.doc_id)
        yield (*document, text_key(content))
        if on_progress and len(corpus.ids) % PROGRESS_EVERY == 0:
            on_progress(len(corpus.ids))
    if on_progress and len(corpus.ids) % PROGRESS_EVERY:
        on_progress(len(corpus.ids))


def _query_rows(source: Source, queries: _Part) -> Iterator[Row]:
    """Rows of the queries' schema; `queries` learns of each."""
    for place, query in source.queries():
        if query.query_id in queries.ids:
            raise _repeated_id(place, "query", query.query_id, source.queries())
        queries.ids[query.query_id] = None
        queries.digests.append(row_digest(query.query_id, query.text, *query.tags))
        yield (*query, text_key(query.text))


def _repeated_id(
    place: Place, kind: str, row_id: str, rows: Iterable[tuple[Place, Document | Query]]
) -> DatasetError:
    """The error for an id that `rows`, read anew, already has further up."""
    first = next(place for place, row in rows if row[0] == row_id)
    return place.error(
        f"the {kind} id {row_id!r} is already at {first}", "give each its own id, or remove one"
    )


def _collect_judgments(source: Source, query_ids: Collection[str]) -> _Judged:
    """The judgments of known queries, each document once.

    Raises:
        DatasetError: a document has two different grades for one query.
    """
    judged = _Judged({}, [], [])
    for place, (query_id, doc_id, grade) in source.judgments():
        if query_id not in query_ids:
            judged.unknown_queries.append(query_id)
            continue
        grades = judged.qrels.setdefault(query_id, {})
        if doc_id not in grades:
            grades[doc_id] = grade
        elif grades[doc_id] == grade:
            judged.repeated.append(f"{query_id} {doc_id}")
        else:
            first = next(p for p, judgment in source.judgments() if judgment[:2] == (query_id, doc_id))
            raise place.error(
                f"{query_id!r} gives {doc_id!r} the grade {grade}, but {grades[doc_id]} at {first}",
                "keep one of the two",
            )
    return judged


def _notes(
    corpus: _Part, query_ids: Collection[str], judged: _Judged, exclude_self: bool
) -> Iterator[ImportNote]:
    """What the import met and dealt with, in the words of its rules."""
    qrels = judged.qrels
    if not qrels:
        yield ImportNote("no-judgments", len(query_ids), "no query has a judgment: nothing can be scored")
    self_rule = "left out of" if exclude_self else "kept in"
    met = {
        "empty-documents": (corpus.blank, "documents without any text are kept"),
        "unjudged-queries": (
            [query_id for query_id in query_ids if query_id not in qrels] if qrels else [],
            "queries without a judgment are kept but not scored",
        ),
        "no-relevant-document": (
            [query_id for query_id, grades in qrels.items() if max(grades.values()) < 1],
            "queries whose judgments name no relevant document (grade 1 or more) are kept but not scored",
        ),
        "unknown-documents": (
            _unknown_documents(qrels, corpus.ids),
            "judgments of documents that the corpus lacks are kept: they cap the recall, as in trec_eval",
        ),
        "unknown-queries": (judged.unknown_queries, "judgments of queries that are not there are left out"),
        "repeated-judgments": (judged.repeated, "judgments given again with the same grade count once"),
        "self-ids": (
            [query_id for query_id in query_ids if query_id in corpus.ids],
            f"ids are both a query's and a document's: such a document is {self_rule} that query's list",
        ),
    }
    for code, (examples, message) in met.items():
        if examples:
            distinct = tuple(dict.fromkeys(examples))[:EXAMPLES]
            yield ImportNote(code, len(examples), message, distinct)


def _unknown_documents(qrels: Qrels, doc_ids: Collection[str]) -> list[str]:
    """Documents, one for each judgment, that the corpus does not have."""
    return [doc_id for grades in qrels.values() for doc_id in grades if doc_id not in doc_ids]


def _write_rows(path: Path, schema: pa.Schema, rows: Iterable[Row]) -> None:
    """Write rows as Parquet, one row group at a time."""
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for group in row_groups(rows):
            columns = [
                pa.array(values, kind)
                for values, kind in zip(zip(*group, strict=True), schema.types, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def row_groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Cut rows into row groups, none of which is empty."""
    group: list[Row] = []
    characters = 0
    for row in rows:
        group.append(row)
        characters += sum(len(value) for value in row if isinstance(value, str))
        if len(group) >= ROW_GROUP_ROWS or characters >= ROW_GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group
