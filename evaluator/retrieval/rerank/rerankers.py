"""Rerankers: they take a query and its candidates, and give the candidates in a new order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from evaluator.domain.ranking import Doubles, Floats, Ints, Ranking, rank, tie_order
from evaluator.retrieval.encoders.protocol import PairScorer
from evaluator.retrieval.search.dense import DenseIndex
from evaluator.retrieval.texts.documents import DocumentTexts


class Reranker(Protocol):
    """Reranks candidates."""

    def rerank(self, query: int, candidates: Ranking) -> Ranking:
        """The candidates of the query at this row in their new order, each once.

        A candidate that the corpus lacks (a run made elsewhere may name it) cannot be scored, and is left out.
        """
        ...


class CrossEncoderReranker:
    """Scores query and document together, by a model that reads both."""

    def __init__(self, scorer: PairScorer, queries: Sequence[str], documents: DocumentTexts) -> None:
        self._scorer, self._queries, self._documents = scorer, queries, documents

    def rerank(self, query: int, candidates: Ranking) -> Ranking:
        """See `Reranker.rerank`."""
        doc_ids = [doc_id for doc_id in candidates.doc_ids if doc_id in self._documents]
        scores = self._scorer.score(self._queries[query], self._documents.read(doc_ids))
        return rank(doc_ids, scores.tolist(), len(doc_ids))


class DenseReranker:
    """Scores by the vectors of query and document."""

    def __init__(self, index: DenseIndex, queries: Floats, rows: Mapping[str, int]) -> None:
        self._index, self._queries, self._rows = index, queries, rows

    def rerank(self, query: int, candidates: Ranking) -> Ranking:
        """See `Reranker.rerank`."""
        doc_ids = [doc_id for doc_id in candidates.doc_ids if doc_id in self._rows]
        rows = np.array([self._rows[doc_id] for doc_id in doc_ids], dtype=np.int64)
        scores = self._index.exact(np.asarray(self._queries[query]), rows)
        return rank(doc_ids, scores.tolist(), len(doc_ids))


class MMRReranker:
    """Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998), by cosine of the encoder's vectors.

    The next candidate is always the one whose lambda * cos(query, d) - (1 - lambda) * max cos(d, chosen) is
    highest. Its score is its place from the end: the values themselves need not fall.
    """

    def __init__(self, documents: Floats, queries: Floats, rows: Mapping[str, int], relevance: float) -> None:
        self._documents, self._queries, self._rows, self._relevance = documents, queries, rows, relevance

    def rerank(self, query: int, candidates: Ranking) -> Ranking:
        """See `Reranker.rerank`."""
        doc_ids = [doc_id for doc_id in candidates.doc_ids if doc_id in self._rows]
        if not doc_ids:
            return Ranking((), ())
        vectors = self._documents[[self._rows[doc_id] for doc_id in doc_ids]].astype(np.float64)
        relevance = (vectors * np.asarray(self._queries[query], dtype=np.float64)).sum(axis=1)
        order = maximal_marginal_relevance(relevance, vectors, tie_order(doc_ids), self._relevance)
        return in_order([doc_ids[place] for place in order])


def maximal_marginal_relevance(relevance: Doubles, vectors: Doubles, ties: Ints, balance: float) -> list[int]:
    """The order in which candidates are chosen.

    Args:
        relevance: [n] of each candidate for the query.
        vectors: [n, dim] unit rows.
        ties: [n] of which the higher wins.
        balance: lambda.
    """
    remaining = np.arange(len(relevance))
    redundancy = np.zeros(len(relevance))  # of the first, which nothing can repeat
    order: list[int] = []
    while len(remaining):
        values = balance * relevance[remaining] - (1 - balance) * redundancy[remaining]
        chosen = int(remaining[np.lexsort((-ties[remaining], -values))[0]])
        similarity = (vectors * vectors[chosen]).sum(axis=1)
        redundancy = np.maximum(redundancy, similarity) if order else similarity
        order.append(chosen)
        remaining = remaining[remaining != chosen]
    return order


def in_order(doc_ids: Sequence[str]) -> Ranking:
    """A list of which only the order counts: a document's score is its place from the end."""
    return Ranking(tuple(doc_ids), tuple(float(len(doc_ids) - place) for place in range(len(doc_ids))))
