"""Ranked lists and their order: score descending, ties by document id descending (trec_eval's rule).

Scores are rounded to float32 before they are ordered, as trec_eval does: a list that is exported and read again by any
tool has the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ranking:
    """One query's ranked list, best first. `scores` are float32 values, `doc_ids` of the same length."""

    doc_ids: tuple[str, ...]
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.doc_ids) != len(self.scores):
            raise ValueError(f"{len(self.doc_ids)} documents but {len(self.scores)} scores")

    def __len__(self) -> int:
        return len(self.doc_ids)

    def without(self, doc_ids: Collection[str]) -> Ranking:
        """The list without these documents."""
        others = [(d, s) for d, s in zip(self.doc_ids, self.scores, strict=True) if d not in doc_ids]
        return Ranking(tuple(d for d, _ in others), tuple(s for _, s in others))

    def top(self, depth: int) -> Ranking:
        """The first `depth` documents."""
        return Ranking(self.doc_ids[:depth], self.scores[:depth])


EMPTY = Ranking((), ())


def tie_order(doc_ids: Sequence[str]) -> Ints:
    """Each document's place when ids are sorted by their bytes: [n_docs] int64. The higher place wins a tie."""
    by_id = sorted(range(len(doc_ids)), key=lambda row: doc_ids[row].encode())
    places = np.empty(len(doc_ids), dtype=np.int64)
    places[by_id] = np.arange(len(doc_ids))
    return places


def top_rows(scores: npt.NDArray[np.floating], ties: Ints, depth: int) -> Ints:
    """Rows of the `depth` best documents, in the order of the ranking policy.

    Args:
        scores: [n_docs], rounded to float32 before they are compared.
        ties: [n_docs] int64, as from `tie_order`.
        depth: maximum number of rows.

    Returns:
        [min(depth, n_docs)] int64.
    """
    rounded = scores.astype(np.float32, copy=False)
    if depth < len(rounded):
        threshold = np.partition(rounded, len(rounded) - depth)[len(rounded) - depth]
        candidates = np.flatnonzero(rounded >= threshold)  # every document tied at the cut competes
    else:
        candidates = np.arange(len(rounded))
    order = np.lexsort((-ties[candidates], -rounded[candidates]))
    return candidates[order[:depth]].astype(np.int64, copy=False)


def ranking_from_rows(rows: Ints, scores: npt.NDArray[np.floating], doc_ids: Sequence[str]) -> Ranking:
    """The ranked list of rows that are already in order; `scores` are those of the whole corpus: [n_docs]."""
    return Ranking(
        tuple(doc_ids[row] for row in rows.tolist()), tuple(scores[rows].astype(np.float32).tolist())
    )


def rank(doc_ids: Sequence[str], scores: Sequence[float], depth: int) -> Ranking:
    """Order documents and their scores by the ranking policy and cut the list."""
    values = np.asarray(scores, dtype=np.float64)
    rows = top_rows(values, tie_order(doc_ids), depth)
    return ranking_from_rows(rows, values, doc_ids)
