"""Finds the words of a query in other texts, and the part of a text with most of these words.

Words match as they do for BM25: in lower case and stemmed; stop words match nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from evaluator.domain.variant import BM25
from evaluator.retrieval.search.bm25 import terms_of

WORD = re.compile(r"\b\w\w+\b")

USUAL = BM25()
"""Default parameters: words match by their English stems."""

Span = tuple[int, int]
"""Positions of the first character, and of the one after the last."""


class Marker:
    """Finds a query's words.

    Args:
        query: the query's text.
        parameters: the stemmer and the stop words to use.
    """

    def __init__(self, query: str, parameters: BM25 = USUAL) -> None:
        import Stemmer  # noqa: PLC0415  takes 0.2 s with bm25s, and only this page needs it

        self.terms = frozenset(terms_of(query, parameters))
        self._stemmer: Any = None if parameters.stemmer == "none" else Stemmer.Stemmer(parameters.stemmer)

    def spans(self, text: str) -> list[Span]:
        """Positions of the query's words in a text, in order."""
        if not self.terms:
            return []
        return [word.span() for word in WORD.finditer(text) if self._term(word.group()) in self.terms]

    def count(self, text: str) -> int:
        """Number of distinct words of the query that occur in a text."""
        return len(self.terms & {self._term(word) for word in WORD.findall(text)})

    def best(self, texts: Sequence[str]) -> int:
        """The index of the text with most of the query's words; the first if several have as many."""
        return max(range(len(texts)), key=lambda index: (self.count(texts[index]), -index))

    def excerpt(self, text: str, size: int) -> Span:
        """The excerpt of about `size` characters with most of the query's words, or else the beginning of the text."""
        if len(text) <= size:
            return 0, len(text)
        starts = [start for start, _ in self.spans(text)]
        if not starts or starts[-1] < size:
            return 0, _word_end(text, size)
        ahead = size // 5  # some words before the first match
        candidates = [max(0, start - ahead) for start in starts]
        begin = max(
            candidates,
            key=lambda first: (bisect_left(starts, first + size) - bisect_left(starts, first), -first),
        )
        begin = _word_start(text, begin)
        return begin, _word_end(text, begin + size)

    def _term(self, word: str) -> str:
        lower = word.lower()
        return lower if self._stemmer is None else str(self._stemmer.stemWord(lower))


def _word_start(text: str, place: int) -> int:
    """The beginning of a word at or shortly before a position."""
    space = text.rfind(" ", max(0, place - 30), place)
    return space + 1 if place and space >= 0 else place


def _word_end(text: str, place: int) -> int:
    """The end of a word at or shortly before a position."""
    if place >= len(text):
        return len(text)
    space = text.rfind(" ", max(0, place - 30), place)
    return space if space > 0 else place
