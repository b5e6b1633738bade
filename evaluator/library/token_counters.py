"""The tokenizers with which a health report computes how much encoders would truncate; no model is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from evaluator.datasets.health.text_statistics import TokenCounter
from evaluator.domain.variant import Dense
from evaluator.retrieval.encoders.resolve import BUNDLED_NAMES, local_folder, resolve_encoder

KNOWN_ENCODERS = (BUNDLED_NAMES[0],)
"""Bundled encoders with a maximum length (static encoders have none)."""

BATCH = 64
"""Texts that are tokenized at a time."""


def token_counters() -> tuple[TokenCounter, ...]:
    """A token counter for each of `KNOWN_ENCODERS`.

    Raises:
        EncoderNotFoundError: the installation lacks a bundled encoder.
    """
    specs = [resolve_encoder(Dense(name), allow_folders=False) for name in KNOWN_ENCODERS]
    return tuple(
        TokenCounter(
            spec.name, spec.max_length, partial(_count, local_folder(spec.location) / "tokenizer.json")
        )
        for spec in specs
        if spec.max_length is not None
    )


def _count(tokenizer_file: Path, texts: Sequence[str]) -> list[int]:
    """Number of tokens of each text, including the special tokens that the model adds."""
    from tokenizers import Tokenizer  # noqa: PLC0415  only reports need tokenizers

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [
        len(encoding.ids)
        for start in range(0, len(texts), BATCH)
        for encoding in tokenizer.encode_batch(list(texts[start : start + BATCH]))
    ]
