"""Sparse neural encoders (such as SPLADE) that sentence-transformers loads."""

# ruff: noqa: PLC0415  scipy and torch: only workers need them

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.retrieval.encoders.encoded import Terms, check_terms
from evaluator.retrieval.encoders.opening import Runtime, open_model
from evaluator.retrieval.encoders.protocol import Encoder, Role

BATCH_SIZE = 32
"""Texts per forward pass; fixed so that weights are reproducible to the last bit."""


class SparseNeuralEncoder:
    """An encoder over a loaded `SparseEncoder`; it uses the model's own prompts."""

    def __init__(self, model: Any, spec: EncoderSpec) -> None:
        self._model, self._spec = model, spec

    def encode(self, texts: Sequence[str], role: Role) -> Terms:
        """Weights of terms: CSR [n_texts, n_terms] float32; see `Encoder.encode`."""
        from scipy.sparse import csr_array, vstack

        if not texts:
            return csr_array((0, self._model.get_embedding_dimension() or 0), dtype=np.float32)
        encode = self._model.encode_query if role == "query" else self._model.encode_document
        # Row by row, because one dense matrix of a whole shard would have a column for each word of the vocabulary.
        rows = encode(
            list(texts),
            batch_size=BATCH_SIZE,
            convert_to_tensor=False,
            save_to_cpu=True,
            show_progress_bar=False,
        )
        terms = vstack([_row(row) for row in rows], format="csr")
        check_terms(terms, texts, self._spec.name)
        return terms


def _row(weights: Any) -> Any:
    """A row [1, n_terms] of a sparse torch tensor [n_terms]: terms ascending, zeros left out."""
    from scipy.sparse import csr_array

    weights = weights.coalesce()
    values = weights.values().float().numpy()
    terms = weights.indices()[0].numpy().astype(np.int32)
    nonzero = values != 0
    bounds = np.array([0, int(nonzero.sum())])
    return csr_array((values[nonzero], terms[nonzero], bounds), shape=(1, weights.shape[0]))


def load_sparse_encoder(spec: EncoderSpec, store: ArtifactStore, runtime: Runtime) -> Encoder:
    """Load a resolved sparse encoder.

    Raises:
        EncoderNotFoundError, InvalidInputError, EncodingError: see `load_model`.
    """
    return SparseNeuralEncoder(open_model(spec, store, runtime, "SparseEncoder"), spec)
