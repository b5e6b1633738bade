"""Late interaction: a vector for each token; a document's score sums each query token's best match (MaxSim)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluator.artifacts import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Floats, Ranking
from evaluator.retrieval.grouping import Grouping
from evaluator.retrieval.texts import TextSet


def late_name(spec: EncoderSpec, texts: TextSet) -> str:
    """The artifact of the texts' token vectors."""
    return f"indexes/{texts.part}/{spec.fingerprint}-{texts.role}-late.npz"


def build_late(spec: EncoderSpec, texts: TextSet, store: ArtifactStore) -> None:
    """Gather the texts' token vectors from their shards."""
    raise NotImplementedError


class LateIndex:
    """Token vectors of documents, or of passages if `grouping` is given."""

    def __init__(self, path: Path, doc_ids: Sequence[str], grouping: Grouping | None = None) -> None:
        raise NotImplementedError

    def search(self, queries: Sequence[Floats], depth: int) -> list[Ranking]:
        """Ranked lists of queries: n_queries arrays [n_tokens, dim] float32."""
        raise NotImplementedError
