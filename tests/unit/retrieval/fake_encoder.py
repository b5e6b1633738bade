"""An encoder for tests: vectors from hashes, and a memory of what it was asked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Floats
from evaluator.retrieval.encoders.protocol import Role

DIMENSIONS = 8


class HashEncoder:
    """Encodes a text in a role as the unit vector that its hash seeds."""

    def __init__(self, cannot: str | None = None) -> None:
        self.cannot = cannot
        """A text whose vector it gets wrong."""
        self.batches: list[tuple[Role, tuple[str, ...]]] = []

    @property
    def texts(self) -> list[tuple[Role, str]]:
        """Every text it has encoded, in order."""
        return [(role, text) for role, batch in self.batches for text in batch]

    def encode(self, texts: Sequence[str], role: Role) -> Floats:
        self.batches.append((role, tuple(texts)))
        vectors = np.stack([hash_vector(text, role) for text in texts])
        vectors[[text == self.cannot for text in texts]] = np.nan
        return vectors


def hash_vector(text: str, role: Role) -> Floats:
    """The vector that `HashEncoder` gives a text: [8] float32 of length 1."""
    seed = int.from_bytes(hashlib.blake2b(f"{role} {text}".encode(), digest_size=8).digest())
    vector = np.random.default_rng(seed).standard_normal(DIMENSIONS).astype(np.float32)
    unit: Floats = vector / np.linalg.norm(vector)
    return unit


def hash_spec(**changes: object) -> EncoderSpec:
    """A resolved encoder as the resolver would give it."""
    values: dict[str, object] = {
        "name": "hash", "kind": "transformer", "source": "folder", "weights": "w1", "location": "/nowhere",
    }  # fmt: skip
    return EncoderSpec(**{**values, **changes})  # type: ignore[arg-type]
