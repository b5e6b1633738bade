"""Measures, and our policy for computing them. The arithmetic is trec_eval's, through ir-measures.

Policy (shown next to every score): lists are ordered before scoring and scored by rank, so that no provider
orders them anew; the ideal comes from all judged documents; grades below 1 are not relevant; an empty list of
a judged query scores 0; a query without a relevant document is not scored.
"""

from __future__ import annotations

import difflib
import re
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
MAX_CUTOFF = 10_000
"""Deepest cutoff of a measure: as many documents as one list may hold."""

MAX_NOTATION = 200
"""Characters of a measure's notation."""


@lru_cache(maxsize=256)
def parse_measure(notation: str) -> Measure:
    """The measure that ir-measures' notation names, such as `nDCG@10`.

    Raises:
        InvalidInputError: it is no measure, or no provider here can compute it.
    """
    if len(notation) > MAX_NOTATION:
        raise InvalidInputError(
            f"{notation[:20]!r}... is not a measure: longer than {MAX_NOTATION} characters"
        )
    try:
        measure = ir_measures.parse_measure(notation)
    except NameError as error:
        raise InvalidInputError(f"{notation!r} is not a measure{_suggestion(notation)}") from error
    except (ValueError, TypeError, SyntaxError) as error:
        raise InvalidInputError(
            f"{notation!r} is not a measure; write it as ir-measures does: nDCG@10, RR@10, R@100, AP(rel=2)"
        ) from error
    try:
        supported = ir_measures.DefaultPipeline.supports(measure)
    except AssertionError as error:  # how ir-measures refuses parameters
        raise InvalidInputError(f"{notation!r} is not a measure: {error}") from error
    if not supported:
        raise InvalidInputError(f"{notation!r} cannot be computed by the providers installed here")
    cutoff = measure.params.get("cutoff", 1)
    if isinstance(cutoff, bool) or not 1 <= cutoff <= MAX_CUTOFF:
        raise InvalidInputError(f"{notation!r} needs a cutoff from 1 to {MAX_CUTOFF}, such as @10")
    return measure


def _suggestion(notation: str) -> str:
    name = re.split(r"\W", notation, maxsplit=1)[0]
    names = {alias.lower(): measure.NAME for alias, measure in ir_measures.measures.registry.items()}
    close = difflib.get_close_matches(name.lower(), names, n=1)
    return (
        f"; did you mean {names[close[0]]}{notation[len(name) :]}?"
        if close
        else "; try nDCG@10, RR@10, R@100, AP"
    )


def canonical_measures(notations: Sequence[str]) -> tuple[str, ...]:
    """The measures as ir-measures prints them, each once, in the given order.

    Raises:
        InvalidInputError: one of them is no measure.
    """
    return tuple(dict.fromkeys(str(parse_measure(notation)) for notation in notations))


def needed_depth(notations: Sequence[str]) -> int:
    """How many documents of each list the measures look at."""
    cutoffs: list[int] = [parse_measure(n).params.get("cutoff", DEPTH_WITHOUT_CUTOFF) for n in notations]
    return max([MINIMAL_DEPTH, *cutoffs])


def relevant_count(grades: Mapping[str, int]) -> int:
    """Documents with a grade of 1 or more."""
    return sum(grade >= 1 for grade in grades.values())


def score_queries(
    rankings: Mapping[str, Ranking], qrels: Qrels, notations: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Score each query's list.

    Providers are given numbers for ids: some of them write files that no space and no letter may be in.

    Args:
        rankings: lists by query id, already in the policy's order.
        qrels: judgments of these queries; other queries' are ignored.
        notations: measures in ir-measures' notation. `Judged@10` is always added.

    Returns:
        values by query id, then notation; an empty mapping for a query without a relevant document.
    """
    measures = list(dict.fromkeys(parse_measure(n) for n in (*notations, JUDGED)))
    values: dict[str, dict[str, float]] = {query_id: {} for query_id in rankings}
    judgments: list[ir_measures.Qrel] = []
    run: list[ir_measures.ScoredDoc] = []
    filled: dict[str, str] = {}
    for query_id, ranking in rankings.items():
        grades = qrels.get(query_id, {})
        if relevant_count(grades) == 0:
            continue
        values[query_id] = {str(measure): 0.0 for measure in measures}
        if not ranking.doc_ids:
            continue
        query_number = str(len(filled))
        filled[query_number] = query_id
        numbers = {doc_id: str(n) for n, doc_id in enumerate(dict.fromkeys((*ranking.doc_ids, *grades)))}
        # Grades below 0 exist in real collections (Cranfield's -1): judged, and not relevant.
        judgments += [
            ir_measures.Qrel(query_number, numbers[doc_id], max(grade, 0)) for doc_id, grade in grades.items()
        ]
        run += [
            ir_measures.ScoredDoc(query_number, numbers[doc_id], float(len(ranking) - place))
            for place, doc_id in enumerate(ranking.doc_ids)
        ]
    if run:
        for metric in ir_measures.iter_calc(measures, judgments, run):
            values[filled[metric.query_id]][str(metric.measure)] = float(metric.value)
    return values
