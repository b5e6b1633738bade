"""A variant's pipeline: the indexes it needs, and the ranked lists it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from evaluator.artifacts import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.ranking import Ranking
from evaluator.domain.variant import BM25, Dense, Fuse, Retrieve
from evaluator.retrieval.bm25 import BM25Index, bm25_name, build_bm25
from evaluator.retrieval.dense import DenseIndex
from evaluator.retrieval.encoders.protocol import Role
from evaluator.retrieval.fusion import reciprocal_rank
from evaluator.retrieval.vectors import build_matrix, matrix_name

ROLES: tuple[Role, ...] = ("document", "query")


class Retriever(Protocol):
    """Gives ranked lists for queries of its dataset."""

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        """Ranked lists of the queries at these rows of the dataset, each at most `depth` long.

        A query's list does not depend on the other queries of the call.
        """
        ...


class FusedRetriever:
    """Fuses the lists of several retrievers."""

    def __init__(self, parts: Sequence[Retriever], fuse: Fuse) -> None:
        self._parts = parts
        self._fuse = fuse

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        """Fused lists; each part contributes its first `fuse.depth` documents."""
        lists = [part.search(queries, self._fuse.depth) for part in self._parts]
        return [reciprocal_rank(rankings, self._fuse.k, depth) for rankings in zip(*lists, strict=True)]


class WithoutSelf:
    """Leaves each query's own document out of its list, before lists are fused."""

    def __init__(self, retriever: Retriever, query_ids: Sequence[str]) -> None:
        self._retriever = retriever
        self._query_ids = query_ids

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        """Lists without the document that has the query's own id."""
        rankings = self._retriever.search(queries, depth + 1)
        return [
            ranking.without(self._query_ids[row]).top(depth)
            for row, ranking in zip(queries, rankings, strict=True)
        ]


def index_names(stage: BM25 | Dense, spec: ExperimentSpec, dataset: StoredDataset) -> tuple[str, ...]:
    """The artifacts that a retriever reads."""
    if isinstance(stage, BM25):
        return (bm25_name(stage, dataset),)
    return tuple(matrix_name(spec.encoder(stage), role, dataset) for role in ROLES)


def build_index(
    stage: BM25 | Dense, spec: ExperimentSpec, dataset: StoredDataset, store: ArtifactStore
) -> None:
    """Write the artifacts that a retriever reads, if they are not there.

    Raises:
        ArtifactMissingError: vectors are missing.
    """
    if isinstance(stage, BM25):
        build_bm25(stage, dataset, store)
    else:
        for role in ROLES:
            build_matrix(spec.encoder(stage), role, dataset, store)


def open_retriever(
    retrieve: Retrieve,
    spec: ExperimentSpec,
    dataset: StoredDataset,
    store: ArtifactStore,
    keep: Callable[[str, Callable[[], Retriever]], Retriever] = lambda _key, make: make(),
) -> Retriever:
    """Open a variant's pipeline over the indexes in the store.

    Args:
        keep: returns the retriever kept under a key, or makes it; a worker passes its cache.

    Raises:
        ArtifactMissingError: an index is missing.
    """
    stage = retrieve.stage
    if isinstance(stage, Fuse):
        parts = [
            open_retriever(part, spec, dataset, store, keep)
            for part in stage.of
            if isinstance(part, Retrieve)
        ]
        return FusedRetriever(parts, stage)
    names = index_names(stage, spec, dataset)

    def make() -> Retriever:
        paths = [store.local_path(name) for name in names]
        if isinstance(stage, BM25):
            return BM25Index(paths[0], stage, dataset.doc_ids, [query.text for query in dataset.queries])
        documents, queries = (np.load(path, mmap_mode="r", allow_pickle=False) for path in paths)
        return DenseIndex(documents, queries, dataset.doc_ids)

    retriever = keep("|".join((*names, dataset.manifest.queries)), make)
    if spec.exclude_self:
        return WithoutSelf(retriever, [query.query_id for query in dataset.queries])
    return retriever
