"""Measures, and our policy for computing them. The arithmetic is trec_eval's, through ir-measures.

Policy (shown next to every score): lists are ordered before scoring and scored by rank, so that no provider
orders them anew; the ideal comes from all judged documents; grades below 1 are not relevant; an empty list of a
judged query scores 0; a query without a relevant document is not scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import ir_measures
from ir_measures import Measure

from evaluator.domain.dataset import Qrels
from evaluator.domain.ranking import Ranking
from evaluator.errors import InvalidInputError

POLICY_VERSION = 1
"""Raised whenever a rule changes; scores of different versions are never averaged or compared."""

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "R@100", "AP@100")
JUDGED = "Judged@10"
"""Share of the first ten documents that somebody judged; always computed, shown beside every score."""

DEPTH_WITHOUT_CUTOFF = 1000
"""Documents kept for measures that look at the whole list (as TREC runs do)."""
MINIMAL_DEPTH = 100


@lru_cache(maxsize=256)
def parse_measure(notation: str) -> Measure:
    """The measure that ir-measures' notation names, such as `nDCG@10`.

    Raises:
        InvalidInputError: it is no measure, or no provider here can compute it.
    """
    try:
        measure = ir_measures.parse_measure(notation)
    except (ValueError, NameError, SyntaxError) as error:
        raise InvalidInputError(
            f"{notation!r} is not a measure ({error}); write it as ir-measures does, such as nDCG@10, RR@10, R@100, AP"
        ) from error
    if not ir_measures.DefaultPipeline.supports(measure):
        raise InvalidInputError(f"{notation!r} cannot be computed by the providers installed here")
    return measure


def canonical_measures(notations: Sequence[str]) -> tuple[str, ...]:
    """The measures as ir-measures prints them, each once, in the given order.

    Raises:
        InvalidInputError: one of them is no measure.
    """
    return tuple(dict.fromkeys(str(parse_measure(notation)) for notation in notations))


def needed_depth(notations: Sequence[str]) -> int:
    """How many documents of each list the measures look at."""
    cutoffs = [parse_measure(n).params.get("cutoff", DEPTH_WITHOUT_CUTOFF) for n in notations]
    return max([MINIMAL_DEPTH, *cutoffs])


def relevant_count(grades: Mapping[str, int]) -> int:
    """Documents with a grade of 1 or more."""
    return sum(grade >= 1 for grade in grades.values())


def score_queries(
    rankings: Mapping[str, Ranking], qrels: Qrels, notations: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Score each query's list.

    Args:
        rankings: lists by query id, already in the policy's order.
        qrels: judgments of these queries; other queries' are ignored.
        notations: measures in ir-measures' notation. `Judged@10` is always added.

    Returns:
        values by query id, then notation; an empty mapping for a query without a relevant document.
    """
    scored = [q for q in rankings if relevant_count(qrels.get(q, {})) > 0]
    values: dict[str, dict[str, float]] = {query_id: {} for query_id in rankings}
    if not scored:
        return values
    measures = [parse_measure(n) for n in dict.fromkeys((*notations, JUDGED))]
    # Grades below 0 exist in real collections (Cranfield's -1): judged, and not relevant.
    judgments = [
        ir_measures.Qrel(q, doc_id, max(grade, 0)) for q in scored for doc_id, grade in qrels[q].items()
    ]
    run = [
        ir_measures.ScoredDoc(q, doc_id, float(len(rankings[q]) - place))
        for q in scored
        for place, doc_id in enumerate(rankings[q].doc_ids)
    ]
    for metric in ir_measures.iter_calc(measures, judgments, run):
        if metric.query_id in values:
            values[metric.query_id][str(metric.measure)] = float(metric.value)
    return values
