"""How unjudged documents could change a score.

Two cases are computed: none of the unjudged documents at the top of a list is relevant, as the score assumes, or all of
them are relevant with grade 1 (the idea of RBP's residual: Moffat and Zobel, TOIS 2008). For measures whose ideal grows
with every relevant document, such as nDCG and recall, a mixed case can lie outside these bounds; for measures of the
list alone, such as P and RR, it cannot.
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
    """The lower and the higher of the two values; `unjudged`: number of unjudged documents at the top of the list."""

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
        qrels: judgments of the queries.
        measure: the measure in ir-measures' notation.
        depth: number of documents at the top of a list whose judgments matter.
    """
    unjudged_ids = {
        query_id: unjudged(ranking, qrels.get(query_id, {}), depth) for query_id, ranking in rankings.items()
    }
    generous = {
        query_id: {**qrels.get(query_id, {}), **dict.fromkeys(doc_ids, ASSUMED_GRADE)}
        for query_id, doc_ids in unjudged_ids.items()
    }
    strict_scores = score_queries(rankings, qrels, [measure])
    generous_scores = score_queries(rankings, generous, [measure])
    bounds = {}
    for query_id, scores in strict_scores.items():
        if measure in scores and measure in generous_scores[query_id]:
            both = scores[measure], generous_scores[query_id][measure]
            bounds[query_id] = Bounds(min(both), max(both), len(unjudged_ids[query_id]))
    return bounds
