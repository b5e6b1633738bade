"""Fusion of ranked lists: one pure function a method."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from evaluator.domain.ranking import Ranking, rank


def reciprocal_rank(rankings: Sequence[Ranking], k: float, depth: int) -> Ranking:
    """Reciprocal rank fusion: a document scores the sum of 1 / (k + rank) over the lists that hold it.

    Source: Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
    learning methods", SIGIR 2009; k = 60 there.
    """
    scores: defaultdict[str, float] = defaultdict(float)
    for ranking in rankings:
        for place, doc_id in enumerate(ranking.doc_ids, start=1):
            scores[doc_id] += 1.0 / (k + place)
    return rank(list(scores), list(scores.values()), depth)
