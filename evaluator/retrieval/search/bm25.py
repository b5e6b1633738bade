"""BM25 by bm25s, over stemmed words (`texts.words`); Lucene's formula (Robertson and Zaragoza, 2009; Lù, 2024).

An index is one `.npz` file: the sparse score matrix by term, and the vocabulary. Documents that share no word
with the query are not retrieved. bm25s is imported where it computes: whoever only plans does not wait for it.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.ranking import EMPTY, Ranking, ranking_from_rows, tie_order, top_rows
from evaluator.domain.variant import BM25
from evaluator.retrieval.search.grouping import Grouping
from evaluator.retrieval.texts.encoder_texts import TextSet
from evaluator.retrieval.texts.words import open_words


def bm25_name(parameters: BM25, part: str) -> str:
    """The artifact of an index of some texts under these parameters."""
    return f"indexes/{part}/bm25-{fingerprint(dataclasses.replace(parameters, chunk=None))}.npz"


def build_bm25(parameters: BM25, texts: TextSet, store: ArtifactStore) -> None:
    """Index documents, or passages, and store the index."""

    import bm25s

    def write(path: Path) -> None:
        documents, numbers = open_words(parameters).index(texts.read_texts())
        model = bm25s.BM25(k1=parameters.k1, b=parameters.b, method="lucene")
        if numbers:
            model.index((documents, numbers), show_progress=False)
            terms = sorted(model.vocab_dict, key=model.vocab_dict.__getitem__)
            arrays = {name: model.scores[name] for name in ("data", "indices", "indptr")}
        else:  # a corpus without a single word
            terms = []
            arrays = {
                "data": np.empty(0, np.float32),
                "indices": np.empty(0, np.int32),
                "indptr": np.zeros(1, np.int32),
            }
        vocabulary = np.frombuffer("\n".join(terms).encode(), dtype=np.uint8)
        with path.open("wb") as file:
            np.savez(file, vocabulary=vocabulary, **arrays)

    store.put(bm25_name(parameters, texts.part), write)


class BM25Index:
    """A loaded index of documents, or of passages if `grouping` is given."""

    def __init__(
        self, path: Path, parameters: BM25, doc_ids: Sequence[str], grouping: Grouping | None = None
    ) -> None:
        import bm25s

        with np.load(path, allow_pickle=False) as arrays:
            terms = arrays["vocabulary"].tobytes().decode().split("\n")
            self._vocabulary = {term: number for number, term in enumerate(terms)}
            self._model = bm25s.BM25(k1=parameters.k1, b=parameters.b, method="lucene")
            self._model.nonoccurrence_array = None  # Lucene's formula scores matching words only
            self._model.scores = {
                "data": arrays["data"],
                "indices": arrays["indices"],
                "indptr": arrays["indptr"],
                "num_docs": len(doc_ids) if grouping is None else len(grouping.documents),
            }
        self._words = open_words(parameters)
        self._doc_ids = doc_ids
        self._grouping = grouping
        self._ties = tie_order(doc_ids)

    def search(self, queries: Sequence[str], depth: int) -> list[Ranking]:
        """Ranked lists of these queries."""
        return [self._search(self._words.query_terms(query), depth) for query in queries]

    def _search(self, words: Sequence[str], depth: int) -> Ranking:
        terms = [self._vocabulary[word] for word in words if word in self._vocabulary]
        if not terms:
            return EMPTY
        scores = self._model.get_scores_from_ids(terms)
        if self._grouping is not None:
            scores = self._grouping.scores(scores, np.arange(len(self._doc_ids)))
        rows = top_rows(scores, self._ties, depth)
        return ranking_from_rows(rows[scores[rows] > 0], scores, self._doc_ids)
