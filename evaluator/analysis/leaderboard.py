"""The leaderboard: variants of one experiment, compared over the queries that all of them completed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluator.analysis.decisions import Correction, best_first, correction, decisions_to, differences_to
from evaluator.analysis.snapshot import Snapshot, read_snapshot
from evaluator.domain.cost import PERCENTILES, VariantCost
from evaluator.domain.measures.scoring import JUDGED
from evaluator.domain.ranking import Doubles
from evaluator.domain.records import ExperimentRow, VariantCounts
from evaluator.domain.statistics.power import SIGNIFICANCE, needed_queries
from evaluator.domain.statistics.resampling import Resampled
from evaluator.domain.statistics.separability import Decision, tie_group
from evaluator.experiments.records import experiment_record
from evaluator.library.remarks import remarks
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


COST_COLUMNS = (
    *(f"p{p}_ms" for p in PERCENTILES),
    "queries_per_second", "index_bytes", "vector_bytes", "encode_seconds", "usd", "usd_per_million_queries",
)  # fmt: skip
"""The cost fields of a record; see `VariantCost`."""

STATISTICS, MEANS = Kind("statistics", 512), Kind("means", 512)


@dataclass(frozen=True)
class Mean:
    """The uncertainty of a variant's mean.

    Attributes:
        low, high: its 95 % interval; None if that cannot be computed.
        tied: whether the variant is in the tie group.
        needed: number of queries that would separate it from the best if the measured difference is the true one; None
            if it is separable already, or if no number of queries would do.
    """

    low: float | None
    high: float | None
    tied: bool
    needed: int | None


@dataclass(frozen=True)
class Difference:
    """A variant minus the reference.

    Attributes:
        low, high: 95 % interval of the mean difference; None if that cannot be computed.
        wins, ties, losses: queries for which the variant scored higher, equal, lower.
    """

    decision: Decision
    low: float | None
    high: float | None
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True)
class BoardRow:
    """A variant on the leaderboard; unknown values are None.

    Attributes:
        score: mean of the measure that the leaderboard is ordered by.
        means: by measure, including `Judged@10`.
        ms_per_query: mean retrieval time while the experiment ran, in milliseconds.
        waiting: queries still to be evaluated.
        difference: the difference to the reference; None for the reference itself.
    """

    variant: str
    score: float | None
    means: Mapping[str, float | None]
    ms_per_query: float | None
    counts: VariantCounts
    waiting: int
    mean: Mean | None
    difference: Difference | None
    cost: VariantCost | None

    @property
    def error(self) -> str | None:
        """Why the whole variant failed."""
        return self.counts.error

    @property
    def tied(self) -> bool | None:
        """Whether it is in the tie group; None without a score."""
        return None if self.mean is None else self.mean.tied

    @property
    def unscored(self) -> int:
        """Queries without a relevant document."""
        return self.counts.recorded - self.counts.failed - self.counts.scored


@dataclass(frozen=True)
class Leaderboard:
    """An experiment's variants, best first.

    Attributes:
        measure: the measure that orders them.
        compared: number of queries behind the means: those that every listed variant completed and that have a
            relevant document.
        reference: the variant to compare with: the pinned baseline, else the best. None without a score.
        baseline: the pinned variant, if any.
        tie_group: the best variant and those that are not separable from it, best first. The best is picked
            after seeing the scores, so p is corrected for all pairs of variants (Holm).
        uncomputed: number of scored queries without a value, by measure; see `Snapshot.uncomputed`.
        correction: what the p-values of the differences are corrected for.
        remarks: what to know about what was searched (`evaluator.library.remarks`); `leaderboard` adds them.
    """

    experiment: ExperimentRow
    measure: str
    rows: tuple[BoardRow, ...]
    compared: int
    reference: str | None
    baseline: str | None
    tie_group: tuple[str, ...]
    correction: Correction
    uncomputed: Mapping[str, int]
    remarks: tuple[str, ...] = ()

    @property
    def records(self) -> tuple[dict[str, Any], ...]:
        """The rows as flat records; see `board_record`."""
        return tuple(map(board_record, self.rows))

    @property
    def table(self) -> pd.DataFrame:
        """The records as a table, missing values as NaN."""
        import pandas as pd  # noqa: PLC0415  half a second, which the command line does not need

        return pd.DataFrame(list(self.records))

    @property
    def scored(self) -> tuple[BoardRow, ...]:
        """Variants with a score over the compared queries."""
        return tuple(row for row in self.rows if row.score is not None)

    @property
    def n_scored(self) -> int:
        """How many variants have a score over the compared queries."""
        return len(self.scored)


def board_record(row: BoardRow) -> dict[str, Any]:
    """A row as plain JSON types, for REST answers, `--json`, downloads, the DuckDB export, and the page's table.

    Keys: variant, one per measure, Judged@10, ms_per_query, scored, unscored, failed, waiting, error. Of the mean: low,
    high, tied, needed. Of the difference to the reference: difference, difference_low, difference_high, p, p_test (the
    test that gave p), p_corrected, wins, ties, losses. Of the cost: p50_ms, p95_ms, p99_ms, queries_per_second,
    index_bytes, vector_bytes, encode_seconds, usd, usd_per_million_queries.
    """
    mean, to = row.mean, row.difference
    decision = None if to is None else to.decision
    return {
        "variant": row.variant,
        **row.means,
        "ms_per_query": row.ms_per_query,
        "scored": row.counts.scored,
        "unscored": row.unscored,
        "failed": row.counts.failed,
        "waiting": row.waiting,
        "error": row.error,
        **{name: None if mean is None else getattr(mean, name) for name in ("low", "high", "tied", "needed")},
        "difference": None if decision is None else decision.difference,
        "difference_low": None if to is None else to.low,
        "difference_high": None if to is None else to.high,
        "p": None if decision is None else decision.p,
        "p_test": None if decision is None else decision.test,
        "p_corrected": None if decision is None else decision.corrected,
        **{name: None if to is None else getattr(to, name) for name in ("wins", "ties", "losses")},
        **_cost_columns(row.cost),
    }


def leaderboard(
    workspace: Workspace,
    experiment: ExperimentRow,
    measure: str | None = None,
    *,
    baseline: str | None = None,
) -> Leaderboard:
    """An experiment's current leaderboard; see `board_of`.

    Raises:
        InvalidInputError: it is no measure.
        UnknownNameError: the experiment was deleted, did not compute it, or has no such variant.
    """
    board = board_of(read_snapshot(workspace, experiment.id), measure, baseline=baseline)
    return dataclasses.replace(board, remarks=remarks(workspace, board.experiment.spec))


def board_of(snapshot: Snapshot, measure: str | None = None, *, baseline: str | None = None) -> Leaderboard:
    """The leaderboard of one state of an experiment by a measure (its first, by default).

    Args:
        baseline: the variant that the others are compared with, chosen beforehand; by default the best, with a
            correction for having picked it.

    Raises:
        InvalidInputError: it is no measure.
        UnknownNameError: the experiment did not compute it, or has no such variant; lists those it has.
    """
    chosen = snapshot.measure(measure)
    if baseline is not None:
        snapshot.require_variant(baseline)
    statistics = snapshot.remember(
        STATISTICS, (chosen, baseline), lambda: _statistics(snapshot, chosen, baseline)
    )
    means = snapshot.remember(MEANS, None, lambda: _means(snapshot))
    counts = {counted.variant: counted for counted in snapshot.counts}
    rows = [
        _row(snapshot, chosen, counts[name], means.get(name, {}), statistics)
        for name in best_first(snapshot, chosen)
    ]
    return Leaderboard(
        snapshot.experiment,
        chosen,
        tuple(rows),
        statistics.compared,
        statistics.reference,
        baseline,
        statistics.tied,
        statistics.correction,
        snapshot.uncomputed,
    )


@dataclass(frozen=True)
class _Statistics:
    means: Mapping[str, Mean]
    differences: Mapping[str, Difference]
    compared: int
    reference: str | None
    tied: tuple[str, ...]
    correction: Correction


MS = "ms_per_query"


def _row(
    snapshot: Snapshot,
    measure: str,
    counts: VariantCounts,
    means: Mapping[str, float | None],
    statistics: _Statistics,
) -> BoardRow:
    name = counts.variant
    row_means: dict[str, float | None] = {
        m: means.get(m) for m in (*snapshot.experiment.spec.measures, JUDGED)
    }
    return BoardRow(
        variant=name,
        score=row_means[measure],
        means=row_means,
        ms_per_query=means.get(MS),
        counts=counts,
        waiting=snapshot.experiment.n_queries - counts.recorded,
        mean=statistics.means.get(name),
        difference=statistics.differences.get(name),
        cost=snapshot.costs.get(name),
    )


def _means(snapshot: Snapshot) -> Mapping[str, dict[str, float | None]]:
    """Means of all measures and of the retrieval time by variant, each over that measure's compared queries."""
    by_variant: dict[str, dict[str, float | None]] = {}
    for measure in (*snapshot.experiment.spec.measures, JUDGED):
        scores = snapshot.scores(measure)
        if not scores.common.any():
            continue
        cells = np.ix_(scores.scored, scores.common)
        columns = {measure: scores.values[cells].mean(axis=1)}
        if measure == JUDGED:  # every scored query has it
            columns[MS] = 1000 * snapshot.arrays.seconds[cells].mean(axis=1)
        for row, name in enumerate(scores.names):
            by_variant.setdefault(name, {}).update(
                {key: float(values[row]) for key, values in columns.items()}
            )
    return by_variant


def _statistics(snapshot: Snapshot, measure: str, baseline: str | None) -> _Statistics:
    sampled, names = snapshot.resampled(measure), snapshot.scores(measure).names
    corrected = correction(len(names), baseline)
    if sampled is None:
        return _Statistics({}, {}, 0, None, (), corrected)
    best = best_first(snapshot, measure)[0]
    from_best = differences_to(snapshot, measure, best)
    to_best = decisions_to(snapshot, measure, best, pinned=False, differences=from_best)
    scores = dict(zip(names, sampled.values.mean(axis=1).tolist(), strict=True))
    tied = tie_group(scores, to_best)
    needed, group = _needed(names, from_best, best), set(tied)
    means = {
        name: Mean(_finite(low), _finite(high), name in group, needed.get(name) if name in group else None)
        for name, (low, high) in zip(names, sampled.intervals().tolist(), strict=True)
    }
    reference = best if baseline is None else baseline
    to = from_best if reference == best else differences_to(snapshot, measure, reference)
    differences = _differences(snapshot, measure, to, reference, pinned=baseline is not None)
    return _Statistics(means, differences, sampled.values.shape[1], reference, tied, corrected)


def _needed(names: Sequence[str], to_best: Resampled | None, best: str) -> Mapping[str, int]:
    """The number of queries that would separate each variant from the best; variants without an estimate are absent."""
    if to_best is None:
        return {}
    level = SIGNIFICANCE / correction(len(names)).family
    estimates = {
        name: needed_queries(deviation, difference, significance=level)
        for name, deviation, difference in zip(
            names, to_best.deviations.tolist(), to_best.values.mean(axis=1).tolist(), strict=True
        )
        if name != best and deviation > 0
    }
    return {name: needed for name, needed in estimates.items() if needed is not None}


def _differences(
    snapshot: Snapshot, measure: str, to: Resampled | None, reference: str, *, pinned: bool
) -> Mapping[str, Difference]:
    """Differences of all other variants with a score to the reference; empty if the reference has no score."""
    if to is None:
        return {}
    decisions = decisions_to(snapshot, measure, reference, pinned=pinned, differences=to)
    return {
        name: Difference(decisions[name], _finite(low), _finite(high), *outcomes)
        for name, (low, high), outcomes in zip(
            snapshot.scores(measure).names, to.intervals().tolist(), _outcomes(to), strict=True
        )
        if name != reference
    }


def _outcomes(differences: Resampled) -> list[tuple[int, int, int]]:
    """Wins, ties and losses of each row."""
    values: Doubles = differences.values
    counted = ((values > 0).sum(axis=1), (values == 0).sum(axis=1), (values < 0).sum(axis=1))
    return [(int(wins), int(ties), int(losses)) for wins, ties, losses in zip(*counted, strict=True)]


def _finite(end: float) -> float | None:
    return end if np.isfinite(end) else None


def _cost_columns(cost: VariantCost | None) -> dict[str, float | None]:
    columns: dict[str, float | None] = dict.fromkeys(COST_COLUMNS)
    if cost is None:
        return columns
    if cost.total is not None:
        columns |= {f"p{p}_ms": 1000 * getattr(cost.total, f"p{p}") for p in PERCENTILES}
    return columns | {name: getattr(cost, name) for name in COST_COLUMNS if not name.endswith("_ms")}


def leaderboard_record(board: Leaderboard) -> dict[str, Any]:
    """A leaderboard as plain JSON types."""
    return {
        "experiment": experiment_record(board.experiment),
        "measure": board.measure,
        "policy": board.experiment.spec.policy,
        "compared": board.compared,
        "uncomputed": dict(board.uncomputed),
        "baseline": board.baseline,
        "reference": board.reference,
        "corrected_for": board.correction.words,
        "remarks": list(board.remarks),
        "variants": list(board.records),
    }
