"""Late-interaction encoders (such as ColBERT) that sentence-transformers loads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.retrieval.encoders.encoded import Tokens, check_tokens
from evaluator.retrieval.encoders.opening import Runtime, open_model
from evaluator.retrieval.encoders.protocol import Encoder, Role

BATCH_SIZE = 32
"""Texts per forward pass; fixed so that vectors are reproducible to the last bit."""


class LateInteractionEncoder:
    """An encoder over a loaded `MultiVectorEncoder`; it uses the model's own prompts and masks."""

    def __init__(self, model: Any, spec: EncoderSpec) -> None:
        self._model, self._spec = model, spec

    def encode(self, texts: Sequence[str], role: Role) -> Tokens:
        """Vectors of tokens: n_texts arrays [n_tokens, dim] float32; see `Encoder.encode`."""
        encode = self._model.encode_query if role == "query" else self._model.encode_document
        matrices = encode(list(texts), batch_size=BATCH_SIZE, convert_to_numpy=True, show_progress_bar=False)
        tokens = [np.asarray(vectors, dtype=np.float32) for vectors in matrices]
        check_tokens(tokens, texts, self._spec.name)
        return tokens


def load_late_encoder(spec: EncoderSpec, store: ArtifactStore, runtime: Runtime) -> Encoder:
    """Load a resolved late-interaction encoder.

    Raises:
        EncoderNotFoundError, InvalidInputError, EncodingError: see `load_model`.
    """
    return LateInteractionEncoder(open_model(spec, store, runtime, "MultiVectorEncoder"), spec)
