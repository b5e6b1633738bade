"""Exact dense search: candidates by a blocked matrix product, decided in double precision.

A float32 matrix product's last bits depend on how many queries are multiplied at once. So the product only
chooses candidates, with a margin wider than its error; their scores are then computed in float64, rounded to
float32 and ordered by the ranking policy. A query's list does not depend on the batch it came in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluator.domain.ranking import Floats, Ints, Ranking, ranking_from_rows, tie_order, top_rows
from evaluator.errors import EncodingError

MARGIN = 32
"""Documents fetched beyond the depth, so that one pass is enough for nearly every query."""

FLOAT32_ROUNDOFF = 2.0**-24
"""Half a unit in the last place of 1."""

BLOCK_ROWS = 8192
"""Candidates decided at once: 25 MB in float64 at 384 dimensions."""


class DenseIndex:
    """Nearest documents by inner product of unit vectors (cosine).

    Args:
        documents: [n_docs, dim] float32, unit rows; may be memory-mapped.
        queries: [n_queries, dim] float32, unit rows.
        doc_ids: n_docs ids.
    """

    def __init__(self, documents: Floats, queries: Floats, doc_ids: Sequence[str]) -> None:
        self._documents = documents
        self._queries = queries
        self._doc_ids = doc_ids
        self._ties = tie_order(doc_ids)

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        """Ranked lists of the queries at these rows."""
        vectors = np.ascontiguousarray(self._queries[list(queries)])
        return [
            self._decide(vector, rows, depth)
            for vector, rows in zip(vectors, self._candidates(vectors, depth), strict=True)
        ]

    def _candidates(self, vectors: Floats, depth: int) -> list[Ints]:
        """For each query the rows of all documents that can be among its first `depth`."""
        n_docs, dim = self._documents.shape
        # No inner product of unit vectors is further off than dim roundoffs (Higham 2002, eq. 3.5); one more for
        # rounding the exact score to float32, which may make a tie.
        error = (dim + 1) * FLOAT32_ROUNDOFF
        found: list[Ints] = [np.empty(0, dtype=np.int64)] * len(vectors)
        waiting, fetch = np.arange(len(vectors)), min(depth + MARGIN, n_docs)
        while len(waiting):
            scores, rows = nearest(vectors[waiting], self._documents, fetch)
            # Enough is fetched once the worst fetched document is out of reach of the depth-th.
            last = min(depth, n_docs) - 1
            enough = (scores[:, last] - scores[:, -1] > 2 * error) | (fetch == n_docs)
            for place in np.flatnonzero(enough):
                found[waiting[place]] = rows[place]
            waiting, fetch = waiting[~enough], min(fetch * 4, n_docs)
        return found

    def _decide(self, query: Floats, rows: Ints, depth: int) -> Ranking:
        # Row by row and in blocks: a matrix product's last bits depend on a row's place in the matrix, and every
        # document is a candidate of a query whose vector is zero.
        wanted = query.astype(np.float64)
        exact = np.empty(len(rows), dtype=np.float64)
        for start in range(0, len(rows), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            exact[block] = (self._documents[rows[block]] * wanted).sum(axis=1)
        best = top_rows(exact, self._ties[rows], depth)
        return ranking_from_rows(best, exact, [self._doc_ids[row] for row in rows.tolist()])


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
    if (rows < 0).any():  # how faiss says that it found fewer than k
        raise EncodingError("the vector of a query or document is not finite; remove its index, run again")
    return scores, rows
