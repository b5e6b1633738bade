"""How the length of a passage is counted: in tokens of an encoder's own tokenizer, or in words.

Only where tokens begin matters here, so nothing is ever put together from tokens again: a tokenizer that lower-cases
or drops characters changes no text. No model is loaded.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Ints
from evaluator.errors import EncoderNotFoundError, EncodingError
from evaluator.retrieval.encoders.opening import saved_model
from evaluator.retrieval.encoders.saved_model import tokenizer_file, tokenizer_hash

TokenStarts = Callable[[str], Ints]
"""Where the tokens of a text begin: [n_tokens] int64 positions of characters, ascending. Tokens that share a
character, such as the bytes of an emoji, begin where the first of them does."""

PIECE = re.compile(r".{1,65536}(?!\S)|.{1,65536}", re.DOTALL)
"""What a tokenizer is given at once: it takes time and memory per text, and texts may have megabytes."""


def open_tokens(encoder: EncoderSpec | None, store: ArtifactStore) -> TokenStarts:
    """How the texts of an encoder are counted; in words where there is no encoder, or it has no tokenizer to read.

    Raises:
        EncoderNotFoundError: the model's tokenizer is gone, or is not the one that was resolved.
        EncodingError: the hub does not answer.
    """
    if encoder is None or encoder.tokenizer is None:
        return word_starts
    with _model_folder(encoder, store) as folder:
        file = tokenizer_file(folder)
        # What is distilled is named by its recipe before it is there.
        same = encoder.source == "distilled" or tokenizer_hash(folder) == encoder.tokenizer
        if file is None or not same:
            raise EncoderNotFoundError(
                f"the tokenizer of {encoder.name!r} in {folder} is not the one that the experiment was submitted "
                "with; put the model back, or submit the experiment again"
            )
        return tokenizer_starts(file.read_bytes())


def word_starts(text: str) -> Ints:
    """Where words begin, by ICU: Unicode's rules (UAX #29), with dictionaries for scripts without spaces.

    Symbols such as emoji count as words. Punctuation does not: it goes with the word it touches or, after a space, with
    the next.
    """
    from icu4py.breakers import WordBreaker

    starts, position = [], 0  # its own offsets count in UTF-16, so characters are counted here
    begin: int | None = None
    after_space = True
    for segment in WordBreaker(text, "und"):
        if segment.isspace():
            after_space = True
        elif _is_word(segment):
            starts.append(position if begin is None else begin)
            begin, after_space = None, False
        elif after_space and begin is None:
            begin = position
        position += len(segment)
    return np.array(starts, dtype=np.int64)


def _is_word(segment: str) -> bool:
    return segment[0].isalnum() or any(unicodedata.category(letter)[0] in "LNS" for letter in segment)


def tokenizer_starts(content: bytes) -> TokenStarts:
    """Where tokens begin, by a tokenizer (a `tokenizer.json`), without the special tokens around a text."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(content.decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def starts(text: str) -> Ints:
        pieces = [_starts_of_piece(tokenizer, piece.group(), piece.start()) for piece in PIECE.finditer(text)]
        return np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int64)

    return starts


def _starts_of_piece(tokenizer: Any, piece: str, position: int) -> Ints:
    offsets = tokenizer.encode(piece, add_special_tokens=False).offsets
    if not offsets:
        return np.empty(0, dtype=np.int64)
    begins, ends = np.array(offsets, dtype=np.int64).T
    shared = np.zeros(len(begins), dtype=bool)
    shared[1:] = begins[1:] < np.maximum.accumulate(ends)[:-1]
    starts: Ints = np.maximum.accumulate(np.where(shared, 0, begins)) + position
    return starts


@contextmanager
def _model_folder(encoder: EncoderSpec, store: ArtifactStore) -> Iterator[Path]:
    """A folder with the model's tokenizer."""
    if encoder.source == "hub":
        yield _hub_folder(encoder)
    else:
        with saved_model(encoder, store) as folder:
            yield folder


def _hub_folder(encoder: EncoderSpec) -> Path:
    """What is in the hub's cache, or comes from there, of the model's exact revision."""
    from huggingface_hub import snapshot_download

    name, _, revision = encoder.location.partition("@")
    fetch = partial(snapshot_download, name, revision=revision, allow_patterns=["*.json"])
    with suppress(OSError):  # all errors of the hub are
        cached = Path(fetch(local_files_only=True))
        if tokenizer_file(cached) is not None:  # the revision is exact: whatever is there is right
            return cached
    try:
        return Path(fetch())
    except OSError as error:
        raise EncodingError(f"the hub does not give the tokenizer of {encoder.name!r}: {error}") from error
