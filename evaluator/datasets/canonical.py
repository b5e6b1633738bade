"""Canonical Parquet: writes and reads the three parts of a dataset, one bounded row group at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evaluator.datasets.layout import QRELS_SCHEMA, QUERIES_SCHEMA
from evaluator.domain.dataset import Qrels, Query
from evaluator.domain.fingerprint import fingerprint_set, row_digest, text_key

ROW_GROUP_ROWS = 4096
ROW_GROUP_CHARACTERS = 1_000_000
"""A row group ends at whichever limit it reaches first, so that writing and reading need little memory."""

CORPUS_FILE, QUERIES_FILE, QRELS_FILE = "corpus.parquet", "queries.parquet", "qrels.parquet"

EXCLUDED = "\0excluded"
"""Separates a query's tags from the documents that it excludes, in its digest; no tag has this character."""

Values = tuple[Any, ...]
"""One row's values, in the order of its schema."""


def write_rows(path: Path, schema: pa.Schema, rows: Iterable[Values]) -> None:
    """Write rows as Parquet, one row group at a time."""
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for group in row_groups(rows):
            columns = [
                pa.array(values, kind)
                for values, kind in zip(zip(*group, strict=True), schema.types, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def write_qrels(path: Path, qrels: Qrels) -> str:
    """Write judgments as Parquet; returns their fingerprint."""
    rows = [(query_id, doc_id, grade) for query_id, docs in qrels.items() for doc_id, grade in docs.items()]
    write_rows(path, QRELS_SCHEMA, rows)
    return fingerprint_set(row_digest(query_id, doc_id, str(grade)) for query_id, doc_id, grade in rows)


def write_queries(path: Path, queries: Sequence[Query]) -> str:
    """Write queries as Parquet; returns their fingerprint."""
    write_rows(path, QUERIES_SCHEMA, ((*query, text_key(query.text)) for query in queries))
    return fingerprint_set(map(query_digest, queries))


def query_digest(query: Query) -> bytes:
    """The digest of a query; without excluded documents it is the same as in earlier versions."""
    excluded = (EXCLUDED, *sorted(set(query.excluded))) if query.excluded else ()
    return row_digest(query.query_id, query.text, *query.tags, *excluded)


def row_groups(rows: Iterable[Values]) -> Iterator[list[Values]]:
    """Split rows into row groups; none is empty."""
    group: list[Values] = []
    characters = 0
    for row in rows:
        group.append(row)
        characters += sum(len(value) for value in row if isinstance(value, str))
        if len(group) >= ROW_GROUP_ROWS or characters >= ROW_GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def read_row_groups(path: Path, columns: Sequence[str]) -> Iterator[list[Values]]:
    """The rows of some columns, one row group at a time."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, columns=list(columns))
            yield list(zip(*(table[column].to_pylist() for column in columns), strict=True))
