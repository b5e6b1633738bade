"""The leaderboard: variants of one experiment, compared over the queries that all of them completed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluator.domain.cost import PERCENTILES, VariantCost
from evaluator.domain.measures import JUDGED
from evaluator.domain.power import SIGNIFICANCE
from evaluator.domain.ranking import Doubles
from evaluator.domain.statistics import Resampled, holm, needed_queries, tie_group
from evaluator.errors import UnknownNameError
from evaluator.services.comparison import Memory, computed_measure, resampled, score_arrays, score_matrix
from evaluator.services.uncomputed import uncomputed
from evaluator.services.workspace import Workspace
from evaluator.store import results
from evaluator.store.catalog import ExperimentRow
from evaluator.store.costs import costs as costs_of
from evaluator.store.scores import recorded_state

if TYPE_CHECKING:
    import pandas as pd


COST_COLUMNS = (
    *(f"p{p}_ms" for p in PERCENTILES),
    "queries_per_second", "index_bytes", "vector_bytes", "encode_seconds", "usd", "usd_per_million_queries",
)  # fmt: skip
"""What a row says about a variant's cost; see `VariantCost`."""

STATISTICS = (
    "low", "high", "tied", "needed",
    "difference", "difference_low", "difference_high", "p", "p_corrected", "wins", "ties", "losses",
)  # fmt: skip
"""What a row says about how sure its score is; see `Leaderboard`."""

_statistics, _counts = Memory(), Memory()


@dataclass(frozen=True)
class Leaderboard:
    """An experiment's variants, best first. Intervals are of 95 %; values are None where they are not known.

    Attributes:
        measure: what they are ordered by.
        rows: one a variant. Keys: variant, one a measure, Judged@10, ms_per_query, scored, unscored, failed,
            waiting, error; p50_ms, p95_ms, p99_ms, queries_per_second, index_bytes, vector_bytes, encode_seconds,
            usd and usd_per_million_queries. Of the measure: low and high (interval of the mean); tied (whether it is
            in the tie group); needed (queries that would separate it from the best, if it is not separable and the
            difference is what it looks like). Of the difference to the reference: difference, difference_low,
            difference_high, p, p_corrected, wins, ties, losses.
        compared: queries the means are taken over: those every listed variant completed and that have a relevant
            document.
        reference: the variant that differences are to: the pinned baseline, else the best. None without a score.
        baseline: the variant that was pinned.
        tie_group: the best variant and those that are not separable from it, best first. The best is picked after
            looking, so p is corrected for all pairs of variants (Holm).
        uncomputed: queries by measure that have a score, but no value of that measure; see `services.uncomputed`.
    """

    experiment: ExperimentRow
    measure: str
    rows: tuple[dict[str, Any], ...]
    compared: int
    reference: str | None = None
    baseline: str | None = None
    tie_group: tuple[str, ...] = ()
    uncomputed: Mapping[str, int] = field(default_factory=dict)

    @property
    def table(self) -> pd.DataFrame:
        """The rows as a table, missing values as NaN."""
        import pandas as pd  # noqa: PLC0415  half a second, which the command line does not need

        return pd.DataFrame(list(self.rows))

    @property
    def n_scored(self) -> int:
        """Variants with a score over the compared queries."""
        return sum(row[self.measure] is not None for row in self.rows)


def leaderboard(
    workspace: Workspace,
    experiment: ExperimentRow,
    measure: str | None = None,
    *,
    baseline: str | None = None,
) -> Leaderboard:
    """An experiment's leaderboard by a measure (its first, by default).

    Args:
        baseline: the variant that the others are compared with, chosen beforehand; the best by default, which is
            corrected for having been picked.

    Raises:
        InvalidInputError: it is no measure.
        UnknownNameError: the experiment did not compute it, or has no such variant; lists those it has.
    """
    chosen = computed_measure(experiment, measure)
    names = [variant.name for variant in experiment.spec.variants]
    if baseline is not None and baseline not in names:
        raise UnknownNameError(
            f"the experiment {experiment.name!r} has no variant {baseline!r}; it has {', '.join(names)}"
        )
    database, state = workspace.database, recorded_state(workspace.database, experiment.id)
    means = _means(workspace, experiment)
    costs = costs_of(database, experiment.id)
    key = experiment.id, state, chosen, baseline
    statistics = _statistics.get(database, key, lambda: _compare(workspace, experiment, chosen, baseline))
    counted = _counts.get(
        database, (experiment.id, state), lambda: results.recorded_counts(database, experiment.id)
    )
    rows = [
        {
            "variant": counts.variant,
            **means.get(counts.variant, dict.fromkeys((*experiment.spec.measures, JUDGED, "ms_per_query"))),
            "scored": counts.scored,
            "unscored": counts.recorded - counts.failed - counts.scored,
            "failed": counts.failed,
            "waiting": experiment.n_queries - counts.recorded,
            "error": counts.error,
            **statistics.rows.get(counts.variant, dict.fromkeys(STATISTICS)),
            **_cost_columns(costs.get(counts.variant)),
        }
        for counts in counted
    ]
    rows.sort(key=lambda row: (row[chosen] is None, -(row[chosen] or 0.0)))
    return Leaderboard(
        experiment, chosen, tuple(rows), statistics.compared, statistics.reference, baseline, statistics.tied,
        uncomputed(score_arrays(workspace, experiment)),
    )  # fmt: skip


def not_separable(workspace: Workspace, board: Leaderboard, variant: str) -> tuple[str, ...]:
    """Variants whose difference to one that was picked after looking is not found, itself excluded.

    Args:
        variant: one with a score.
    """
    sampled = resampled(workspace, board.experiment, board.measure)
    names = _scored(workspace, board.experiment, board.measure)
    if sampled is None or variant not in names:
        return ()
    row = names.index(variant)
    p = _corrected(sampled.against(row).p_resolved(), row, _pairs(len(names)))
    return tuple(name for place, name in enumerate(names) if place != row and p[place] > SIGNIFICANCE)


def _means(workspace: Workspace, experiment: ExperimentRow) -> Mapping[str, dict[str, float | None]]:
    """Means of all measures and milliseconds of retrieval by variant, over the queries that are compared."""
    scores = score_matrix(workspace, experiment, JUDGED)  # every scored query has it
    common = scores.common
    if not common.any():
        return {}
    arrays = score_arrays(workspace, experiment)
    columns = {measure: values[:, common].mean(axis=1) for measure, values in arrays.values.items()}
    columns["ms_per_query"] = 1000 * arrays.seconds[:, common].mean(axis=1)
    return {
        scores.variants[row]: {name: float(values[row]) for name, values in columns.items()}
        for row in np.flatnonzero(scores.scored)
    }


def _scored(workspace: Workspace, experiment: ExperimentRow, measure: str) -> list[str]:
    """Variants with a score, in the experiment's order."""
    scores = score_matrix(workspace, experiment, measure)
    return [scores.variants[row] for row in np.flatnonzero(scores.scored)]


@dataclass(frozen=True)
class _Statistics:
    rows: Mapping[str, dict[str, Any]]
    compared: int
    reference: str | None
    tied: tuple[str, ...]


def _compare(
    workspace: Workspace, experiment: ExperimentRow, measure: str, baseline: str | None
) -> _Statistics:
    sampled = resampled(workspace, experiment, measure)
    if sampled is None:
        return _Statistics({}, 0, None, ())
    names = _scored(workspace, experiment, measure)
    means = sampled.values.mean(axis=1)
    best = int(means.argmax())
    to_best = sampled.against(best)
    p_best = to_best.p_resolved()
    family = _pairs(len(names))
    corrected = _corrected(p_best, best, family)
    tied = tie_group(dict(zip(names, means.tolist(), strict=True)), dict(zip(names, corrected, strict=True)))
    columns: dict[str, Any] = dict(zip(("low", "high"), _finite(sampled.intervals()), strict=True))
    columns["tied"] = [name in tied for name in names]
    columns["needed"] = list(_needed(to_best, best, family, columns["tied"]))
    reference = names[best] if baseline is None else baseline
    if baseline is None:
        columns |= _differences(to_best, best, p_best, corrected)
    elif baseline in names:
        row = names.index(baseline)
        to_baseline = sampled.against(row)
        p = to_baseline.p_resolved()
        columns |= _differences(to_baseline, row, p, _corrected(p, row, len(names) - 1))
    rows = {
        name: {column: columns[column][place] if column in columns else None for column in STATISTICS}
        for place, name in enumerate(names)
    }
    return _Statistics(rows, sampled.values.shape[1], reference, tied)


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def _corrected(p: Doubles, reference: int, family: int) -> list[float]:
    """Corrected p of all rows but the reference, whose own is 1."""
    corrected = holm(np.delete(p, reference).tolist(), family)
    return [*corrected[:reference], 1.0, *corrected[reference:]]


def _needed(to_best: Resampled, best: int, family: int, tied: list[bool]) -> Iterator[int | None]:
    """Queries that would separate each tied variant from the best; None where more of them cannot be reckoned."""
    differences, deviations = to_best.values.mean(axis=1), to_best.deviations
    for place, among in enumerate(tied):
        if place == best or not among or deviations[place] == 0:
            yield None
        else:
            yield needed_queries(
                float(deviations[place]), float(differences[place]), significance=SIGNIFICANCE / family
            )


def _differences(
    to: Resampled, reference: int, p: Doubles, corrected: list[float]
) -> dict[str, list[float | int | None]]:
    low, high = _finite(to.intervals())
    columns: dict[str, list[float | int | None]] = {
        "difference": [*to.values.mean(axis=1).tolist()],
        "difference_low": low,
        "difference_high": high,
        "p": [*p.tolist()],
        "p_corrected": [*corrected],
        "wins": [*(to.values > 0).sum(axis=1).tolist()],
        "ties": [*(to.values == 0).sum(axis=1).tolist()],
        "losses": [*(to.values < 0).sum(axis=1).tolist()],
    }
    for values in columns.values():  # the reference itself
        values[reference] = None
    return columns


def _finite(intervals: Doubles) -> tuple[list[float | None], list[float | None]]:
    low, high = ([end if np.isfinite(end) else None for end in ends] for ends in intervals.T.tolist())
    return low, high


def _cost_columns(cost: VariantCost | None) -> dict[str, float | None]:
    columns: dict[str, float | None] = dict.fromkeys(COST_COLUMNS)
    if cost is None:
        return columns
    if cost.total is not None:
        columns |= {f"p{p}_ms": 1000 * getattr(cost.total, f"p{p}") for p in PERCENTILES}
    return columns | {name: getattr(cost, name) for name in COST_COLUMNS if not name.endswith("_ms")}
