"""Two variants of an experiment compared, query by query; or all of them against one.

Differences are those of the variant called `a` minus the one called `b`, over the queries that both have a score for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evaluator.domain.power import SIGNIFICANCE
from evaluator.domain.ranking import Doubles
from evaluator.domain.statistics import PairedTest, Resampled, holm, paired_tests
from evaluator.errors import UnknownNameError
from evaluator.services.comparison import Bools, Memory, Scores, resampled, score_matrix
from evaluator.services.overlap import Overlap
from evaluator.services.query_facts import QueryFacts
from evaluator.services.workspace import Workspace
from evaluator.store import results
from evaluator.store.catalog import ExperimentRow
from evaluator.store.results import VariantCounts
from evaluator.store.scores import recorded_state

if TYPE_CHECKING:
    import pandas as pd

_remembered = Memory()


class Outcome(NamedTuple):
    """What one measure says of two variants.

    Attributes:
        mean_a, mean_b: over the queries that both have a score for.
        test: of the differences.
        corrected: the randomization test's p, corrected by Holm over the tests it was made with.
        n_tests: how many those are.
    """

    a: str
    b: str
    measure: str
    mean_a: float
    mean_b: float
    test: PairedTest
    corrected: float
    n_tests: int

    @property
    def separable(self) -> bool:
        """Whether the difference is one at the usual level, after the correction."""
        return self.corrected < SIGNIFICANCE

    @property
    def ahead(self) -> str | None:
        """The variant with the higher mean; None if they are equal."""
        return None if self.test.difference == 0 else self.a if self.test.difference > 0 else self.b


@dataclass(frozen=True, eq=False)
class Pair:
    """Two variants by one measure, query by query.

    Attributes:
        outcome: corrected over all pairs with `b`.
        query_ids: those that both have a score for; the greatest differences first, equal ones by id.
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


def compare(workspace: Workspace, experiment: ExperimentRow, measure: str, a: str, b: str) -> Pair | None:
    """Two variants; None if there is no query that both have a score for.

    Raises:
        UnknownNameError: the experiment has no variant of that name, or it is the same twice.
    """
    _require_known(experiment, a)
    if a == b:
        raise UnknownNameError(f"{a!r} is compared with itself; choose another variant")
    outcomes = against(workspace, experiment, measure, b)
    outcome = next((outcome for outcome in outcomes if outcome.a == a), None)
    if outcome is None:
        return None
    scores = score_matrix(workspace, experiment, measure)
    of_a, of_b = (scores.values[scores.variants.index(variant)] for variant in (a, b))
    both = np.flatnonzero(np.isfinite(of_a) & np.isfinite(of_b))
    order = both[np.argsort(of_b[both] - of_a[both], kind="stable")]
    return Pair(outcome, tuple(scores.query_ids[place] for place in order), of_a[order], of_b[order])


def against(
    workspace: Workspace, experiment: ExperimentRow, measure: str, baseline: str
) -> tuple[Outcome, ...]:
    """Every other variant that shares a scored query with the baseline, compared with it; the best first.

    Raises:
        UnknownNameError: the experiment has no variant of that name.
    """
    _require_known(experiment, baseline)
    state = recorded_state(workspace.database, experiment.id)
    return _remembered.get(
        workspace.database,
        ("against", experiment.id, state, measure, baseline),
        lambda: _against(workspace, experiment, measure, baseline),
    )


def _against(
    workspace: Workspace, experiment: ExperimentRow, measure: str, baseline: str
) -> tuple[Outcome, ...]:
    scores = score_matrix(workspace, experiment, measure)
    base = scores.variants.index(baseline)
    finite = np.isfinite(scores.values)
    groups: dict[bytes, list[int]] = {}
    for row in range(len(scores.variants)):
        shared = finite[row] & finite[base]
        if row != base and shared.any():
            groups.setdefault(shared.tobytes(), []).append(row)
    found: list[tuple[str, str, str, float, float, PairedTest]] = []
    for mask, rows in groups.items():
        shared = np.frombuffer(mask, dtype=np.bool_)
        differences = _differences(workspace, experiment, measure, scores, base, rows, shared)
        for row, test in zip(rows, paired_tests(differences), strict=True):
            mean, of_base = (float(scores.values[which, shared].mean()) for which in (row, base))
            found.append((scores.variants[row], baseline, measure, mean, of_base, test))
    return tuple(sorted(_corrected(found), key=lambda outcome: -outcome.test.difference))


def _differences(
    workspace: Workspace,
    experiment: ExperimentRow,
    measure: str,
    scores: Scores,
    base: int,
    rows: list[int],
    shared: Bools,
) -> Resampled:
    """Differences of variants to one over the queries they share: from what is resampled already, if it is of these."""
    whole = resampled(workspace, experiment, measure)
    if whole is None or not np.array_equal(shared, scores.common):
        return Resampled.of(scores.values[rows][:, shared] - scores.values[base, shared])
    places = np.cumsum(scores.scored) - 1  # rows of `whole` are the variants that have a score
    differences, chosen = whole.against(places[base]), places[rows]
    return Resampled(differences.values[chosen], differences.means[chosen], differences.flipped[chosen])


def _corrected(found: Sequence[tuple[str, str, str, float, float, PairedTest]]) -> list[Outcome]:
    corrected = holm([test.p_randomization for *_, test in found])
    return [Outcome(*row, p, len(found)) for row, p in zip(found, corrected, strict=True)]


def agreement(workspace: Workspace, experiment: ExperimentRow, a: str, b: str) -> tuple[Outcome, ...]:
    """What each of the experiment's measures says of two variants; none if they share no scored query."""
    state = recorded_state(workspace.database, experiment.id)
    return _remembered.get(
        workspace.database,
        ("agreement", experiment.id, state, a, b),
        lambda: _agreement(workspace, experiment, a, b),
    )


def _agreement(workspace: Workspace, experiment: ExperimentRow, a: str, b: str) -> tuple[Outcome, ...]:
    measures = experiment.spec.measures
    matrices = [score_matrix(workspace, experiment, measure) for measure in measures]
    of_a, of_b = (
        np.stack([scores.values[scores.variants.index(variant)] for scores in matrices]) for variant in (a, b)
    )
    shared = (np.isfinite(of_a) & np.isfinite(of_b)).all(axis=0)
    if not shared.any():
        return ()
    tests = paired_tests(Resampled.of(of_a[:, shared] - of_b[:, shared]))
    means = (of_a[:, shared].mean(axis=1), of_b[:, shared].mean(axis=1))
    return tuple(
        _corrected(
            [
                (a, b, measure, float(mean_a), float(mean_b), test)
                for measure, mean_a, mean_b, test in zip(measures, *means, tests, strict=True)
            ]
        )
    )


def agree(outcomes: Sequence[Outcome]) -> bool:
    """Whether no two measures have different winners."""
    return len({outcome.ahead for outcome in outcomes} - {None}) < 2


def best_first(workspace: Workspace, experiment: ExperimentRow, measure: str) -> list[str]:
    """The experiment's variants by their mean over their own scored queries; those without a score at the end."""
    scores = score_matrix(workspace, experiment, measure)
    scored = np.isfinite(scores.values)
    sums = np.where(scored, scores.values, 0.0).sum(axis=1)
    means = dict(zip(scores.variants, sums / np.maximum(scored.sum(axis=1), 1), strict=True))
    return sorted(means, key=lambda name: -means[name])


def counts_of(
    workspace: Workspace, experiment: ExperimentRow, variants: Sequence[str]
) -> list[VariantCounts]:
    """How far these variants are."""
    counts = results.recorded_counts(workspace.database, experiment.id)
    return [counted for counted in counts if counted.variant in variants]


def failed_queries(workspace: Workspace, experiment: ExperimentRow, a: str, b: str) -> pd.DataFrame:
    """Queries that failed under one or both of two variants. Columns: variant, query_id, error."""
    failures = results.failures(workspace.database, experiment.id)
    return failures[failures["variant"].isin((a, b))].reset_index(drop=True)


def paired_table(pair: Pair, facts: QueryFacts, lists: Overlap) -> pd.DataFrame:
    """A pair's queries, the greatest differences first.

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


def _require_known(experiment: ExperimentRow, variant: str) -> None:
    names = [known.name for known in experiment.spec.variants]
    if variant not in names:
        raise UnknownNameError(
            f"the experiment {experiment.name!r} has no variant {variant!r}; there are: {', '.join(names)}"
        )
