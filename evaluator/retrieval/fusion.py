"""Fusion of ranked lists: one pure function a method."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from evaluator.domain.ranking import Doubles, Ranking, rank
from evaluator.domain.variant import Fuse


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


def weighted(
    rankings: Sequence[Ranking], weights: Sequence[float], normalize: Callable[[Doubles], Doubles], depth: int
) -> Ranking:
    """Weighted sum of normalized scores; a document that a list lacks gets nothing from it (CombSUM).

    Source: Fox and Shaw, "Combination of multiple searches", TREC-2, 1994; with the lists normalized as by Montague
    and Aslam, "Relevance score normalization for metasearch", CIKM 2001.
    """
    scores: defaultdict[str, float] = defaultdict(float)
    for ranking, weight in zip(rankings, weights, strict=True):
        values = normalize(np.array(ranking.scores, dtype=np.float64))
        for doc_id, value in zip(ranking.doc_ids, values.tolist(), strict=True):
            scores[doc_id] += weight * value
    return rank(list(scores), list(scores.values()), depth)


def min_max(scores: Doubles) -> Doubles:
    """Scores between 0, the list's lowest, and 1, its highest; all 1 if they are equal."""
    if not len(scores):
        return scores
    low, high = scores.min(), scores.max()
    scaled: Doubles = (scores - low) / (high - low) if high > low else np.ones_like(scores)
    return scaled


def z_score(scores: Doubles) -> Doubles:
    """Scores in standard deviations from the list's mean; all 0 if they are equal."""
    if not len(scores):
        return scores
    deviation = scores.std()
    return (scores - scores.mean()) / deviation if deviation > 0 else np.zeros_like(scores)


def fuse_lists(rankings: Sequence[Ranking], fuse: Fuse, depth: int) -> Ranking:
    """One list from several, as a variant says."""
    if fuse.method == "rrf":
        return reciprocal_rank(rankings, fuse.k, depth)
    normalize = z_score if fuse.normalize == "z-score" else min_max
    return weighted(rankings, fuse.weights or (1.0,) * len(rankings), normalize, depth)
