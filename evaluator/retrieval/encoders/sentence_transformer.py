"""Dense encoders that sentence-transformers loads: transformers and static embeddings."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Floats
from evaluator.retrieval.encoders.opening import Runtime, distilled_name, offline, open_model
from evaluator.retrieval.encoders.protocol import Encoder, Role, check_vectors
from evaluator.retrieval.encoders.resolve import local_folder

BATCH_SIZE = 32
"""Texts per forward pass; fixed so that vectors are reproducible to the last bit."""


class SentenceTransformerEncoder:
    """An encoder over a loaded `SentenceTransformer`."""

    def __init__(self, model: Any, spec: EncoderSpec) -> None:
        self._model = model
        self._spec = spec

    def encode(self, texts: Sequence[str], role: Role) -> Floats:
        """Encode texts; see `Encoder.encode`. The spec's prompt is used, even an empty one, not the model's."""
        if not texts:
            return np.empty((0, self._model.get_embedding_dimension() or 0), dtype=np.float32)
        query = role == "query"
        encode = self._model.encode_query if query else self._model.encode_document
        vectors = encode(
            list(texts),
            prompt=self._spec.query_prompt if query else self._spec.document_prompt,
            batch_size=BATCH_SIZE,
            convert_to_tensor=True,
            show_progress_bar=False,
        )
        encoded: Floats = vectors.float().cpu().numpy()
        check_vectors(encoded, texts, self._spec.name)
        return encoded


def load_encoder(spec: EncoderSpec, store: ArtifactStore, runtime: Runtime) -> Encoder:
    """Load a resolved dense encoder.

    Raises:
        EncoderNotFoundError, InvalidInputError, EncodingError: see `load_model`.
    """
    return SentenceTransformerEncoder(open_model(spec, store, runtime, "SentenceTransformer"), spec)


def distill(spec: EncoderSpec, store: ArtifactStore) -> None:
    """Distil a static encoder from its teacher and store it, unless it is already stored.

    Source: model2vec (Tulkens and van Dongen, 2024): token vectors of the teacher, reduced by PCA and weighted by
    frequency.
    """
    if store.is_whole(distilled_name(spec)):
        return
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415  seconds to import; only workers need it
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding  # noqa: PLC0415

    with offline():
        teacher = str(local_folder(spec.location))
        static = StaticEmbedding.from_distillation(teacher, device="cpu", pca_dims=spec.dimensions)

    def write(path: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="evaluator-model-") as folder:
            SentenceTransformer(modules=[static], device="cpu").save(folder, create_model_card=False)
            with tarfile.open(path, "w") as archive:
                archive.add(folder, arcname=".")

    store.put(distilled_name(spec), write)
