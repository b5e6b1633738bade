"""Load a resolved model, whatever its kind. What a kind needs is imported when the first of it is loaded."""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import Any

from evaluator.artifacts import ArtifactStore
from evaluator.domain.experiment import EncoderSpec


def load_model(spec: EncoderSpec, store: ArtifactStore) -> Any:
    """An `Encoder`, or for the kind `cross` a `PairScorer`.

    Raises:
        EncoderNotFoundError: it cannot be loaded; trying again does not help.
        EncodingError: the hub does not answer.
    """
    from evaluator.retrieval.encoders.sentence_transformer import load_encoder

    return load_encoder(spec, store)
