"""How long the texts are, how many an encoder would cut off, and in which languages they are.

Words are counted in every text; tokens and languages, which take longer, in every n-th document of a sample.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from evaluator.datasets.canonical import read_row_groups
from evaluator.domain.dataset import Document

TOKEN_SAMPLE = 2000
"""Documents whose tokens are counted, at most."""
TOKEN_CHARACTERS = 50_000
"""Characters of a document that are cut into tokens: about 10,000 tokens, more than encoders read."""
LANGUAGE_SAMPLE = 1000
"""Documents whose language is identified, at most."""
LANGUAGE_CHARACTERS = 2000
"""Characters of a document that tell its language."""
LANGUAGE_CONFIDENCE = 0.5
"""Probability that a language needs to count as identified; short texts and tables of numbers do not reach it."""
UNKNOWN = "unknown"
NO_LANGUAGE = {"und": UNKNOWN, "zxx": UNKNOWN}
"""ISO 639 codes for undetermined, and for what is no language."""

WordCounts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenCounter:
    """How an encoder cuts texts into tokens.

    Attributes:
        name: the encoder's.
        max_length: tokens that the encoder reads of a text; it cuts off the rest.
        count: tokens of each text, with those that the encoder puts around it.
    """

    name: str
    max_length: int
    count: Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True)
class Truncation:
    """How many documents an encoder would cut off.

    Attributes:
        encoder: its name.
        max_length: tokens that it reads.
        share: share of the sampled documents that are longer, from 0 to 1.
        sampled: documents that were looked at.
    """

    encoder: str
    max_length: int
    share: float
    sampled: int


class CorpusTexts(NamedTuple):
    """What one pass over a corpus tells.

    Attributes:
        words: of each document: [n_documents].
        truncation: for each encoder asked about.
        languages: share of the sampled documents by ISO 639 code, the most frequent first.
    """

    words: WordCounts
    truncation: tuple[Truncation, ...]
    languages: Mapping[str, float]


def corpus_texts(path: Path, n_documents: int, counters: Sequence[TokenCounter]) -> CorpusTexts:
    """Read a corpus's texts once."""
    words = array("q")
    for_tokens: list[str] = []
    for_languages: list[str] = []
    token_rows = _every_nth(n_documents, TOKEN_SAMPLE) if counters else frozenset()
    language_rows = _every_nth(n_documents, LANGUAGE_SAMPLE)
    row = 0
    for group in read_row_groups(path, ("title", "text")):
        for title, text in group:
            content = Document("", title, text).content
            words.append(len(content.split()))
            if row in token_rows:
                for_tokens.append(content[:TOKEN_CHARACTERS])
            if row in language_rows:
                for_languages.append(content[:LANGUAGE_CHARACTERS])
            row += 1
    return CorpusTexts(
        np.array(words, dtype=np.int64),
        tuple(_truncation(counter, for_tokens) for counter in counters if for_tokens),
        _languages(for_languages),
    )


def query_words(path: Path) -> WordCounts:
    """Words of each query: [n_queries]."""
    counts = [len(text.split()) for group in read_row_groups(path, ("text",)) for (text,) in group]
    return np.array(counts, dtype=np.int64)


def _every_nth(n_rows: int, sample: int) -> frozenset[int]:
    """Rows of a systematic sample: all of them, or `sample` at equal distances. The same for the same corpus."""
    if n_rows <= sample:
        return frozenset(range(n_rows))
    return frozenset(row * n_rows // sample for row in range(sample))


def _truncation(counter: TokenCounter, texts: Sequence[str]) -> Truncation:
    longer = sum(count > counter.max_length for count in counter.count(texts))
    return Truncation(counter.name, counter.max_length, longer / len(texts), len(texts))


def _languages(texts: Sequence[str]) -> dict[str, float]:
    """Share of each language among the texts, the most frequent first."""
    return {code: count / len(texts) for code, count in Counter(languages_of(texts)).most_common()}


def languages_of(texts: Sequence[str]) -> list[str]:
    """Each text's language as an ISO 639 code: [n_texts]; `unknown` where the text is too short to tell."""
    if not texts:
        return []
    identifier = _language_identifier()
    return [NO_LANGUAGE.get(code, code) for code, _ in map(identifier.classify, texts)]


@lru_cache(maxsize=1)
def _language_identifier() -> Any:
    """The identifier; it takes 0.4 s to load, and 75 MB."""
    from py3langid import langid  # noqa: PLC0415  only reports need it

    return langid.LanguageIdentifier.from_model_file(
        langid.MODEL_FILE, norm_probs=True, min_confidence=LANGUAGE_CONFIDENCE
    )
