"""Measures, and the ranking policy for computing them. The arithmetic is trec_eval's, through ir-measures.

The policy is shown next to every score: lists are ordered before scoring and scored by rank, so that no provider
reorders them; the ideal comes from all judged documents; grades below 1 are not relevant; an empty list of a judged
query scores 0; a query without a relevant document is not scored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import ir_measures
from ir_measures import Measure

from evaluator.domain.dataset import Qrels
from evaluator.domain.measures.names import meant
from evaluator.domain.ranking import Ranking
from evaluator.errors import InvalidInputError

POLICY_VERSION = 1
"""Increased whenever a rule changes; scores of different versions are never averaged or compared."""

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "R@100", "AP@100")
JUDGED = "Judged@10"
"""Share of the first ten documents that are judged; always computed, shown beside every score."""

DEPTH_WITHOUT_CUTOFF = 1000
"""Documents of a list for measures without a cutoff, as in TREC runs."""
MINIMAL_DEPTH = 100
MAX_CUTOFF = 10_000
"""Maximum cutoff of a measure: as many documents as one list may hold."""

MAX_PARAMETER = 1_000_000
"""Maximum grade, gain or other parameter of a measure; larger values overflow in some provider."""

MAX_NOTATION = 200
"""Maximum characters of a measure's notation."""

EXAMPLES = "; try nDCG@10, RR@10, R@100, AP"
SYNTAX = "; write it as ir-measures does: nDCG@10, RR@10, R@100, AP(rel=2)"
"""The end of an error message without a better suggestion."""
NO_VALUE = (ArithmeticError, LookupError, TypeError, ValueError, AssertionError)
"""Errors that mean that a measure has no value for some lists; others mean that a provider failed, or a timeout."""

LACKING = re.compile(r"invalid param (\w+)=<object")
SUPERFLUOUS = re.compile(r"unsupported params found: \[(.*)\]")
"""Messages with which ir-measures refuses parameters."""


@lru_cache(maxsize=256)
def parse_measure(notation: str) -> Measure:
    """The measure that ir-measures' notation names, such as `nDCG@10`, if it can be computed.

    Raises:
        InvalidInputError: the notation is no measure, no installed provider can compute the measure, or the measure has
            no value for any list.
    """
    measure = _parsed(notation)
    if reason := _no_value_reason(measure):
        raise InvalidInputError(
            f"{notation!r} cannot be computed: none of the lists that were tried has a value ({reason})"
            f"{suggestion(notation)}"
        )
    return measure


@lru_cache(maxsize=256)
def _parsed(notation: str) -> Measure:
    """The measure of a notation, whether or not the measure has a value for any list.

    Raises:
        InvalidInputError: the notation is no measure, or no installed provider can compute the measure.
    """
    if len(notation) > MAX_NOTATION:
        raise InvalidInputError(
            f"{notation[:20]!r}... is not a measure: longer than {MAX_NOTATION} characters"
        )
    try:
        measure = ir_measures.parse_measure(notation)
    except NameError as error:
        raise InvalidInputError(f"{notation!r} is not a measure{suggestion(notation)}") from error
    except (ValueError, TypeError, SyntaxError) as error:
        raise InvalidInputError(f"{notation!r} is not a measure{suggestion(notation, SYNTAX)}") from error
    try:
        supported = ir_measures.DefaultPipeline.supports(measure)
    except AssertionError as error:  # ir-measures refuses parameters with this error
        raise InvalidInputError(
            f"{notation!r} is not a measure: {_refusal(error)}{suggestion(notation)}"
        ) from error
    if not supported:
        raise InvalidInputError(f"{notation!r} cannot be computed by the providers installed here")
    cutoff = measure.params.get("cutoff", 1)
    if isinstance(cutoff, bool) or not 1 <= cutoff <= MAX_CUTOFF:
        raise InvalidInputError(f"{notation!r} needs a cutoff from 1 to {MAX_CUTOFF}, such as @10")
    if any(abs(number) > MAX_PARAMETER for number in _numbers(measure.params)):
        raise InvalidInputError(f"{notation!r} has a parameter above {MAX_PARAMETER:,}; choose a smaller one")
    return measure


def _numbers(parameter: object) -> Iterator[float]:
    """The numbers in a measure's parameters, which may map grades to gains."""
    if isinstance(parameter, Mapping):
        for name, value in parameter.items():
            yield from _numbers(name)
            yield from _numbers(value)
    elif isinstance(parameter, int | float):
        yield parameter


def suggestion(notation: str, otherwise: str = EXAMPLES) -> str:
    """What to write instead, as the end of a sentence."""
    guess = meant(notation, _is_computable)
    return f"; did you mean {guess}?" if guess else otherwise


def _is_computable(notation: str) -> bool:
    try:
        measure = ir_measures.parse_measure(notation)
        return bool(ir_measures.DefaultPipeline.supports(measure)) and _no_value_reason(measure) is None
    except (NameError, ValueError, TypeError, SyntaxError, AssertionError):
        return False


def _refusal(error: AssertionError) -> str:
    """What is wrong with a measure's parameters, in words."""
    message = str(error)
    if lacking := LACKING.search(message):
        return f"it needs {'a cutoff' if lacking[1] == 'cutoff' else lacking[1]}"
    if superfluous := SUPERFLUOUS.search(message):
        return f"it takes no {superfluous[1].replace(chr(39), '')}"
    return message


def _no_value_reason(measure: Measure) -> str | None:
    """Why a measure has no value for any of a few lists; None if it has one."""
    grade = measure.params.get("rel", 1)
    qrels = [
        ir_measures.Qrel("0", "good", max(grade, 2)),
        ir_measures.Qrel("0", "fair", 1),
        ir_measures.Qrel("0", "bad", 0),
    ]
    reason = "it gives none"
    for documents in (("bad", "good", "open", "fair"), ("good", "bad"), ("good",), ("bad", "open")):
        run = [ir_measures.ScoredDoc("0", doc_id, -place) for place, doc_id in enumerate(documents)]
        try:
            provider = ir_measures.DefaultPipeline.providers[_provider(measure)]
            if any(math.isfinite(metric.value) for metric in provider.iter_calc([measure], qrels, run)):
                return None
        except NO_VALUE as error:
            reason = str(error) or type(error).__name__
    return reason


def canonical_measures(notations: Sequence[str]) -> tuple[str, ...]:
    """The measures as ir-measures prints them, each once, in the given order.

    Raises:
        InvalidInputError: a notation is no measure.
    """
    return tuple(dict.fromkeys(str(parse_measure(notation)) for notation in notations))


def needed_depth(notations: Sequence[str]) -> int:
    """The number of documents of each list on which the measures depend."""
    cutoffs: list[int] = [_parsed(n).params.get("cutoff", DEPTH_WITHOUT_CUTOFF) for n in notations]
    return max([MINIMAL_DEPTH, *cutoffs])


def relevant_count(grades: Mapping[str, int]) -> int:
    """Number of documents with a grade of 1 or more."""
    return sum(grade >= 1 for grade in grades.values())


def score_queries(
    rankings: Mapping[str, Ranking], qrels: Qrels, notations: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Score each query's list.

    Providers get numbers in place of ids: some of them write files whose ids must be numbers.

    Args:
        rankings: lists by query id, already in the policy's order.
        qrels: judgments of these queries; judgments of other queries are ignored.
        notations: measures in ir-measures' notation. `Judged@10` is always added.

    Returns:
        Scores by query id, then notation; an empty mapping for a query without a relevant document. A measure that
        has no value for a query, or cannot be computed for it, is not in the query's mapping; it is never replaced by
        0. Scores of a query do not depend on the other queries.
    """
    measures = list(dict.fromkeys(_parsed(n) for n in (*notations, JUDGED)))
    values: dict[str, dict[str, float]] = {query_id: {} for query_id in rankings}
    judgments: list[ir_measures.Qrel] = []
    run: list[ir_measures.ScoredDoc] = []
    query_ids: dict[str, str] = {}  # by number
    for query_id, ranking in rankings.items():
        grades = qrels.get(query_id, {})
        if relevant_count(grades) == 0:
            continue
        if not ranking.doc_ids:
            values[query_id] = {str(measure): 0.0 for measure in measures}
            continue
        query_number = str(len(query_ids))
        query_ids[query_number] = query_id
        numbers = {doc_id: str(n) for n, doc_id in enumerate(dict.fromkeys((*ranking.doc_ids, *grades)))}
        # Grades below 0 exist in real collections (Cranfield's -1): judged, and not relevant.
        judgments += [
            ir_measures.Qrel(query_number, numbers[doc_id], max(grade, 0)) for doc_id, grade in grades.items()
        ]
        run += [
            ir_measures.ScoredDoc(query_number, numbers[doc_id], float(len(ranking) - place))
            for place, doc_id in enumerate(ranking.doc_ids)
        ]
    for group in _by_provider(measures) if run else ():
        for query_number, measure, value in _computed(group, judgments, run):
            values[query_ids[query_number]][measure] = value
    for query_id in query_ids.values():  # in the order of the measures, whatever the order of providers
        scores = values[query_id]
        values[query_id] = {name: scores[name] for name in map(str, measures) if name in scores}
    return values


def _by_provider(measures: Sequence[Measure]) -> list[list[Measure]]:
    """The measures grouped by provider.

    If ir-measures computed all measures at once, a missing value could become 0, depending on the other measures.
    """
    groups: dict[int, list[Measure]] = {}
    for measure in measures:
        groups.setdefault(_provider(measure), []).append(measure)
    return list(groups.values())


@lru_cache(maxsize=256)
def _provider(measure: Measure) -> int:
    """The index of the first provider that can compute a measure."""
    return next(
        place
        for place, provider in enumerate(ir_measures.DefaultPipeline.providers)
        if provider.is_available() and provider.supports(measure)
    )


def _computed(
    measures: Sequence[Measure], judgments: Sequence[ir_measures.Qrel], run: Sequence[ir_measures.ScoredDoc]
) -> Iterator[tuple[str, str, float]]:
    """Query, measure and value of all scores that can be computed.

    All are computed together; if that fails, each measure alone; if that fails, query by query.

    Args:
        measures: measures of one provider.
        judgments: judgments of all queries.
        run: ranked lists of all queries.
    """
    try:
        provider = ir_measures.DefaultPipeline.providers[_provider(measures[0])]
        metrics = list(provider.iter_calc(measures, judgments, run))
    except NO_VALUE:
        parts: list[tuple[Sequence[Measure], Sequence[ir_measures.Qrel], Sequence[ir_measures.ScoredDoc]]]
        if len(measures) > 1:
            parts = [([measure], judgments, run) for measure in measures]
        else:
            parts = [(measures, *query) for query in _by_query(judgments, run)]
        for part in parts if len(parts) > 1 else ():
            yield from _computed(*part)
        return
    for metric in metrics:
        if math.isfinite(metric.value):
            yield metric.query_id, str(metric.measure), float(metric.value)


def _by_query(
    judgments: Sequence[ir_measures.Qrel], run: Sequence[ir_measures.ScoredDoc]
) -> list[tuple[list[ir_measures.Qrel], list[ir_measures.ScoredDoc]]]:
    """The judgments and the ranked list of each query."""
    parts: dict[str, tuple[list[ir_measures.Qrel], list[ir_measures.ScoredDoc]]] = {}
    for judgment in judgments:
        parts.setdefault(judgment.query_id, ([], []))[0].append(judgment)
    for document in run:
        parts[document.query_id][1].append(document)
    return list(parts.values())
