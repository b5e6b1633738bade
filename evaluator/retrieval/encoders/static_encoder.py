"""Static encoders without PyTorch: a text's vector is the mean of its tokens' vectors, which NumPy computes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Floats
from evaluator.errors import EncoderNotFoundError
from evaluator.retrieval.encoders.protocol import Role, check_vectors
from evaluator.retrieval.encoders.saved_model import static_module

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WEIGHTS = "embedding.weight"
"""The name of the token vectors in a saved `StaticEmbedding`."""


class StaticEncoder:
    """Means of token vectors, equal to the last bit to those of sentence-transformers' `StaticEmbedding`.

    Args:
        vectors: token vectors [n_tokens, dim] float32.
        tokenizer: a tokenizer of the tokenizers library; it cuts texts at the spec's limit.
    """

    def __init__(self, vectors: Floats, tokenizer: Tokenizer, spec: EncoderSpec) -> None:
        self._vectors = vectors
        self._tokenizer = tokenizer
        self._spec = spec

    def encode(self, texts: Sequence[str], role: Role) -> Floats:
        """Encode texts; see `Encoder.encode`. A text without tokens gets the zero vector."""
        prompt = self._spec.query_prompt if role == "query" else self._spec.document_prompt
        prompted = [prompt + text for text in texts]
        encoded = np.zeros((len(texts), self._vectors.shape[1]), dtype=np.float32)
        tokenized = self._tokenizer.encode_batch(prompted, add_special_tokens=False)
        for row, ids in enumerate(tokens.ids for tokens in tokenized):
            if ids:
                encoded[row] = self._vectors[ids].sum(axis=0) / np.float32(len(ids))
        check_vectors(encoded, texts, self._spec.name)
        return encoded


def load_static_encoder(folder: Path, spec: EncoderSpec) -> StaticEncoder | None:
    """Load a saved model that is one `StaticEmbedding` in float32; None for any other.

    Importing sentence-transformers takes seconds of CPU time and half a gigabyte; such a model needs only a lookup and
    a mean.

    Raises:
        EncoderNotFoundError: its files are damaged.
    """
    module = static_module(folder)
    if module is None or spec.precision != "float32":
        return None
    weights, tokenizer = module / "model.safetensors", module / "tokenizer.json"
    if not (weights.is_file() and tokenizer.is_file()):
        return None

    from safetensors import safe_open  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415

    try:
        with safe_open(str(weights), framework="numpy") as tensors:
            if set(tensors.keys()) != {WEIGHTS} or tensors.get_slice(WEIGHTS).get_dtype() not in {
                "F32",
                "F16",
            }:
                return None
            vectors = tensors.get_tensor(WEIGHTS).astype(np.float32)
        loaded = Tokenizer.from_file(str(tokenizer))
    except Exception as error:  # tokenizers raises nothing more specific
        raise EncoderNotFoundError(f"the encoder {spec.name!r} cannot be loaded: {error}") from error
    loaded.no_padding()
    if spec.max_length is not None:
        loaded.enable_truncation(spec.max_length)
    return StaticEncoder(vectors, loaded, spec)
