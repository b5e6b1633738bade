"""Cut a text into passages.

A text is tokenized once. Each way of cutting is a list of levels, the strongest places to cut first, down to single
tokens. What does not fit as a whole is divided at the next level; neighbours that fit together stay together.
Passages are taken from the text itself, so that nothing is changed or lost but white space around them.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Ints
from evaluator.domain.variant import Chunk
from evaluator.retrieval.texts.tokens import TokenStarts, open_tokens

CUTTING_VERSION = 2
"""Changes whenever a text would be cut otherwise than before by the same libraries."""

LIBRARIES = ("icu4py", "markdown-it-py", "tokenizers")
"""What decides where a text can be cut."""

Cutter = Callable[[str], list[str]]

HEADINGS = 6
TOKEN_CHARACTERS, CHARACTER_BYTES = 8, 4
"""Characters of a token, and bytes of a character, at most; a token that is longer only makes passages shorter."""
LINE_END = re.compile(r"\r\n|\r|\n")
WRAPPED = re.compile(r"""(?<![\r\n])(?:\r\n|\r|\n)(?=[ \t]*(?!\d+[.)]\s)[\w"'(])""")
"""The end of a line after which the sentence may go on: the next is neither empty nor begins like a list's item."""
WORD = re.compile(r"\S+")


@cache
def cutting_version() -> str:
    """Changes whenever a text could be cut otherwise than before: our version, and those of the libraries."""
    libraries = [f"{library} {metadata.version(library)}" for library in LIBRARIES]
    return ", ".join([str(CUTTING_VERSION), *libraries])


def open_cutter(chunk: Chunk, encoder: EncoderSpec | None, store: ArtifactStore) -> Cutter:
    """A function that cuts a text into passages; a text without tokens gives none.

    Args:
        encoder: in whose tokens passages are measured, without the special ones; in words without an encoder, or
            where it has no tokenizer that can be read (endpoints).

    Raises:
        EncoderNotFoundError: the tokenizer is gone, or is not the one that was resolved.
        EncodingError: the hub does not answer.
    """
    token_starts = open_tokens(encoder, store)
    return lambda text: cut_text(text, chunk, token_starts)


def cut_text(text: str, chunk: Chunk, token_starts: TokenStarts) -> list[str]:
    """Cut a text into passages of `chunk.size` tokens at most.

    Each is part of the text; together they hold every token. A character that alone has more tokens is left whole.
    """
    text = text.strip()
    starts = token_starts(text)
    if not len(starts):
        return []
    if len(starts) <= chunk.size:
        return [text]
    levels, sentences = _levels(text, starts, chunk.by)
    packing = _Packing(text, starts, levels, sentences, chunk, token_starts)
    passages = (packing.passages(*span) for span in packing.spans(0, len(starts), 0))
    return [passage for parts in passages for passage in parts if passage]


def _slice(text: str, starts: Ints, first: int, stop: int) -> str:
    """The text of the tokens from `first` to before `stop`, with the characters between and around them."""
    begin = starts[first] if first else 0
    end = starts[stop] if stop < len(starts) else len(text)
    return text[begin:end].strip()


@dataclass(frozen=True)
class _Packing:
    """How one text is packed into passages.

    Places are numbers of tokens, and a span is the place of its first token and the one behind its last. A part is
    what lies between two neighbouring places of a level.

    Take `A b. C d. E f g h i j. K.`, where each word is a token, a size of 4 and no overlap, by sentences:

    1. `A b.` and `C d.` fit together: the passage `A b. C d.`, span (0, 4).
    2. `E f g h i j.` is too long, so it is divided at tokens: `E f g h`, span (4, 8), and the rest `i j.`.
    3. The rest takes up the sentences that still fit: the passage `i j. K.`, span (8, 11).

    Attributes:
        starts: where each token begins: [n_tokens] characters.
        levels: where the text may be cut, ascending; each level has all places of the stronger ones before it.
        sentences: the level whose parts an overlap repeats, and whose rests take up what follows.
        lengths: tokens of passages that were counted already, by their spans.
    """

    text: str
    starts: Ints
    levels: Sequence[Ints]
    sentences: int
    chunk: Chunk
    token_starts: TokenStarts
    lengths: dict[tuple[int, int], int] = field(default_factory=dict)

    def passages(self, first: int, stop: int) -> Iterator[str]:
        """The passage of a span; several if it has too many tokens by itself.

        Only a span of one token can have too many: a token may stand for several characters (bytes do), and none of
        these begins a token. It is cut between characters.
        """
        passage = _slice(self.text, self.starts, first, stop)
        if self._length(first, stop) <= self.chunk.size:
            yield passage
            return
        while passage:
            end = min(len(passage), self.chunk.size * TOKEN_CHARACTERS)
            while end > 1 and (excess := len(self.token_starts(passage[:end].strip())) - self.chunk.size) > 0:
                end = max(1, end - max(1, excess // CHARACTER_BYTES))
            yield passage[:end].strip()
            passage = passage[end:]

    def spans(self, start: int, end: int, level: int) -> Iterator[tuple[int, int]]:
        """The spans of the passages from `start` to `end`, cut at a level or, where a part is too long, below it."""
        here = start
        while here < end:
            part_end = self._cut_behind(here, level, end)
            span = self._pack_whole_parts(here, part_end, level, start, end)
            if span is not None:
                yield span
                here = span[1]
            elif level < self.sentences:
                yield from self.spans(here, part_end, level + 1)
                here = part_end
            else:
                *full, (rest, _) = self._divide(here, part_end, level)
                yield from full
                here = self._farthest_stop(rest, part_end, level, end) or part_end
                yield rest, here

    def _divide(self, here: int, part_end: int, level: int) -> Iterable[tuple[int, int]]:
        """The spans of a sentence, or word, that is too long; a single token cannot be divided."""
        if level + 1 < len(self.levels):
            return self.spans(here, part_end, level + 1)
        return [(here, part_end)]

    def _pack_whole_parts(
        self, here: int, part_end: int, level: int, start: int, end: int
    ) -> tuple[int, int] | None:
        """The longest span of whole parts from `here`, and as much overlap as fits before them.

        The overlap repeats whole sentences. Within a sentence that is divided from `start` on, it repeats parts of it.

        Returns:
            None if not even the first part fits.
        """
        if part_end - here > self.chunk.size:
            return None
        within_sentence = level > self.sentences and here > start
        overlap_level, earliest = (level, start) if within_sentence else (self.sentences, 0)
        first = max(here - self.chunk.overlap, part_end - self.chunk.size, earliest)
        while True:
            first = self._cut_from(first, overlap_level, here)
            stop = self._farthest_stop(first, part_end, level, end)
            if stop is not None:
                return first, stop
            if first == here:
                return None
            first += 1

    def _farthest_stop(self, first: int, part_end: int, level: int, end: int) -> int | None:
        """Where the longest passage from `first` ends; None if it does not reach `part_end`.

        A passage may have more tokens by itself than within the text: its first word has no space before it, and a
        word may be cut. It is shortened until it fits.
        """
        stop = self._cut_up_to(first + self.chunk.size, level, end)
        while stop >= part_end:
            excess = self._length(first, stop) - self.chunk.size
            if excess <= 0:
                return stop
            stop = self._cut_up_to(stop - excess, level, end)
        return None

    def _length(self, first: int, stop: int) -> int:
        """Tokens of a passage by itself."""
        if (first, stop) not in self.lengths:
            passage = _slice(self.text, self.starts, first, stop)
            self.lengths[first, stop] = len(self.token_starts(passage))
        return self.lengths[first, stop]

    def _cut_behind(self, place: int, level: int, end: int) -> int:
        """The first place behind `place` where a level may be cut, or `end`."""
        places = self.levels[level]
        number = int(np.searchsorted(places, place, side="right"))
        return min(int(places[number]), end) if number < len(places) else end

    def _cut_up_to(self, place: int, level: int, end: int) -> int:
        """The last place up to `place` where a level may be cut; `end` if that comes before."""
        if place >= end:
            return end
        places = self.levels[level]
        number = int(np.searchsorted(places, place, side="right"))
        return int(places[number - 1]) if number else 0

    def _cut_from(self, place: int, level: int, end: int) -> int:
        """The first place from `place` on where a level may be cut, or `end`."""
        places = self.levels[level]
        number = int(np.searchsorted(places, place))
        return min(int(places[number]), end) if number < len(places) else end


def _levels(text: str, starts: Ints, by: str) -> tuple[list[Ints], int]:
    """Where a text may be cut, the strongest places first, and the level of sentences (or tokens)."""
    every = np.flatnonzero(np.diff(starts, prepend=-1))
    if by == "tokens":
        return [every], 0
    sentences = _tokens_at(starts, sentence_starts(text))
    if by == "sentences":
        return _nested([sentences, every]), 0
    outline = _outline(text)
    # A heading stays with what follows it, and whole unless it does not fit.
    first, last = (_tokens_at(starts, places) for places in (outline.headings, outline.headings_end))
    opened, closed = (np.bincount(places + 1, minlength=len(starts) + 2) for places in (first, last))
    within = np.cumsum(opened - closed) > 0
    behind = np.isin(np.arange(len(starts) + 1), last)
    levels = [_tokens_at(starts, places) for places in (*outline.sections, outline.blocks)]
    levels = [places[~within[places]] for places in (*levels, sentences)]
    words = _tokens_at(starts, [word.start() for word in WORD.finditer(text)])
    return _nested([*levels, words[~behind[words]], every]), len(levels) - 1


def _tokens_at(starts: Ints, positions: Sequence[int]) -> Ints:
    """The first tokens that begin at or after these characters, or n_tokens: [n] int64."""
    tokens: Ints = np.searchsorted(starts, np.asarray(positions, dtype=np.int64))
    return tokens


def _nested(levels: Sequence[Ints]) -> list[Ints]:
    """Levels with all places of the stronger ones in each."""
    nested = [np.unique(levels[0])]
    for places in levels[1:]:
        nested.append(np.union1d(nested[-1], places))
    return nested


def sentence_starts(text: str) -> list[int]:
    """Where sentences begin, by ICU: Unicode's rules (UAX #29); a line's end within a paragraph ends none."""
    from icu4py.breakers import SentenceBreaker

    unwrapped = WRAPPED.sub(lambda end: " " * len(end.group()), text)
    # Its own offsets count in UTF-16, so characters are counted here.
    return [0, *itertools.accumulate(len(sentence) for sentence in SentenceBreaker(unwrapped, "und"))]


@dataclass(frozen=True)
class _Outline:
    """The structure of a Markdown text, in positions of characters.

    Attributes:
        sections: for each level of headings where one begins.
        blocks: where paragraphs, items, tables' rows and the like begin.
        headings, headings_end: of sections that are not empty, where each heading's line begins and ends.
    """

    sections: tuple[list[int], ...]
    blocks: list[int]
    headings: list[int]
    headings_end: list[int]


def _outline(text: str) -> _Outline:
    """The structure of a text, by markdown-it (CommonMark, with tables)."""
    lines = [0, *(end.end() for end in LINE_END.finditer(text)), len(text)]
    outline = _Outline(tuple([] for _ in range(HEADINGS)), [], [], [])
    tokens = [token for token in _parser().parse(text) if token.map is not None]
    levels = [int(token.tag[1]) if _opens_section(token) else 0 for token in tokens]
    for number, (token, level) in enumerate(zip(tokens, levels, strict=True)):
        start, end = (lines[line] for line in token.map)
        if not level:
            outline.blocks.append(start)
            continue
        outline.sections[level - 1].append(start)
        follows = levels[number + 2] if number + 2 < len(tokens) else 1  # behind the heading's own words
        if not 0 < follows <= level:
            outline.headings.append(start)
            outline.headings_end.append(end)
    return outline


def _opens_section(token: Any) -> bool:
    return bool(token.type == "heading_open" and token.level == 0)


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").disable("inline")
