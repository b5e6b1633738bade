"""What every encoder is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from evaluator.domain.ranking import Floats

Role = Literal["query", "document"]
"""A text's role; models may prompt them differently, so a query's vector never serves a document."""


class Encoder(Protocol):
    """Turns texts into vectors."""

    def encode(self, texts: Sequence[str], role: Role) -> Floats:
        """Encode texts.

        Args:
            texts: any number, also empty ones.
            role: selects the model's own prompt.

        Returns:
            [n_texts, dim] float32, finite, each row of length 1.

        Raises:
            EncodingError: the model gave something that is no vector.
        """
        ...
