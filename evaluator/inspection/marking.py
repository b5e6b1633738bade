"""Finds the words of a query in other texts, and the part of a text with most of these words.

Words match as they do for BM25: as its tokenizer finds them, and stemmed; stop words match nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from evaluator.domain.variant import BM25
from evaluator.retrieval.texts.words import open_words

USUAL = BM25(tokenizer="icu-1")
"""Default parameters: words match by their English stems."""

Span = tuple[int, int]
"""Positions of the first character, and of the one after the last."""


class Marker:
    """Finds a query's words.

    Args:
        query: the query's text.
        parameters: the tokenizer, the stemmer and the stop words to use.
    """

    def __init__(self, query: str, parameters: BM25 = USUAL) -> None:
        self._words = open_words(parameters)
        self.terms = frozenset(self._words.query_terms(query))

    def spans(self, text: str) -> list[Span]:
        """Positions of the query's words in a text, in order; pairs of characters that overlap are one."""
        spans: list[Span] = []
        for start, end, terms in self._words.occurrences(text) if self.terms else ():
            if self.terms.isdisjoint(terms):
                continue
            if spans and start < spans[-1][1]:
                start = spans.pop()[0]
            spans.append((start, end))
        return spans

    def count(self, text: str) -> int:
        """Number of distinct words of the query that occur in a text."""
        found = (term for place in self._words.occurrences(text) for term in place.terms)
        return len(self.terms.intersection(found))

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
