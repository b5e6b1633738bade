"""What encoding took, from the records beside the vectors; so it is known for cached vectors, too."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.errors import ArtifactMissingError
from evaluator.retrieval.encoders.protocol import Role
from evaluator.retrieval.texts.encoder_texts import TextSet
from evaluator.retrieval.vectors.encoding import Shard, encoded_shards, read_plans, shard_sizes, vector_folder

SAMPLE = 40
"""Shards whose records tell an encoder's speed."""


@dataclass(frozen=True)
class EncodingCost:
    """Seconds of one worker, tokens (`estimated` unless the model counted them), and the texts they were for."""

    seconds: float = 0.0
    tokens: int = 0
    texts: int = 0
    estimated: bool = False

    def __add__(self, other: EncodingCost) -> EncodingCost:
        return EncodingCost(
            self.seconds + other.seconds,
            self.tokens + other.tokens,
            self.texts + other.texts,
            self.estimated or other.estimated,
        )


def cost_of_texts(spec: EncoderSpec, texts: TextSet, store: ArtifactStore) -> EncodingCost:
    """What encoding took for the shards with these texts (a shard may hold a few others of an edited dataset).

    Raises:
        ArtifactMissingError: passages are not cut yet.
    """
    sizes = shard_sizes(spec, texts, store)
    return _sum(spec, texts.role, sizes.items(), store)


def recent_cost(spec: EncoderSpec, role: Role, store: ArtifactStore) -> EncodingCost:
    """What encoding some shards of any dataset took, for an encoder's speed here; zero if nothing was encoded."""
    shards: list[tuple[Shard, int]] = []
    for name, (_, numbers) in read_plans(spec, role, store).items():
        planned = {Shard(name, int(number)): int((numbers == number).sum()) for number in range(SAMPLE)}
        encoded = encoded_shards(spec, role, planned, store)
        shards += [(shard, planned[shard]) for shard in sorted(encoded)]
        if len(shards) >= SAMPLE:
            break
    return _sum(spec, role, shards[:SAMPLE], store)


def _sum(
    spec: EncoderSpec, role: Role, shards: Iterable[tuple[Shard, int]], store: ArtifactStore
) -> EncodingCost:
    total = EncodingCost()
    for shard, texts in shards:
        with suppress(ArtifactMissingError):
            record = store.read_json(f"{vector_folder(spec, role)}/{shard.cost_file}")
            total += EncodingCost(record["seconds"], record["tokens"], texts, record["estimated"])
    return total
