"""Comparison of two variants of an experiment query by query, or of all variants with one.

Differences are those of the variant called `a` minus the one called `b`, over the queries that the leaderboard
compares: those that every variant with a score has scored. `evaluator.analysis.decisions` decides what is separable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evaluator.analysis.decisions import Correction, between, correction, decisions_to, differences_to
from evaluator.analysis.overlap import Overlap
from evaluator.analysis.snapshot import Snapshot
from evaluator.domain.ranking import Doubles
from evaluator.domain.records import VariantCounts
from evaluator.domain.statistics.paired import PairedTest, paired_tests
from evaluator.domain.statistics.resampling import Resampled
from evaluator.domain.statistics.separability import Decision
from evaluator.errors import UnknownNameError
from evaluator.library.query_facts import QueryFacts
from evaluator.workspace.memory import Kind

if TYPE_CHECKING:
    import pandas as pd

AGAINST = Kind("against")


class Outcome(NamedTuple):
    """The comparison of two variants by one measure.

    Attributes:
        mean_a, mean_b: means over the compared queries.
        test: tests of the differences; Wilcoxon's only in a comparison of two variants by one measure.
        decision: whether they are separable.
        correction: what the decision is corrected for.
    """

    a: str
    b: str
    measure: str
    mean_a: float
    mean_b: float
    test: PairedTest
    decision: Decision
    correction: Correction

    @property
    def separable(self) -> bool:
        """Whether the difference is significant after the correction."""
        return self.decision.separable

    @property
    def ahead(self) -> str | None:
        """The variant with the higher mean; None if they are equal."""
        return None if self.test.difference == 0 else self.a if self.test.difference > 0 else self.b


@dataclass(frozen=True, eq=False)
class Pair:
    """Two variants by one measure, query by query.

    Attributes:
        query_ids: the compared queries by descending difference, equal ones by id.
        scores_a, scores_b: [n_queries] float64, in that order.
    """

    outcome: Outcome
    query_ids: tuple[str, ...]
    scores_a: Doubles
    scores_b: Doubles

    @cached_property
    def differences(self) -> Doubles:
        """[n_queries] float64, descending."""
        return self.scores_a - self.scores_b


def compare(snapshot: Snapshot, measure: str, a: str, b: str, baseline: str | None = None) -> Pair | None:
    """Compare two variants; None if there is no query to compare.

    Args:
        baseline: the variant chosen beforehand; used only if it is one of the two.

    Raises:
        UnknownNameError: the experiment has no variant of that name, or both names are the same.
    """
    snapshot.require_variant(a)
    snapshot.require_variant(b)
    if a == b:
        raise UnknownNameError(f"{a!r} is compared with itself; choose another variant")
    outcome = _outcome(snapshot, measure, a, b, baseline, ranks=True)
    if outcome is None:
        return None
    scores = snapshot.scores(measure)
    of_a, of_b = (scores.values[scores.variants.index(variant)] for variant in (a, b))
    compared = np.flatnonzero(scores.common)
    order = compared[np.argsort(of_b[compared] - of_a[compared], kind="stable")]
    return Pair(outcome, tuple(scores.query_ids[place] for place in order), of_a[order], of_b[order])


def _outcome(
    snapshot: Snapshot, measure: str, a: str, b: str, baseline: str | None, *, ranks: bool
) -> Outcome | None:
    finding, sampled = between(snapshot, measure, a, b, baseline), snapshot.resampled(measure)
    if finding is None or sampled is None:
        return None
    names = snapshot.scores(measure).names
    row, other = ([names.index(name)] for name in (a, b))
    difference = Resampled(
        sampled.values[row] - sampled.values[other],
        sampled.means[row] - sampled.means[other],
        sampled.flipped[row] - sampled.flipped[other],
    )
    (test,) = paired_tests(difference, ranks=ranks)
    means = _means(snapshot, measure)
    return Outcome(a, b, measure, means[a], means[b], test, *finding)


def against(snapshot: Snapshot, measure: str, baseline: str) -> tuple[Outcome, ...]:
    """Every other variant with a score, compared with a baseline that was chosen beforehand; the best first.

    Raises:
        UnknownNameError: the experiment has no variant of that name.
    """
    snapshot.require_variant(baseline)
    return snapshot.remember(AGAINST, (measure, baseline), lambda: _against(snapshot, measure, baseline))


def _against(snapshot: Snapshot, measure: str, baseline: str) -> tuple[Outcome, ...]:
    differences = differences_to(snapshot, measure, baseline)
    if differences is None:
        return ()
    names, means = snapshot.scores(measure).names, _means(snapshot, measure)
    decisions = decisions_to(snapshot, measure, baseline, pinned=True)
    corrected = correction(len(names), baseline)
    outcomes = [
        Outcome(name, baseline, measure, means[name], means[baseline], test, decisions[name], corrected)
        for name, test in zip(names, paired_tests(differences, ranks=False), strict=True)
        if name != baseline
    ]
    return tuple(sorted(outcomes, key=lambda outcome: -outcome.test.difference))


def _means(snapshot: Snapshot, measure: str) -> Mapping[str, float]:
    """Means of the variants with a score, over the compared queries, as on the leaderboard."""
    sampled, names = snapshot.resampled(measure), snapshot.scores(measure).names
    return {} if sampled is None else dict(zip(names, sampled.values.mean(axis=1).tolist(), strict=True))


def agreement(snapshot: Snapshot, a: str, b: str, baseline: str | None = None) -> tuple[Outcome, ...]:
    """The comparison of two variants by each of the experiment's measures that has queries to compare."""
    measures = snapshot.experiment.spec.measures
    outcomes = (_outcome(snapshot, measure, a, b, baseline, ranks=False) for measure in measures)
    return tuple(outcome for outcome in outcomes if outcome is not None)


def agree(outcomes: Sequence[Outcome]) -> bool:
    """Whether all measures agree on the better variant."""
    return len({outcome.ahead for outcome in outcomes} - {None}) < 2


def counts_of(snapshot: Snapshot, variants: Sequence[str]) -> list[VariantCounts]:
    """The progress of these variants."""
    return [counted for counted in snapshot.counts if counted.variant in variants]


def paired_table(pair: Pair, facts: QueryFacts, lists: Overlap) -> pd.DataFrame:
    """A pair's queries by descending difference.

    Columns: query_id, text, a, b, difference, jaccard_10, rbo, tau, words, relevant.
    """
    import pandas as pd  # noqa: PLC0415  half a second, which the command line does not need

    rows = [facts.rows[query_id] for query_id in pair.query_ids]
    places = [lists.places[query_id] for query_id in pair.query_ids]
    return pd.DataFrame(
        {
            "query_id": pair.query_ids,
            "text": [facts.texts[row] for row in rows],
            "a": pair.scores_a,
            "b": pair.scores_b,
            "difference": pair.differences,
            "jaccard_10": lists.jaccard_10[places],
            "rbo": lists.rbo[places],
            "tau": lists.tau[places],
            "words": facts.words[rows],
            "relevant": facts.relevant[rows],
        }
    )
