"""Words of a query in other texts: where they stand, and the part of a text that has most of them.

A word matches as it does for BM25: in lower case and stemmed; stop words match nothing.
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
"""How words match by default: by their English stems."""

Span = tuple[int, int]
"""First character, and the one behind the last."""


class Marker:
    """Finds a query's words.

    Args:
        query: its text.
        parameters: whose stemmer and stop words count.
    """

    def __init__(self, query: str, parameters: BM25 = USUAL) -> None:
        import Stemmer  # noqa: PLC0415  a fifth of a second with bm25s, which only this page needs

        self.terms = frozenset(terms_of(query, parameters))
        self._stemmer: Any = None if parameters.stemmer == "none" else Stemmer.Stemmer(parameters.stemmer)

    def spans(self, text: str) -> list[Span]:
        """Where words of the query stand in a text, in its order."""
        if not self.terms:
            return []
        return [word.span() for word in WORD.finditer(text) if self._term(word.group()) in self.terms]

    def count(self, text: str) -> int:
        """How many of the query's words a text has, each counted once."""
        return len(self.terms & {self._term(word) for word in WORD.findall(text)})

    def best(self, texts: Sequence[str]) -> int:
        """The place of the text that has most of the query's words; the first of several."""
        return max(range(len(texts)), key=lambda place: (self.count(texts[place]), -place))

    def excerpt(self, text: str, size: int) -> Span:
        """The part of a text of about `size` characters that has most of the query's words, else its beginning."""
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
    """The beginning of a word at or shortly before a place."""
    space = text.rfind(" ", max(0, place - 30), place)
    return space + 1 if place and space >= 0 else place


def _word_end(text: str, place: int) -> int:
    """The end of a word at or shortly before a place."""
    if place >= len(text):
        return len(text)
    space = text.rfind(" ", max(0, place - 30), place)
    return space if space > 0 else place
