"""Learned sparse retrieval: term weights of documents and queries, scored by inner product."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluator.artifacts import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Ranking
from evaluator.retrieval.grouping import Grouping
from evaluator.retrieval.texts import TextSet


def sparse_name(spec: EncoderSpec, texts: TextSet) -> str:
    """The artifact of the texts' term weights."""
    return f"indexes/{texts.part}/{spec.fingerprint}-{texts.role}-sparse.npz"


def build_sparse(spec: EncoderSpec, texts: TextSet, store: ArtifactStore) -> None:
    """Gather the texts' term weights from their shards."""
    raise NotImplementedError


class SparseIndex:
    """Term weights of documents, or of passages if `grouping` is given."""

    def __init__(self, path: Path, doc_ids: Sequence[str], grouping: Grouping | None = None) -> None:
        raise NotImplementedError

    def search(self, queries: Any, depth: int) -> list[Ranking]:
        """Ranked lists of queries: a sparse matrix [n_queries, n_terms] float32."""
        raise NotImplementedError
