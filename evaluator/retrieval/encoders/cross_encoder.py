"""Cross-encoders that sentence-transformers loads: models that read a query and a document together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Floats
from evaluator.errors import EncoderNotFoundError, EncodingError
from evaluator.retrieval.encoders.opening import Runtime, open_model
from evaluator.retrieval.encoders.protocol import PairScorer

BATCH_SIZE = 32
"""Pairs per forward pass; fixed so that scores are reproducible to the last bit."""


class CrossEncoderScorer:
    """A scorer over a loaded `CrossEncoder`.

    Scores are the model's logits: a sigmoid would keep their order, but make the highest ones equal.

    Batches are cut from one query's distinct documents, sorted by length and then by text. So equal texts score
    equally, and a query's scores depend on the set of its candidates alone: not on their order, on other
    queries, or on the worker. Adding or removing candidates can change the others' scores only by
    rounding, in the last bits, because texts are padded to the longest of their batch.
    """

    def __init__(self, model: Any, spec: EncoderSpec) -> None:
        self._model, self._spec = model, spec

    def score(self, query: str, documents: Sequence[str]) -> Floats:
        """Score documents for a query; see `PairScorer.score`."""
        from torch.nn import Identity  # noqa: PLC0415  loaded with the model

        distinct = sorted(set(documents), key=lambda text: (len(text), text))
        if not distinct:
            return np.empty(0, dtype=np.float32)
        predictions = self._model.predict(
            [(query, text) for text in distinct],
            batch_size=BATCH_SIZE,
            activation_fn=Identity(),
            show_progress_bar=False,
        )
        scores: Floats = np.asarray(predictions, dtype=np.float32)
        self._check(scores, distinct)
        by_text = dict(zip(distinct, scores, strict=True))
        return np.array([by_text[text] for text in documents], dtype=np.float32)

    def _check(self, scores: Floats, documents: Sequence[str]) -> None:
        if scores.shape != (len(documents),):
            raise EncodingError(f"{self._spec.name} gave {scores.shape} for {len(documents)} documents")
        broken = ~np.isfinite(scores)
        if broken.any():
            text = documents[int(np.argmax(broken))]
            raise EncodingError(f"{self._spec.name} gave a score that is not finite for {text[:80]!r}")


def load_cross_encoder(spec: EncoderSpec, store: ArtifactStore, runtime: Runtime) -> PairScorer:
    """Load a resolved cross-encoder.

    Raises:
        EncoderNotFoundError: it returns several scores per pair, such as class scores; or see `load_model`.
        InvalidInputError, EncodingError: see `load_model`.
    """
    model = open_model(spec, store, runtime, "CrossEncoder")
    if model.num_labels != 1:
        raise EncoderNotFoundError(
            f"the cross-encoder {spec.name!r} gives {model.num_labels} scores a pair, and a reranker needs one; "
            "choose a model that is made for ranking"
        )
    return CrossEncoderScorer(model, spec)
