"""What every encoder is, and every scorer of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

from evaluator.domain.ranking import Floats
from evaluator.errors import EncodingError

Role = Literal["query", "document"]
"""A text's role; models may prompt them differently, so a query's vector never serves a document."""


class Encoder(Protocol):
    """Turns texts into vectors, weights of terms, or vectors of tokens: `Encoded` of its kind."""

    def encode(self, texts: Sequence[str], role: Role) -> Any:
        """Encode texts.

        Args:
            texts: any number, also empty ones.
            role: selects the model's own prompt.

        Returns:
            [n_texts, dim] float32, finite, as the model gives them: whoever searches by cosine scales them.
            Of the kind `sparse`: CSR [n_texts, n_terms] float32. Of the kind `late`: n_texts arrays
            [n_tokens, dim] float32.

        Raises:
            EncodingError: the model gave something that is no vector.
        """
        ...


class PairScorer(Protocol):
    """Scores how well documents answer a query, reading both at once."""

    def score(self, query: str, documents: Sequence[str]) -> Floats:
        """Score documents for a query, each independently of the others.

        Returns:
            [n_documents] float32, finite; higher is better.

        Raises:
            EncodingError: the model gave something that is no score.
        """
        ...


def check_vectors(vectors: Floats, texts: Sequence[str], encoder: str) -> None:
    """Check that an encoder gave one finite vector a text.

    Raises:
        EncodingError: it did not; names the encoder, and the first text concerned.
    """
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise EncodingError(f"{encoder} gave {vectors.shape} for {len(texts)} texts")
    broken = ~np.isfinite(vectors).all(axis=1)
    if broken.any():
        text = texts[int(np.argmax(broken))]
        raise EncodingError(f"{encoder} gave a vector that is not finite for the text {text[:80]!r}")
