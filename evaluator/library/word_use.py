"""How BM25 finds words in a dataset's texts, whether that fits its language, and which queries have none."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.variant import BM25
from evaluator.errors import DatasetDamagedError, UnknownNameError
from evaluator.library import catalog
from evaluator.retrieval.texts.languages import corpus_language
from evaluator.retrieval.texts.words import open_words
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

NAMED = 3
"""Variants, or queries, that a sentence names."""
WORD_USES = Kind("word uses", 64)


@dataclass(frozen=True)
class WordUse:
    """One way to find words.

    Attributes:
        variants: names of the variants that do.
        tokenizer, stemmer, stop_words: as in an experiment file.
        language: the language of most of the corpus, in words; None if it cannot be told.
        fits: whether stemmer and stop words are of that language, or none; also if it cannot be told.
        queries: number of the dataset's queries.
        empty: ids of the queries that are searched by no word, and so find nothing.
        stop_words_alone: ids of the queries that are searched by their stop words, because they have no other words.
    """

    variants: tuple[str, ...]
    tokenizer: str
    stemmer: str
    stop_words: str
    language: str | None
    fits: bool
    queries: int
    empty: tuple[str, ...]
    stop_words_alone: tuple[str, ...]

    @property
    def choice(self) -> str:
        """What is used, in a sentence."""
        corpus = (
            f"; the corpus is {self.language}" if self.language else "; the corpus's language is not known"
        )
        return (
            f"BM25 of {_named(self.variants)}: tokenizer {self.tokenizer}, stemmer {self.stemmer}, "
            f"stop words {self.stop_words}{corpus}."
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the scores should know, in sentences."""
        return tuple(self._remarks())

    def _remarks(self) -> Iterator[str]:
        of = f"BM25 of {_named(self.variants)}"
        if not self.fits:
            yield (
                f"{of}: the corpus is {self.language}, but the stemmer is {self.stemmer} and the stop words are "
                f"{self.stop_words}; auto takes those of the corpus's language."
            )
        if self.empty:
            yield f"{of} finds no word in {self._count(self.empty)}, and so no document."
        if self.stop_words_alone:
            yield f"{of} searches by stop words in {self._count(self.stop_words_alone)}: there are no other words."

    def _count(self, query_ids: tuple[str, ...]) -> str:
        return f"{len(query_ids):,} of {self.queries:,} queries ({_named(query_ids)})"


def word_uses(workspace: Workspace, spec: ExperimentSpec) -> tuple[WordUse, ...]:
    """The ways in which an experiment's variants find words, in the order of first use.

    Empty if the dataset can no longer be read: recorded scores stay readable, and whoever searches is told.
    """
    users: dict[BM25, list[str]] = {}
    for variant in spec.variants:
        for leaf in variant.retrieve.leaves():
            if isinstance(leaf, BM25):
                words = BM25(stemmer=leaf.stemmer, stop_words=leaf.stop_words, tokenizer=leaf.tokenizer)
                users.setdefault(words, []).append(variant.name)
    uses = []
    for words, names in users.items():
        with suppress(UnknownNameError, DatasetDamagedError):
            dataset = catalog.stored(workspace, spec.dataset)
            use = workspace.memory.get(WORD_USES, (spec.dataset, words), partial(_use, words, dataset))
            uses.append(dataclasses.replace(use, variants=tuple(dict.fromkeys(names))))
    return tuple(uses)


def word_remarks(workspace: Workspace, spec: ExperimentSpec) -> tuple[str, ...]:
    """What a reader of an experiment's scores should know about words, in sentences."""
    return tuple(remark for use in word_uses(workspace, spec) for remark in use.remarks)


def word_use_record(use: WordUse) -> dict[str, Any]:
    """A use of words as plain JSON types."""
    return {**dataclasses.asdict(use), "choice": use.choice, "remarks": list(use.remarks)}


def _use(bm25: BM25, dataset: StoredDataset) -> WordUse:
    language, words = corpus_language(dataset), open_words(bm25)
    empty, stopped = [], []
    for query in dataset.queries:
        if not words.query_terms(query.text):
            empty.append(query.query_id)
        elif words.is_stopped(query.text):
            stopped.append(query.query_id)
    fitting = {"none", language.stemmer}
    return WordUse(
        variants=(),
        tokenizer=bm25.tokenizer or "regex",
        stemmer=bm25.stemmer,
        stop_words=bm25.stop_words,
        language=language.name if language.code else None,
        fits=language.code is None or {bm25.stemmer, bm25.stop_words} <= fitting,
        queries=len(dataset.queries),
        empty=tuple(empty),
        stop_words_alone=tuple(stopped),
    )


def _named(names: tuple[str, ...]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest:,} more" if rest > 0 else "")
