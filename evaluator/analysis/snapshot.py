"""One state of an experiment: read in one transaction, and passed to every function that answers a question about it.

An answer reads nothing twice, so its parts cannot contradict each other (ADR 0019).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from evaluator.domain.cost import VariantCost
from evaluator.domain.measures.scoring import JUDGED, canonical_measures
from evaluator.domain.ranking import Doubles
from evaluator.domain.records import ExperimentRow, VariantCounts
from evaluator.domain.statistics.resampling import Resampled
from evaluator.errors import UnknownNameError
from evaluator.store import experiments
from evaluator.store.costs import costs
from evaluator.store.scores import ScoreArrays, read_scores
from evaluator.workspace.counts import counts_of
from evaluator.workspace.memory import Kind, Memory
from evaluator.workspace.workspace import Workspace

T = TypeVar("T")


def _recorded_bytes(found: ScoreArrays) -> int:
    return found.seconds.nbytes + sum(values.nbytes for values in found.values.values())


def _resampled_bytes(found: Resampled | None) -> int:
    return 0 if found is None else found.values.nbytes + found.means.nbytes + found.flipped.nbytes


# With 200 variants and 10,000 queries, the scores of five measures take 112 MB, the resamples of one measure 48 MB.
RECORDED = Kind("recorded", 900_000_000, _recorded_bytes)
RESAMPLED = Kind("resampled", 400_000_000, _resampled_bytes)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Scores:
    """One measure of an experiment. Do not change it.

    Attributes:
        variants: names, in the experiment's order.
        query_ids: ids of all queries with a row, sorted.
        values: [n_variants, n_queries] float64; NaN for queries that failed, wait, or have no relevant document.
    """

    variants: tuple[str, ...]
    query_ids: tuple[str, ...]
    values: Doubles

    @cached_property
    def scored(self) -> Bools:
        """Variants that have a score at all: [n_variants]."""
        return np.asarray(np.isfinite(self.values).any(axis=1))

    @cached_property
    def common(self) -> Bools:
        """Queries that every variant with a score has scored: [n_queries]."""
        scored = self.scored
        if not scored.any():
            return np.zeros(len(self.query_ids), dtype=np.bool_)
        return np.asarray(np.isfinite(self.values[scored]).all(axis=0))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Variants that have a score, in the experiment's order."""
        return tuple(self.variants[row] for row in np.flatnonzero(self.scored))


@dataclass(frozen=True, eq=False)
class Snapshot:
    """An experiment as it was at one moment.

    Attributes:
        counts: each variant's progress, and why it failed, in the experiment's order.
        arrays: all measures, `Judged@10` and seconds. Do not change them.
        costs: by variant, for measured variants; None where the measurement failed.
        memory: caches results computed from this snapshot.
    """

    experiment: ExperimentRow
    counts: tuple[VariantCounts, ...]
    arrays: ScoreArrays
    costs: Mapping[str, VariantCost | None]
    memory: Memory
    _scores: dict[str, Scores] = field(default_factory=dict, repr=False)

    @property
    def revision(self) -> int:
        """The revision of the experiment's records."""
        return self.experiment.revision

    def measure(self, measure: str | None = None) -> str:
        """A measure of the experiment in ir-measures' notation; its first by default.

        Raises:
            InvalidInputError: it is not a measure.
            UnknownNameError: the experiment did not compute the measure; lists those it did.
        """
        measures = self.experiment.spec.measures
        chosen = canonical_measures([measure])[0] if measure else measures[0]
        if chosen not in (*measures, JUDGED):
            raise UnknownNameError(
                f"the experiment {self.experiment.name!r} did not compute {chosen}; it computed {', '.join(measures)}"
            )
        return chosen

    def require_variant(self, name: str) -> None:
        """Check that the experiment has a variant.

        Raises:
            UnknownNameError: it does not; lists the variants it has.
        """
        names = [variant.name for variant in self.experiment.spec.variants]
        if name not in names:
            raise UnknownNameError(
                f"the experiment {self.experiment.name!r} has no variant {name!r}; it has {', '.join(names)}"
            )

    def scores(self, measure: str | None = None) -> Scores:
        """One measure, variants by queries; the experiment's first by default.

        Raises:
            InvalidInputError, UnknownNameError: see `measure`.
        """
        chosen, arrays = self.measure(measure), self.arrays
        return self._scores.setdefault(
            chosen, Scores(arrays.variants, arrays.query_ids, arrays.values[chosen])
        )

    def resampled(self, measure: str) -> Resampled | None:
        """Resamples of one measure, for the variants with a score over the queries that all of them scored.

        None if there is no such query. Rows are the scored variants, in the experiment's order.
        """

        def compute() -> Resampled | None:
            scores = self.scores(measure)
            common = scores.common
            return Resampled.of(scores.values[np.ix_(scores.scored, common)]) if common.any() else None

        return self.remember(RESAMPLED, measure, compute)

    @cached_property
    def uncomputed(self) -> Mapping[str, int]:
        """The number of queries without a value, by measure, among those that some variant scored.

        Some measures are undefined for some lists. Measures that have all values are absent.
        """
        scored = np.isfinite(self.arrays.values[JUDGED])  # every scored query has it
        missing = {
            measure: int((scored & ~np.isfinite(values)).any(axis=0).sum())
            for measure, values in self.arrays.values.items()
        }
        return {measure: n for measure, n in missing.items() if n}

    def remember(self, kind: Kind, key: Hashable, compute: Callable[[], T]) -> T:
        """The result computed before from this state of the experiment; computed now if there is none."""
        return self.memory.get(kind, (self.experiment.id, self.revision, key), compute)


def read_snapshot(workspace: Workspace, experiment: str) -> Snapshot:
    """A snapshot of an experiment as recorded now.

    Args:
        experiment: its id.

    Raises:
        UnknownNameError: there is no such experiment; it may have just been deleted.
    """
    return workspace.frozen(
        lambda: snapshot_of(workspace, experiments.experiment(workspace.database, experiment))
    )


def snapshot_of(workspace: Workspace, row: ExperimentRow) -> Snapshot:
    """A snapshot of an experiment whose row was just read: call this in the same `Workspace.frozen`."""
    measures = tuple(dict.fromkeys((*row.spec.measures, JUDGED)))
    arrays = workspace.memory.get(
        RECORDED, (row.id, row.revision), lambda: read_scores(workspace.database, row.id, measures)
    )
    return Snapshot(
        row, counts_of(workspace, row), arrays, costs(workspace.database, row.id), workspace.memory
    )
