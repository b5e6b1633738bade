"""Encoders that sentence-transformers loads: transformers and static embeddings."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.artifacts import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Floats
from evaluator.errors import EncoderNotFoundError, EncodingError
from evaluator.retrieval.encoders.protocol import Encoder, Role, check_vectors
from evaluator.retrieval.encoders.resolve import local_folder

BATCH_SIZE = 32
"""Texts of one forward pass; part of what makes vectors reproducible to the last bit."""


class SentenceTransformerEncoder:
    """An encoder over a loaded `SentenceTransformer`."""

    def __init__(self, model: Any, spec: EncoderSpec) -> None:
        self._model = model
        self._spec = spec

    def encode(self, texts: Sequence[str], role: Role) -> Floats:
        """Encode texts; see `Encoder.encode`."""
        if not texts:
            return np.empty((0, self._model.get_embedding_dimension() or 0), dtype=np.float32)
        query = role == "query"
        encode = self._model.encode_query if query else self._model.encode_document
        vectors = encode(
            list(texts),
            prompt=(self._spec.query_prompt if query else self._spec.document_prompt) or None,
            batch_size=BATCH_SIZE,
            convert_to_tensor=True,
            show_progress_bar=False,
        )
        encoded: Floats = vectors.float().cpu().numpy()
        check_vectors(encoded, texts, self._spec.name)
        return encoded


def load_encoder(spec: EncoderSpec, store: ArtifactStore) -> Encoder:
    """Load a resolved encoder.

    Raises:
        EncoderNotFoundError: its model cannot be loaded; trying again does not help.
    """
    import torch  # noqa: PLC0415  seconds to import; only workers need it
    from httpx import HTTPError  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    try:
        if spec.source == "hub":
            name, _, revision = spec.location.partition("@")
            model = SentenceTransformer(name, revision=revision, trust_remote_code=False)
        else:
            with saved_model(spec, store) as folder, offline():
                model = SentenceTransformer(str(folder), local_files_only=True, trust_remote_code=False)
    except (ConnectionError, TimeoutError, HTTPError) as error:  # the hub: it may answer next time
        raise EncodingError(f"the hub does not give the encoder {spec.name!r}: {error}") from error
    except Exception as error:  # whatever a broken model raises, loading it again does not help
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise EncoderNotFoundError(f"the encoder {spec.name!r} cannot be loaded: {reason[0]}") from error
    if spec.precision != "float32":
        model = model.to(getattr(torch, spec.precision))
    return SentenceTransformerEncoder(model.eval(), spec)


@contextmanager
def saved_model(spec: EncoderSpec, store: ArtifactStore) -> Iterator[Path]:
    """The folder of a model that is on this machine or in the store."""
    if spec.source != "distilled":
        yield local_folder(spec.location)
        return
    with tempfile.TemporaryDirectory(prefix="evaluator-model-") as folder:
        with tarfile.open(store.local_path(distilled_name(spec))) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


@contextmanager
def offline() -> Iterator[None]:
    """Meanwhile no hub is asked: everything needed is on this machine.

    The hub's switch is one for the process, read from the environment only once; it is put back, because the next
    encoder of a warm worker may come from the hub.
    """
    from huggingface_hub import constants  # noqa: PLC0415  loaded with the model

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def distilled_name(spec: EncoderSpec) -> str:
    """The artifact of a distilled encoder."""
    return f"encoders/{spec.weights}.tar"


def distill(spec: EncoderSpec, store: ArtifactStore) -> None:
    """Distil a static encoder from its teacher and store it; nothing happens if that was done before.

    Source: model2vec (Tulkens and van Dongen, 2024): token vectors of the teacher, reduced by PCA and weighted by
    frequency.
    """
    if store.exists(distilled_name(spec)):
        return
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
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
