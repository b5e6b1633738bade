"""Words: what BM25 compares of texts, and what is marked in them.

How a text becomes words has a version, because an index and its queries must agree (`BM25.tokenizer`):

- `icu-1`: ICU finds words by Unicode's rules (UAX #29) and, in scripts without spaces, by dictionaries. Korean
  particles are written with their word, so words in Hangul become pairs of syllables. Stop words stay in the index,
  and are left out of queries: one of stop words alone keeps them.
- `icu-bigrams-1`: the same, with pairs of characters also for Chinese and Japanese, as Lucene's CJK analyzer has them.
- None: bm25s's regular expression, two or more letters or digits. It cuts at combining marks, and finds no words in
  scripts without spaces. Stop words are not in the index.

docs/strategies.md describes the rules. bm25s, ICU and the stemmers are imported where words are found.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import functools
import importlib.util
import itertools
import re
import runpy
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from evaluator.domain.variant import BM25

T = TypeVar("T")

REGEX_WORD = re.compile(r"\b\w\w+\b")
"""bm25s's own expression."""

HANGUL = re.compile(r"[\uac00-\ud7a3]+")
CJK = re.compile(
    "["
    "\u3005-\u3007\u3031-\u3035\u303b"  # iteration marks, the number zero
    "\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana, also half as wide
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
    "\uac00-\ud7a3"  # Hangul
    "]+"
)
EMOJI = re.compile("[\u2600-\u27bf\U0001f000-\U0001fbff]")
"""Symbols that count as words."""

SINGLE_BEFORE_OR_AFTER = re.compile(r"\b\w'(?=\w\w)|(?<=\w\w)'\w\b")
"""A letter that an apostrophe ties to a word: the article of `l'eau`, the ending of `dog's`."""
WITHIN = re.compile(r"(?<!\d)[.:']|[.:'](?!\d)|[\s()]")
"""Where ICU does not divide and people search for the parts: `example.com`, but not `3.14`."""

KEPT = 200_000
"""Distinct pieces of texts whose words are kept, so that memory has a limit; rarer ones are computed again."""


def _characters(*ranges: tuple[int, int]) -> Iterator[int]:
    return itertools.chain.from_iterable(range(first, last + 1) for first, last in ranges)


FOLDED: dict[int, str] = {
    # Arabic and Hebrew vowel signs, which most texts leave out, and the Arabic letter that only stretches a word
    **dict.fromkeys(_characters((0x0610, 0x061A), (0x0640, 0x0640), (0x064B, 0x065F), (0x0670, 0x0670)), ""),
    **dict.fromkeys(_characters((0x06D6, 0x06DC), (0x06DF, 0x06E4), (0x06E7, 0x06E8), (0x06EA, 0x06ED)), ""),
    **dict.fromkeys(_characters((0x0591, 0x05BD), (0x05BF, 0x05BF), (0x05C1, 0x05C2), (0x05C4, 0x05C5)), ""),
    0x05C7: "",
    # alef with hamza, madda or wasla
    **dict.fromkeys((0x0622, 0x0623, 0x0625, 0x0671), "\u0627"),
    # characters that nobody sees: soft hyphens, joiners, marks of direction, variants of a glyph
    **dict.fromkeys(_characters((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x200B, 0x200F)), ""),
    **dict.fromkeys(_characters((0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x2069), (0xFE00, 0xFE0F)), ""),
    **dict.fromkeys(_characters((0xFEFF, 0xFEFF), (0xE0100, 0xE01EF)), ""),
    # apostrophes
    **dict.fromkeys((0x2018, 0x2019, 0x02BC), "'"),
}
"""Characters by what replaces them, after NFKC and in lower case."""
TURKISH = {ord("I"): "ı", ord("İ"): "i"}
"""Lower case where i and ı are two letters."""


class Occurrence(NamedTuple):
    """A piece of a text, from one position to before another, and the terms that it gives."""

    start: int
    end: int
    terms: Collection[str]


class Words(Protocol):
    """Finds the terms of texts: words in the form in which they are compared."""

    def index(self, texts: Iterable[str]) -> tuple[list[list[int]], dict[str, int]]:
        """The terms of documents, as numbers, and each term's number."""

    def query_terms(self, query: str) -> list[str]:
        """What a query is searched by, as often as it occurs there."""

    def is_stopped(self, query: str) -> bool:
        """Whether a query has words, but stop words alone."""

    def occurrences(self, text: str) -> Iterator[Occurrence]:
        """Where a text has terms, in order; pieces may overlap."""


def open_words(parameters: BM25) -> Words:
    """The words as an index with these parameters has them. Not for several threads at once: stemmers are not.

    Raises:
        ValueError: a language is not resolved.
    """
    if "auto" in (parameters.stemmer, parameters.stop_words):
        raise ValueError("the language of BM25's words is not resolved")
    return RegexWords(parameters) if parameters.tokenizer is None else IcuWords(parameters)


class IcuWords:
    """Words by ICU; `tokenizer` is `icu-1` or `icu-bigrams-1`."""

    def __init__(self, parameters: BM25) -> None:
        self._turkish = "turkish" in (parameters.stemmer, parameters.stop_words)
        self._bigrams = parameters.tokenizer == "icu-bigrams-1"
        self._stop_words = frozenset(map(self._folded, _stop_words(parameters)))
        self._stem = _stem(parameters)
        self._words = _Known(self._words_of)
        self._terms = _Known(lambda piece: tuple(map(self._stem, self._words[piece])))

    def index(self, texts: Iterable[str]) -> tuple[list[list[int]], dict[str, int]]:
        """The terms of documents, as numbers, and each term's number."""
        numbers: dict[str, int] = {}
        known = _Known(lambda piece: tuple(numbers.setdefault(t, len(numbers)) for t in self._terms[piece]))
        documents = [
            [number for piece in self._pieces(text) if piece != " " for number in known[piece]]
            for text in texts
        ]
        return documents, numbers

    def query_terms(self, query: str) -> list[str]:
        """What a query is searched by: its words without stop words or, if it has no others, with them."""
        words = self._words_in(query)
        return [self._stem(word) for word in self._without_stop_words(words) or words]

    def is_stopped(self, query: str) -> bool:
        """Whether a query has words, but stop words alone."""
        words = self._words_in(query)
        return bool(words) and not self._without_stop_words(words)

    def occurrences(self, text: str) -> Iterator[Occurrence]:
        """Where a text has terms, in order; pieces may overlap."""
        place = 0
        for piece in self._pieces(text):
            terms = self._terms[piece]
            if len(terms) > 1 and len(piece) == len(self._folded(piece)) and CJK.fullmatch(piece):
                for start, term in enumerate(terms, place):
                    yield Occurrence(start, start + 2, (term,))
            elif terms:
                yield Occurrence(place, place + len(piece), terms)
            place += len(piece)

    def _words_in(self, text: str) -> list[str]:
        return [word for piece in self._pieces(text) for word in self._words[piece]]

    def _without_stop_words(self, words: list[str]) -> list[str]:
        return [word for word in words if word not in self._stop_words]

    def _pieces(self, text: str) -> Iterator[str]:
        """The pieces of a text in order: words, and what lies between them."""
        from icu4py.breakers import WordBreaker

        if not self._bigrams:
            return iter(WordBreaker(text, "und"))
        return itertools.chain.from_iterable(
            (part,) if CJK.match(part) else WordBreaker(part, "und") for part in _runs(CJK, text)
        )

    def _words_of(self, piece: str) -> tuple[str, ...]:
        """The words of a piece, not stemmed; none if it is white space or punctuation."""
        if not any(map(str.isalnum, piece)):
            return (self._folded(piece),) if EMOJI.search(piece) else ()
        folded = SINGLE_BEFORE_OR_AFTER.sub("", self._folded(piece))
        parts = [part for part in WITHIN.split(folded) if part]
        if len(parts) > 1 and all(len(part) == 1 for part in parts):
            parts = ["".join(parts)]  # an abbreviation: U.S.
        pairs = CJK if self._bigrams else HANGUL
        runs = itertools.chain.from_iterable(_runs(pairs, part) for part in parts)
        return tuple(word for run in runs for word in (_pairs(run) if pairs.match(run) else (run,)))

    def _folded(self, word: str) -> str:
        """A word in the form in which words are compared: NFKC, in lower case, without what `FOLDED` leaves out."""
        word = unicodedata.normalize("NFKC", word)
        if self._turkish:
            word = word.translate(TURKISH)
        lower = word.casefold().replace("i\u0307", "i").translate(FOLDED)
        return unicodedata.normalize("NFKC", lower)


class RegexWords:
    """Words as bm25s finds them by default."""

    def __init__(self, parameters: BM25) -> None:
        self._stop_words = _stop_words(parameters)
        self._stemmer = _stemmer(parameters)

    def index(self, texts: Iterable[str]) -> tuple[list[list[int]], dict[str, int]]:
        """The terms of documents, as numbers, and each term's number."""
        documents, numbers = self._tokenize(list(texts), return_ids=True)
        return documents, numbers

    def query_terms(self, query: str) -> list[str]:
        """What a query is searched by: its words without stop words."""
        words: list[str] = self._tokenize([query], return_ids=False)[0]
        return [word for word in words if word]

    def is_stopped(self, query: str) -> bool:
        """Whether a query has words, but stop words alone."""
        return bool(REGEX_WORD.search(query)) and not self.query_terms(query)

    def occurrences(self, text: str) -> Iterator[Occurrence]:
        """Where a text has terms, in order."""
        for word in REGEX_WORD.finditer(text):
            lower = word.group().lower()
            term = lower if self._stemmer is None else self._stemmer.stemWord(lower)
            yield Occurrence(*word.span(), (term,))

    def _tokenize(self, texts: list[str], *, return_ids: bool) -> Any:
        import bm25s

        return bm25s.tokenize(
            texts,
            stopwords=self._stop_words,
            stemmer=self._stemmer,
            return_ids=return_ids,
            show_progress=False,
        )


class _Known(dict[str, tuple[T, ...]]):
    """What a function makes of pieces of texts, each computed once."""

    def __init__(self, compute: Callable[[str], tuple[T, ...]]) -> None:
        self._compute = compute

    def __missing__(self, piece: str) -> tuple[T, ...]:
        made = self._compute(piece)
        if len(self) < KEPT:
            self[piece] = made
        return made


def _runs(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    """A text divided into what matches a pattern and what lies between."""
    place = 0
    for run in pattern.finditer(text):
        if place < run.start():
            yield text[place : run.start()]
        yield run.group()
        place = run.end()
    if place < len(text):
        yield text[place:]


def _pairs(run: str) -> Iterable[str]:
    """The overlapping pairs of characters of a run; a single character stays as it is."""
    return map("".join, itertools.pairwise(run)) if len(run) > 1 else (run,)


def _stop_words(parameters: BM25) -> list[str]:
    """bm25s's list of stop words of a language."""
    if parameters.stop_words == "none":
        return []
    language = "en" if parameters.stop_words == "english" else parameters.stop_words
    return list(_stop_word_lists()[f"STOPWORDS_{language.upper()}"])


@functools.cache
def _stop_word_lists() -> Mapping[str, Sequence[str]]:
    """The lists in bm25s's module of stop words, without its package, which imports numba: half a second."""
    package = importlib.util.find_spec("bm25s")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("bm25s is not installed")
    return runpy.run_path(str(Path(package.origin).with_name("stopwords.py")))


def _stemmer(parameters: BM25) -> Any:
    """The Snowball stemmer of a language; None for none."""
    import Stemmer

    return None if parameters.stemmer == "none" else Stemmer.Stemmer(parameters.stemmer)


def _stem(parameters: BM25) -> Callable[[str], str]:
    """A function that stems a word."""
    stemmer = _stemmer(parameters)
    stem: Callable[[str], str] = str if stemmer is None else stemmer.stemWord
    return stem
