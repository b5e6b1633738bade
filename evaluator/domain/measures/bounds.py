"""How unjudged documents could change a score.

Two cases are computed: none of the unjudged documents among a list's first is relevant, which is what the score
assumes, and all of them are, with grade 1 (the idea of RBP's residual: Moffat and Zobel, TOIS 2008). A mix can lie
outside for measures whose ideal grows with every relevant document, such as nDCG and recall; for those that look at
the list alone, such as P and RR, nothing does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from evaluator.domain.dataset import Qrels
from evaluator.domain.measures.scoring import score_queries
from evaluator.domain.ranking import Ranking

ASSUMED_GRADE = 1
"""Grade of an unjudged document that is assumed to be relevant."""


@dataclass(frozen=True)
class Bounds:
    """The lower and the higher of the two values; `unjudged`: how many of the list's first documents are unjudged."""

    low: float
    high: float
    unjudged: int


def unjudged(ranking: Ranking, grades: Collection[str], depth: int) -> list[str]:
    """The unjudged documents among the first `depth`, in the list's order."""
    return [doc_id for doc_id in ranking.doc_ids[:depth] if doc_id not in grades]


def score_bounds(
    rankings: Mapping[str, Ranking], qrels: Qrels, measure: str, depth: int
) -> dict[str, Bounds]:
    """Bounds of each query's score; queries without a score, such as those without a relevant document, are absent.

    Args:
        rankings: lists by query id, in the policy's order.
        measure: in ir-measures' notation.
        depth: documents of a list that are looked at.
    """
    open_ = {
        query_id: unjudged(ranking, qrels.get(query_id, {}), depth) for query_id, ranking in rankings.items()
    }
    generous = {
        query_id: {**qrels.get(query_id, {}), **dict.fromkeys(doc_ids, ASSUMED_GRADE)}
        for query_id, doc_ids in open_.items()
    }
    strict_scores = score_queries(rankings, qrels, [measure])
    generous_scores = score_queries(rankings, generous, [measure])
    bounds = {}
    for query_id, scores in strict_scores.items():
        if measure in scores and measure in generous_scores[query_id]:
            both = scores[measure], generous_scores[query_id][measure]
            bounds[query_id] = Bounds(min(both), max(both), len(open_[query_id]))
    return bounds
