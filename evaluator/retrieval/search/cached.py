"""How many texts of a dataset are encoded already; only reads, and plans nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from evaluator.artifacts.store import ArtifactStore
from evaluator.errors import ArtifactMissingError
from evaluator.retrieval.search.indexes import Encoding
from evaluator.retrieval.vectors.encoding import Shard, encoded_shards, read_plans


@dataclass(frozen=True)
class Cached:
    """Distinct texts, and how many of them are encoded; `known` is False where passages are not cut yet."""

    texts: int
    encoded: int
    known: bool = True

    @property
    def missing(self) -> int:
        """Texts to encode."""
        return self.texts - self.encoded


def cached_texts(encoding: Encoding, store: ArtifactStore) -> Cached:
    """Count a stage's texts, and those that are encoded."""
    encoder, texts = encoding.encoder, encoding.texts
    try:
        needed = pc.unique(texts.keys())
    except ArtifactMissingError:
        return Cached(0, 0, known=False)
    if store.exists(encoding.artifact):
        return Cached(len(needed), len(needed))
    encoded = 0
    for name, (keys, shard_numbers) in read_plans(encoder, texts.role, store).items():
        shards = [Shard(name, number) for number in np.unique(shard_numbers).tolist()]
        encoded_numbers = {shard.number for shard in encoded_shards(encoder, texts.role, shards, store)}
        of_texts = pc.is_in(keys, value_set=needed).to_numpy(zero_copy_only=False)
        encoded += int(np.count_nonzero(of_texts & np.isin(shard_numbers, list(encoded_numbers))))
    return Cached(len(needed), encoded)
