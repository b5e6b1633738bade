"""Scores as matrices, and what resampling keeps of them: read and computed once for what is recorded, then at hand."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from evaluator.domain.measures import JUDGED, canonical_measures
from evaluator.domain.ranking import Doubles
from evaluator.domain.statistics import Resampled
from evaluator.errors import UnknownNameError
from evaluator.services.workspace import Workspace
from evaluator.store.catalog import ExperimentRow
from evaluator.store.database import Database
from evaluator.store.scores import ScoreArrays, read_scores, recorded_state

T = TypeVar("T")

KEPT = 8
"""Results kept of each kind. At 200 variants and 10,000 queries the scores of five measures are 100 MB, what is
resampled of one 50 MB."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Scores:
    """One measure of an experiment.

    Attributes:
        variants: names, in the experiment's order.
        query_ids: of all queries with a row, sorted.
        values: [n_variants, n_queries] float64; NaN where a query has no score: failed, waiting, nothing relevant.
    """

    variants: tuple[str, ...]
    query_ids: tuple[str, ...]
    values: Doubles

    @property
    def scored(self) -> Bools:
        """Variants that have a score at all: [n_variants]."""
        return np.asarray(np.isfinite(self.values).any(axis=1))

    @property
    def common(self) -> Bools:
        """Queries that every variant with a score has scored: [n_queries]."""
        scored = self.scored
        if not scored.any():
            return np.zeros(len(self.query_ids), dtype=np.bool_)
        return np.asarray(np.isfinite(self.values[scored]).all(axis=0))


class Memory:
    """The last results of each database, by what they were computed from. Threads may share it.

    Args:
        size: results that are kept.
    """

    def __init__(self, size: int = KEPT) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._kept: WeakKeyDictionary[Database, OrderedDict[Hashable, Any]] = WeakKeyDictionary()

    def get(self, database: Database, key: Hashable, compute: Callable[[], T]) -> T:
        """What was computed for a key; else compute it. Two threads may do it at once: both get the same."""
        with self._lock:
            kept = self._kept.setdefault(database, OrderedDict())
            if key in kept:
                kept.move_to_end(key)
                found: T = kept[key]
                return found
        computed = compute()
        with self._lock:
            kept[key] = computed
            while len(kept) > self._size:
                kept.popitem(last=False)
        return computed


_arrays, _resampled = Memory(), Memory()


def computed_measure(experiment: ExperimentRow, measure: str | None) -> str:
    """A measure of an experiment in ir-measures' notation; its first by default.

    Raises:
        InvalidInputError: it is no measure.
        UnknownNameError: the experiment did not compute it; lists those it did.
    """
    measures = experiment.spec.measures
    chosen = canonical_measures([measure])[0] if measure else measures[0]
    if chosen not in (*measures, JUDGED):
        raise UnknownNameError(
            f"the experiment {experiment.name!r} did not compute {chosen}; it computed {', '.join(measures)}"
        )
    return chosen


def score_arrays(workspace: Workspace, experiment: ExperimentRow) -> ScoreArrays:
    """All measures of an experiment, `Judged@10` and seconds included, as they are recorded now. Do not change them."""
    database = workspace.database
    state = recorded_state(database, experiment.id)
    measures = tuple(dict.fromkeys((*experiment.spec.measures, JUDGED)))
    return _arrays.get(
        database, (experiment.id, state), lambda: read_scores(database, experiment.id, measures)
    )


def score_matrix(workspace: Workspace, experiment: ExperimentRow, measure: str | None = None) -> Scores:
    """One measure of an experiment, variants by queries, as it is recorded now. Do not change it.

    Args:
        measure: in ir-measures' notation; the experiment's first by default.

    Raises:
        InvalidInputError: it is no measure.
        UnknownNameError: the experiment did not compute it.
    """
    chosen = computed_measure(experiment, measure)
    arrays = score_arrays(workspace, experiment)
    return Scores(arrays.variants, arrays.query_ids, arrays.values[chosen])


def resampled(workspace: Workspace, experiment: ExperimentRow, measure: str) -> Resampled | None:
    """A measure of the variants that have a score, over the queries that all of them scored, resampled.

    None where there is no such query. Rows are the scored variants, in the experiment's order.
    """
    state = recorded_state(workspace.database, experiment.id)

    def compute() -> Resampled | None:
        scores = score_matrix(workspace, experiment, measure)
        common = scores.common
        return Resampled.of(scores.values[np.ix_(scores.scored, common)]) if common.any() else None

    return _resampled.get(workspace.database, (experiment.id, measure, state), compute)
