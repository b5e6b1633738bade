"""The protocols of encoders and of pair scorers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

from evaluator.domain.ranking import Floats
from evaluator.errors import EncodingError

Role = Literal["query", "document"]
"""A text's role; models may use different prompts, so a query's vector is never used for a document."""


class Encoder(Protocol):
    """Turns texts into vectors, term weights or token vectors: the `Encoded` of its kind."""

    def encode(self, texts: Sequence[str], role: Role) -> Any:
        """Encode texts.

        Args:
            texts: any number of texts, which may be empty.
            role: selects the model's own prompt.

        Returns:
            [n_texts, dim] float32, finite, not normalised: cosine search does that.
            For the kind `sparse`: CSR [n_texts, n_terms] float32. For the kind `late`: n_texts arrays
            [n_tokens, dim] float32.

        Raises:
            EncodingError: the model returned an invalid vector.
        """
        ...


class PairScorer(Protocol):
    """Scores how well documents answer a query, reading both together."""

    def score(self, query: str, documents: Sequence[str]) -> Floats:
        """Score documents for a query, each independently of the others.

        Returns:
            [n_documents] float32, finite; higher is better.

        Raises:
            EncodingError: the model returned an invalid score.
        """
        ...


def check_vectors(vectors: Floats, texts: Sequence[str], encoder: str) -> None:
    """Check that an encoder returned one finite vector per text.

    Raises:
        EncodingError: it did not; names the encoder and, where possible, the first such text.
    """
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise EncodingError(f"{encoder} gave {vectors.shape} for {len(texts)} texts")
    broken = ~np.isfinite(vectors).all(axis=1)
    if broken.any():
        text = texts[int(np.argmax(broken))]
        raise EncodingError(f"{encoder} gave a vector that is not finite for the text {text[:80]!r}")
