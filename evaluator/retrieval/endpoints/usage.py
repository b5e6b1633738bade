"""What encoding costs: tokens, counted by the model or estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

CHARACTERS_PER_TOKEN = 4
"""Of English text, roughly; OpenAI's own rule of thumb."""


@dataclass(frozen=True)
class Usage:
    """Tokens that a model read and, if it is a chat model, wrote; `estimated` unless the model counted them."""

    tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.tokens + other.tokens,
            self.output_tokens + other.output_tokens,
            self.estimated or other.estimated,
        )


@runtime_checkable
class Metered(Protocol):
    """An encoder that knows the tokens of its last call."""

    usage: Usage


def usage_of(encoder: object, texts: Sequence[str]) -> Usage:
    """The tokens of an encoder's last call, for these texts; estimated unless the encoder counted them."""
    if isinstance(encoder, Metered):
        return encoder.usage
    return Usage(estimated_tokens(sum(map(len, texts))), estimated=True)


def estimated_tokens(characters: int) -> int:
    """Tokens of so many characters, rounded up."""
    return -(-characters // CHARACTERS_PER_TOKEN)
