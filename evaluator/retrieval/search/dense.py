"""Exact search: choose in float32, decide in float64.

Candidates come from a fast search whose scores may be off by rounding errors. Enough are fetched that no other
document can be among the first `depth`; then each candidate's score is computed again in float64, in a way that does
not depend on other queries or on the number of threads (ADR 0010). So the lists are those of exact arithmetic, and
a batch of queries gives what each query alone gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np

from evaluator.domain.ranking import Doubles, Floats, Ints, Ranking, ranking_from_rows, tie_order, top_rows
from evaluator.errors import EncodingError
from evaluator.retrieval.search.grouping import Grouping

Metric = Literal["cosine", "dot", "euclidean"]

MARGIN = 32
"""Documents fetched beyond the depth, so that one pass is enough for nearly every query."""

FLOAT32_ROUNDOFF = 2.0**-24
"""Half a unit in the last place of 1."""

BLOCK_ROWS = 8192
"""Candidates decided at once: 25 MB in float64 at 384 dimensions."""


class Vectors(Protocol):
    """Vectors that can be searched."""

    def __len__(self) -> int:
        """Number of vectors."""
        ...

    def nearest(self, queries: Floats, k: int) -> tuple[Floats, Ints]:
        """The k best of each query, roughly: scores [n_queries, k] float32, descending, and rows [n_queries, k] int64.

        Raises:
            EncodingError: a vector is not finite.
        """
        ...

    def error(self, query: Floats) -> float:
        """By how much a score of `nearest` may differ from that of `exact`, rounded to float32."""
        ...

    def exact(self, query: Floats, rows: Ints) -> Doubles:
        """Scores of these rows: [n_rows] float64, the same whatever other rows are asked for."""
        ...


class FlatVectors:
    """Vectors as they are.

    Args:
        matrix: [n, dim] float32; may be memory-mapped. For cosine its rows, and the queries, have length 1.
        metric: `euclidean` scores by the negative distance.
    """

    def __init__(self, matrix: Floats, metric: Metric = "cosine") -> None:
        self.matrix = matrix
        self._metric = metric
        self._longest: float | None = 1.0 if metric == "cosine" else None

    def __len__(self) -> int:
        return len(self.matrix)

    def nearest(self, queries: Floats, k: int) -> tuple[Floats, Ints]:
        """See `Vectors.nearest`."""
        if self._metric != "euclidean":
            return nearest(queries, self.matrix, k)
        import faiss  # noqa: PLC0415  a fifth of a second, which BM25 alone does not need

        squared, rows = faiss.knn(queries, self.matrix, k, metric=faiss.METRIC_L2)
        return -np.sqrt(np.maximum(_found(squared, rows), 0)), rows

    def error(self, query: Floats) -> float:
        """See `Vectors.error`; the bound on inner products is Higham's (2002), eq. 3.5."""
        if self._longest is None:
            self._longest = longest_row(self.matrix)
        roundoffs: float = (
            self.matrix.shape[1] + 1
        ) * FLOAT32_ROUNDOFF  # one more for rounding the exact score
        if self._metric == "cosine":
            return roundoffs  # of unit vectors
        length = float(np.linalg.norm(query.astype(np.float64)))
        if self._metric == "dot":
            return roundoffs * length * self._longest
        # Of a squared distance 4 roundoffs * (|q| + |d|)^2, so of the distance, at most the root of that.
        return float(np.sqrt(4 * roundoffs)) * (length + self._longest)

    def exact(self, query: Floats, rows: Ints) -> Doubles:
        """See `Vectors.exact`."""
        # Row by row and in blocks: a matrix product's last bits depend on a row's place in the matrix, and every
        # document is a candidate of a query whose vector is zero.
        exact_query = query.astype(np.float64)
        scores = np.empty(len(rows), dtype=np.float64)
        for start in range(0, len(rows), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            if self._metric == "euclidean":
                scores[block] = -np.sqrt(((self.matrix[rows[block]] - exact_query) ** 2).sum(axis=1))
            else:
                scores[block] = (self.matrix[rows[block]] * exact_query).sum(axis=1)
        return scores


def longest_row(matrix: Floats) -> float:
    """The length of the longest row."""
    blocks = range(0, len(matrix), BLOCK_ROWS)
    lengths = [
        np.linalg.norm(matrix[start : start + BLOCK_ROWS].astype(np.float64), axis=1) for start in blocks
    ]
    return float(max(block.max() for block in lengths)) if lengths else 0.0


class DenseIndex:
    """Nearest documents, by one vector each, or by the vectors of their passages.

    Args:
        vectors: one for each document, or for each passage if `grouping` is given.
        doc_ids: n_docs ids.
        grouping: which passages are of which document.
    """

    def __init__(self, vectors: Vectors, doc_ids: Sequence[str], grouping: Grouping | None = None) -> None:
        self._vectors = vectors
        self._doc_ids = doc_ids
        self._grouping = grouping
        self._ties = tie_order(doc_ids)

    def search(self, queries: Floats, depth: int) -> list[Ranking]:
        """Ranked lists of queries: [n_queries, dim] float32."""
        ranked = self.search_rows(np.ascontiguousarray(queries), depth)
        return [
            ranking_from_rows(np.arange(len(rows)), scores, [self._doc_ids[row] for row in rows.tolist()])
            for rows, scores in ranked
        ]

    def search_rows(self, queries: Floats, depth: int) -> list[tuple[Ints, Doubles]]:
        """For each query the rows of its first `depth` documents, in order, and their scores."""
        depth = min(depth, len(self._doc_ids))
        best: list[tuple[Ints, Doubles]] = [(np.empty(0, np.int64), np.empty(0))] * len(queries)
        waiting, fetch = np.arange(len(queries)), min(depth + MARGIN, len(self._vectors))
        while len(waiting):
            scores, rows = self._vectors.nearest(queries[waiting], fetch)
            undecided = []
            for place, fetched_scores, fetched in zip(waiting.tolist(), scores, rows, strict=True):
                decided = self._decide(queries[place], fetched_scores, fetched, depth)
                if decided is None:
                    undecided.append(place)
                else:
                    best[place] = decided
            waiting, fetch = np.array(undecided, dtype=np.int64), min(fetch * 4, len(self._vectors))
        return best

    def _decide(self, query: Floats, scores: Floats, rows: Ints, depth: int) -> tuple[Ints, Doubles] | None:
        """The first documents of a query; None if one that was not fetched could be among them."""
        error = self._vectors.error(query)
        if self._grouping is None:
            # Enough is fetched once the worst fetched document is out of reach of the depth-th.
            if len(rows) < len(self._vectors) and not scores[depth - 1] - scores[-1] > 2 * error:
                return None
            exact = self._vectors.exact(query, rows)
            best = top_rows(exact, self._ties[rows], depth)
            return rows[best], exact[best]
        documents = np.unique(self._grouping.documents[rows])
        if len(documents) < depth and len(rows) < len(self._vectors):
            return None
        exact = self.exact(query, documents)
        best = top_rows(exact, self._ties[documents], depth)
        reach = self._grouping.bound(float(scores[-1]) + error)
        if (
            len(rows) < len(self._vectors)
            and not exact[best[-1]] - reach > FLOAT32_ROUNDOFF * abs(reach) + error
        ):
            return None
        return documents[best], exact[best]

    def exact(self, query: Floats, documents: Ints) -> Doubles:
        """Scores of some documents for a query: [n_documents] float64."""
        if self._grouping is None:
            return self._vectors.exact(query, documents)
        rows = self._grouping.rows_of(documents)
        return self._grouping.scores(self._vectors.exact(query, rows), documents)


class RescoredIndex:
    """A search over quantized vectors whose first documents are rescored with the full ones.

    Args:
        coarse: finds the candidates.
        full: scores them.
        factor: candidates for each document wanted.
    """

    def __init__(self, coarse: DenseIndex, full: DenseIndex, doc_ids: Sequence[str], factor: int) -> None:
        self._coarse, self._full, self._factor = coarse, full, factor
        self._doc_ids = doc_ids
        self._ties = tie_order(doc_ids)

    def search(self, queries: Floats, depth: int) -> list[Ranking]:
        """Ranked lists of queries: [n_queries, dim] float32."""
        return [
            self._rescore(query, rows, depth)
            for query, (rows, _) in zip(
                queries, self._coarse.search_rows(queries, depth * self._factor), strict=True
            )
        ]

    def _rescore(self, query: Floats, rows: Ints, depth: int) -> Ranking:
        rows = np.sort(rows)
        scores = self._full.exact(query, rows)
        best = top_rows(scores, self._ties[rows], depth)
        return ranking_from_rows(best, scores, [self._doc_ids[row] for row in rows.tolist()])


def nearest(queries: Floats, documents: Floats, k: int) -> tuple[Floats, Ints]:
    """The k largest inner products of each query, by faiss, which needs hardly more time than the matrix product.

    Blocks of NumPy take 2.2 times as long with one thread and 3.2 times with two (benchmarks/search.py).

    Returns:
        scores [n_queries, k] float32, descending, and rows [n_queries, k] int64.

    Raises:
        EncodingError: fewer than k products of a query are numbers.
    """
    import faiss  # noqa: PLC0415  a fifth of a second, which BM25 alone does not need

    scores, rows = faiss.knn(queries, documents, k, metric=faiss.METRIC_INNER_PRODUCT)
    return _found(scores, rows), rows


def _found(scores: Floats, rows: Ints) -> Floats:
    if (rows < 0).any():  # how faiss says that it found fewer than k
        raise EncodingError("the vector of a query or document is not finite; remove its index, run again")
    return scores
