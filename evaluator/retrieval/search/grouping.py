"""From passages to documents: which rows of an index belong to which document, and how their scores give its score."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator.domain.ranking import Doubles, Ints
from evaluator.domain.variant import Chunk

Scores = npt.NDArray[np.floating[Any]]


class Grouping:
    """The passages of each document lie next to each other, documents in the order of the corpus.

    Args:
        documents: [n_passages] int64, ascending: the row of the document that a passage is of.
        n_documents: every document has at least one passage.
        chunk: how passages' scores make a document's.
    """

    def __init__(self, documents: Ints, n_documents: int, chunk: Chunk) -> None:
        self.documents = documents
        self.starts: Ints = np.searchsorted(documents, np.arange(n_documents + 1)).astype(np.int64)
        self._chunk = chunk

    def rows_of(self, documents: Ints) -> Ints:
        """Rows of the passages of these documents, document after document: [n] int64."""
        counts = self.starts[documents + 1] - self.starts[documents]
        ends = np.cumsum(counts)
        shift = self.starts[documents] - (ends - counts)
        rows: Ints = np.arange(ends[-1] if len(ends) else 0) + np.repeat(shift, counts)
        return rows

    def scores(self, passages: Scores, documents: Ints) -> Doubles:
        """The documents' scores, from those of their passages as `rows_of` orders them: [n_documents] float64."""
        counts = self.starts[documents + 1] - self.starts[documents]
        if not len(documents):
            return np.empty(0, dtype=np.float64)
        starts = np.cumsum(counts) - counts
        if self._chunk.score == "max":
            best: Doubles = np.maximum.reduceat(passages.astype(np.float64), starts)
            return best
        # The best first within each document; then the first `top` of each count.
        owner = np.repeat(np.arange(len(documents)), counts)
        order = np.lexsort((-passages, owner))
        place = np.arange(len(passages)) - np.repeat(starts, counts)
        best_scores = np.where(place < self._chunk.top, passages[order].astype(np.float64), 0.0)
        total: Doubles = np.add.reduceat(best_scores, starts)
        return total / np.minimum(counts, self._chunk.top) if self._chunk.score == "mean" else total

    def bound(self, passage: float) -> float:
        """The highest score of a document none of whose passages scores more than this."""
        return passage * self._chunk.top if self._chunk.score == "sum" and passage > 0 else passage
