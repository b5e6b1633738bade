"""The language of a corpus, and the stemmer and stop words that belong to it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from evaluator.datasets.health.text_statistics import UNKNOWN, languages_of
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Document
from evaluator.domain.experiment import Experiment
from evaluator.domain.json_record import JsonRecord
from evaluator.domain.pipelines.resolving import map_leaves
from evaluator.domain.variant import BM25, Leaf, Stemmer, StopWords

SAMPLE = 2000
"""Maximum documents that are looked at."""
PIECES = 100
"""Maximum pieces whose language is identified."""
PIECE_CHARACTERS = 1000
"""Characters of a piece; short documents are joined to one, because a few words do not tell their language."""

STEMMERS: Mapping[str, Stemmer] = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "cs": "czech", "da": "danish", "nl": "dutch",
    "en": "english", "eo": "esperanto", "et": "estonian", "fi": "finnish", "fr": "french", "de": "german",
    "el": "greek", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "ga": "irish", "it": "italian",
    "lt": "lithuanian", "ne": "nepali", "no": "norwegian", "nb": "norwegian", "nn": "norwegian", "fa": "persian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "es": "spanish",
    "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""Snowball's stemmers by ISO 639 codes."""


@dataclass(frozen=True)
class CorpusLanguage(JsonRecord):
    """The language of most of a corpus.

    Attributes:
        code: ISO 639; None if it cannot be told, or if no language has more than half of the corpus.
        share: its share of the sample, from 0 to 1; of the most frequent language if there is no code.
    """

    code: str | None
    share: float

    @property
    def stemmer(self) -> Stemmer:
        """The language's stemmer; `none` if it has none."""
        return STEMMERS.get(self.code or "", "none")

    @property
    def stop_words(self) -> StopWords:
        """The language's stop words; `none` if there is no list."""
        return cast("StopWords", self.stemmer) if self.stemmer in get_args(StopWords) else "none"

    @property
    def name(self) -> str:
        """The language for people: `German`, or its code."""
        return self.stemmer.capitalize() if self.stemmer != "none" else self.code or UNKNOWN


def corpus_language(dataset: StoredDataset) -> CorpusLanguage:
    """The language of a dataset's documents, identified once: another version of the identifier changes no choice.

    The sample does not depend on the order of documents.
    """
    store, name = dataset.store, f"languages/{dataset.manifest.corpus}.json"
    if not store.is_whole(name):
        store.put_json(name, _identified(_pieces(_sample(dataset))).to_json())
    return CorpusLanguage.from_json(store.read_json(name))


def _sample(dataset: StoredDataset) -> Iterator[str]:
    """The contents of the documents with the smallest keys, in the order of their keys."""
    keys = dataset.document_keys()
    rows = sorted(range(len(keys)), key=keys.__getitem__)[:SAMPLE]
    wanted, texts, row = set(rows), {}, 0
    for batch in dataset.corpus_batches(("title", "text")):
        for n in range(row, row + batch.num_rows):
            if n in wanted:
                title, text = (column[n - row].as_py() for column in batch.columns)
                texts[n] = Document("", title, text).content[:PIECE_CHARACTERS]
        row += batch.num_rows
    return (texts[n] for n in rows)


def _pieces(texts: Iterator[str]) -> list[str]:
    """Texts joined to pieces that are long enough."""
    pieces, piece = [], ""
    for text in texts:
        piece = f"{piece} {text}".strip()
        if len(piece) >= PIECE_CHARACTERS:
            pieces.append(piece)
            piece = ""
        if len(pieces) == PIECES:
            return pieces
    return [*pieces, piece] if piece and (len(piece) > PIECE_CHARACTERS // 2 or not pieces) else pieces


def _identified(pieces: Sequence[str]) -> CorpusLanguage:
    counted = Counter(languages_of(pieces))
    counted.pop(UNKNOWN, None)
    if not counted:
        return CorpusLanguage(None, 0.0)
    code, count = counted.most_common(1)[0]
    share = count / len(pieces)
    return CorpusLanguage(code if share > 0.5 else None, share)


def with_language(experiment: Experiment, dataset: StoredDataset) -> Experiment:
    """The experiment with the corpus's language in place of every `auto`; names in fusions must be resolved."""
    variants = tuple(
        dataclasses.replace(
            variant, retrieve=map_leaves(variant.retrieve, lambda leaf: _resolved(leaf, dataset))
        )
        for variant in experiment.variants
    )
    return dataclasses.replace(experiment, variants=variants)


def _resolved(leaf: Leaf, dataset: StoredDataset) -> Leaf:
    return resolved(leaf, dataset) if isinstance(leaf, BM25) else leaf


def resolved(bm25: BM25, dataset: StoredDataset) -> BM25:
    """BM25 with the corpus's language in place of `auto`."""
    if "auto" not in (bm25.stemmer, bm25.stop_words):
        return bm25
    language = corpus_language(dataset)
    return dataclasses.replace(
        bm25,
        stemmer=language.stemmer if bm25.stemmer == "auto" else bm25.stemmer,
        stop_words=language.stop_words if bm25.stop_words == "auto" else bm25.stop_words,
    )
