"""Ranked lists that came with a dataset, to compare with: ordered by the ranking policy, stored as Parquet.

runs/<id>.parquet    query_id, doc_id, score; query after query, each list in order
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evaluator.datasets.defects import Defects
from evaluator.datasets.findings import Tally
from evaluator.datasets.source import Row
from evaluator.domain.dataset import RunLine
from evaluator.domain.fingerprint import fingerprint_set, row_digest
from evaluator.domain.ranking import Ranking, rank
from evaluator.errors import DatasetError

SCHEMA = pa.schema(
    [
        pa.field("query_id", pa.string(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
    ]
)
MAX_DEPTH = 1000
"""Maximum documents kept of one list, as in TREC."""


def run_artifact(id_: str) -> str:
    """The artifact of a run."""
    return f"runs/{id_}.parquet"


def rankings(
    lines: Iterable[Row[RunLine]], queries: Collection[str], defects: Defects, unknown: Tally
) -> dict[str, Ranking]:
    """The ranked lists of known queries. If a document is listed twice, its first score counts.

    Args:
        unknown: counts the lines of unknown queries, which are left out.
    """
    scores: dict[str, dict[str, float]] = {}
    for place, line in lines:
        if isinstance(line, DatasetError):
            defects.unreadable(place, line)
        elif line.query_id not in queries:
            unknown.add(line.query_id)
        else:
            scores.setdefault(line.query_id, {}).setdefault(line.doc_id, line.score)
    return {
        query_id: rank(list(documents), list(documents.values()), MAX_DEPTH)
        for query_id, documents in scores.items()
    }


def read_run(path: Path) -> Iterator[tuple[str, str, float]]:
    """The lines of a stored run: query id, document id, score; each query's in order."""
    for batch in pq.ParquetFile(path).iter_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def write_run(path: Path, lists: Mapping[str, Ranking]) -> str:
    """Write ranked lists; returns their fingerprint."""
    rows = [
        (query_id, doc_id, score)
        for query_id, ranking in lists.items()
        for doc_id, score in zip(ranking.doc_ids, ranking.scores, strict=True)
    ]
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    arrays = [pa.array(values, kind) for values, kind in zip(columns, SCHEMA.types, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), path, compression="zstd")
    return fingerprint_set(row_digest(query_id, doc_id, repr(score)) for query_id, doc_id, score in rows)
