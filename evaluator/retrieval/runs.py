"""Ranked lists that came with a dataset: a retriever that looks them up.

runs/<id>.parquet    query_id, doc_id, score; each query's in the order of the ranking policy
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evaluator.artifacts import ArtifactStore
from evaluator.domain.fingerprint import fingerprint_set, row_digest
from evaluator.domain.ranking import EMPTY, Ranking
from evaluator.domain.variant import Run

SCHEMA = pa.schema(
    [pa.field("query_id", pa.string()), pa.field("doc_id", pa.string()), pa.field("score", pa.float32())]
)


def run_name(run: Run) -> str:
    """The artifact of a run."""
    if run.id is None:
        raise ValueError(f"the run {run.name!r} is not resolved")
    return f"runs/{run.id}.parquet"


def store_run(rankings: Mapping[str, Ranking], store: ArtifactStore) -> str:
    """Store ranked lists by query id; returns the fingerprint under which they are kept."""
    rows = [
        (query_id, doc_id, score)
        for query_id, ranking in rankings.items()
        for doc_id, score in zip(ranking.doc_ids, ranking.scores, strict=True)
    ]
    id_ = fingerprint_set(row_digest(query_id, doc_id, repr(score)) for query_id, doc_id, score in rows)

    def write(path: Path) -> None:
        columns = zip(*rows, strict=True) if rows else ((), (), ())
        arrays = [pa.array(values, kind) for values, kind in zip(columns, SCHEMA.types, strict=True)]
        pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), path)

    store.put(run_name(Run("run", id_)), write)
    return id_


class StoredRun:
    """A run's lists, for the queries of its dataset.

    Raises:
        ArtifactMissingError: it is not in the store.
    """

    def __init__(self, path: Path) -> None:
        lists: dict[str, tuple[list[str], list[float]]] = {}
        for batch in pq.ParquetFile(path).iter_batches():
            for query_id, doc_id, score in zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            ):
                doc_ids, scores = lists.setdefault(query_id, ([], []))
                doc_ids.append(doc_id)
                scores.append(score)
        self._lists = {
            query_id: Ranking(tuple(docs), tuple(scores)) for query_id, (docs, scores) in lists.items()
        }

    def search(self, query_ids: Sequence[str], depth: int) -> list[Ranking]:
        """The lists of these queries; empty for one that the run lacks."""
        return [self._lists.get(query_id, EMPTY).top(depth) for query_id in query_ids]
