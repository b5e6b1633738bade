"""Lengths of the texts, the share that an encoder would truncate, and their languages.

Words are counted in every text. Counting tokens and identifying languages takes longer and uses a sample.
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
"""Maximum documents whose tokens are counted."""
TOKEN_CHARACTERS = 50_000
"""Maximum characters of a document that are tokenized: about 10,000 tokens, more than encoders read."""
LANGUAGE_SAMPLE = 1000
"""Maximum documents whose language is identified."""
LANGUAGE_CHARACTERS = 2000
"""Characters of a document from which its language is identified."""
LANGUAGE_CONFIDENCE = 0.5
"""Probability that a language needs to count as identified; short texts and tables of numbers do not reach it."""
UNKNOWN = "unknown"
NO_LANGUAGE = {"und": UNKNOWN, "zxx": UNKNOWN}
"""ISO 639 codes for an undetermined language, and for text without linguistic content."""

WordCounts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenCounter:
    """Counts tokens as an encoder does.

    Attributes:
        name: the encoder's name.
        max_length: tokens that the encoder reads of a text; it truncates the rest.
        count: counts the tokens of each text, including the special tokens that the encoder adds.
    """

    name: str
    max_length: int
    count: Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True)
class Truncation:
    """The share of documents that an encoder would truncate.

    Attributes:
        encoder: the encoder's name.
        max_length: tokens that the encoder reads of a text.
        share: share of the sampled documents that are longer, from 0 to 1.
        sampled: number of documents in the sample.
    """

    encoder: str
    max_length: int
    share: float
    sampled: int


class CorpusTexts(NamedTuple):
    """Statistics of a corpus, from a single pass over its texts.

    Attributes:
        words: number of words of each document: [n_documents].
        truncation: one entry for each requested encoder.
        languages: share of the sampled documents by ISO 639 code, the most frequent first.
    """

    words: WordCounts
    truncation: tuple[Truncation, ...]
    languages: Mapping[str, float]


def corpus_texts(path: Path, n_documents: int, counters: Sequence[TokenCounter]) -> CorpusTexts:
    """Compute the statistics of a corpus; its texts are read once."""
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
    """Number of words of each query: [n_queries]."""
    counts = [len(text.split()) for group in read_row_groups(path, ("text",)) for (text,) in group]
    return np.array(counts, dtype=np.int64)


def _every_nth(n_rows: int, sample: int) -> frozenset[int]:
    """Rows of a systematic sample: all rows, or `sample` rows at equal distances; deterministic."""
    if n_rows <= sample:
        return frozenset(range(n_rows))
    return frozenset(row * n_rows // sample for row in range(sample))


def _truncation(counter: TokenCounter, texts: Sequence[str]) -> Truncation:
    longer = sum(count > counter.max_length for count in counter.count(texts))
    return Truncation(counter.name, counter.max_length, longer / len(texts), len(texts))


def _languages(texts: Sequence[str]) -> dict[str, float]:
    """Share of each language among the texts, the most frequent language first."""
    return {code: count / len(texts) for code, count in Counter(languages_of(texts)).most_common()}


def languages_of(texts: Sequence[str]) -> list[str]:
    """Each text's language as an ISO 639 code: [n_texts]; `unknown` where the text is too short to tell."""
    if not texts:
        return []
    identifier = _language_identifier()
    return [NO_LANGUAGE.get(code, code) for code, _ in map(identifier.classify, texts)]


@lru_cache(maxsize=1)
def _language_identifier() -> Any:
    """The language identifier; loading takes 0.4 s and 75 MB of memory."""
    from py3langid import langid  # noqa: PLC0415  only reports need langid

    return langid.LanguageIdentifier.from_model_file(
        langid.MODEL_FILE, norm_probs=True, min_confidence=LANGUAGE_CONFIDENCE
    )
