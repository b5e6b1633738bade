"""Scores over time: the same variants over a dataset's versions, and over experiments; what became worse is flagged.

A variant is followed by its name and pipeline. Whatever else is another than before, the documents, the judgments,
the model, is said with each step, because a score may change for any of these reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import encoder_key, models_of
from evaluator.domain.measures import canonical_measures
from evaluator.domain.power import SIGNIFICANCE
from evaluator.domain.ranking import Doubles
from evaluator.domain.statistics import Resampled, holm
from evaluator.errors import UnknownNameError
from evaluator.services import datasets
from evaluator.services.comparison import Memory, resampled, score_matrix
from evaluator.services.workspace import Workspace
from evaluator.store.catalog import ExperimentRow
from evaluator.store.scores import recorded_state

LAST = 50
"""Experiments that are looked at, from the newest on."""

Outcome = Literal["regression", "improvement", "not separable", "not compared"]

_points, _histories = Memory(512), Memory(32)


@dataclass(frozen=True)
class Step:
    """What became of a variant since its point before.

    Attributes:
        changed: what is another than before: documents, queries, judgments, pipeline, model, policy.
        n: queries that both have a score for, and whose text is the same.
        difference: mean over those, now minus before; None if the two may not be compared.
        p: of the randomization test.
        corrected: by Holm, over the variants of the same experiment: what was flagged stays flagged.
        outcome: regression and improvement are differences at the usual level, after the correction.
    """

    before: str
    changed: tuple[str, ...]
    n: int
    difference: float | None
    p: float | None
    corrected: float | None = None
    outcome: Outcome = "not compared"


@dataclass(frozen=True)
class Point:
    """A variant in one experiment: its score there, with its 95 % interval, as on that leaderboard.

    Attributes:
        version: of the dataset.
        step: from the point before; None for the first.
    """

    experiment: ExperimentRow
    variant: str
    version: int
    score: float
    low: float | None
    high: float | None
    compared: int
    step: Step | None = None


@dataclass(frozen=True)
class History:
    """A dataset's scores over time.

    Attributes:
        measures: that some finished experiment over it computed.
        points: the oldest first. Where nothing changed, neither in the description nor in the score, there is none.
        left_out: experiments that are not finished, or older than the last `LAST`.
    """

    dataset: str
    measure: str
    measures: tuple[str, ...]
    points: tuple[Point, ...]
    left_out: int

    @property
    def variants(self) -> tuple[str, ...]:
        """Names, those of the newest experiment first, the best of them first."""
        newest = sorted(
            self.points, key=lambda point: (point.experiment.started_at, point.score), reverse=True
        )
        return tuple(dict.fromkeys(point.variant for point in newest))

    @property
    def regressions(self) -> tuple[Point, ...]:
        """Points that are worse than the one before, the newest first."""
        return tuple(
            point
            for point in reversed(self.points)
            if point.step is not None and point.step.outcome == "regression"
        )


def history(workspace: Workspace, dataset: str, measure: str | None = None) -> History:
    """Follow every variant over the finished experiments of a dataset.

    Args:
        measure: in ir-measures' notation; the first that the newest experiment computed by default.

    Raises:
        InvalidInputError: it is no measure.
        UnknownNameError: there is no such dataset, or no experiment over it computed this measure.
    """
    name = datasets.find(workspace, dataset).name
    used = datasets.used_by(workspace, name)  # the newest first
    finished = [row for row in used if row.status == "finished"]
    measures = tuple(dict.fromkeys(m for row in finished for m in row.spec.measures))
    chosen = canonical_measures([measure])[0] if measure else next(iter(measures), "")
    if measure and finished and chosen not in measures:
        raise UnknownNameError(
            f"no experiment over {name!r} computed {chosen}; they computed {', '.join(measures)}"
        )
    rows = [row for row in finished[:LAST] if chosen in row.spec.measures]
    rows.sort(key=lambda row: (row.started_at, row.created_at))
    versions = {
        version.manifest.fingerprint: version.version for version in datasets.versions(workspace, name)
    }
    states = tuple((row.id, row.started_at, recorded_state(workspace.database, row.id)) for row in rows)

    def compute() -> tuple[Point, ...]:
        points = [
            point for row in rows for point in _points_of(workspace, row, chosen, versions[row.spec.dataset])
        ]
        return tuple(_tested(list(_followed(workspace, points, chosen))))

    points = _histories.get(workspace.database, (chosen, states), compute)
    return History(name, chosen, measures, points, len(used) - len(rows))


def _points_of(workspace: Workspace, row: ExperimentRow, measure: str, version: int) -> tuple[Point, ...]:
    """An experiment's variants with a score."""

    def compute() -> tuple[Point, ...]:
        sampled = resampled(workspace, row, measure)
        if sampled is None:
            return ()
        scores = score_matrix(workspace, row, measure)
        names = [scores.variants[place] for place in np.flatnonzero(scores.scored)]
        means, ends = sampled.values.mean(axis=1).tolist(), sampled.intervals().tolist()
        return tuple(
            Point(row, name, version, mean, _finite(low), _finite(high), sampled.values.shape[1])
            for name, mean, (low, high) in zip(names, means, ends, strict=True)
        )

    key = row.id, measure, recorded_state(workspace.database, row.id)
    return _points.get(workspace.database, key, compute)


def _finite(end: float) -> float | None:
    return end if np.isfinite(end) else None


@dataclass(frozen=True, eq=False)
class _Change:
    """What became of a variant since `before`; differences are now minus before, one a query that can be compared."""

    before: ExperimentRow
    words: tuple[str, ...]
    query_ids: tuple[str, ...]
    differences: Doubles


def _followed(
    workspace: Workspace, points: Sequence[Point], measure: str
) -> Iterator[tuple[Point, _Change | None]]:
    """Points with what became of each; those at which nothing changed are left out.

    The point before is the last of the same pipeline; if the pipeline is new, the last of the same name.
    """
    last: dict[tuple[str, str | None], Point] = {}
    for point in points:
        same = point.variant, point.experiment.spec.variant(point.variant).fingerprint
        before = last.get(same) or last.get((point.variant, None))
        change = None if before is None else _change(workspace, before, point, measure)
        if before is None or change is None or _is_new(before, point, change):
            last[same] = last[point.variant, None] = point
            yield point, change


def _is_new(before: Point, after: Point, change: _Change) -> bool:
    return bool(change.words) or bool(change.differences.any()) or after.score != before.score


def _change(workspace: Workspace, before: Point, after: Point, measure: str) -> _Change:
    words = what_changed(before.experiment, after.experiment, after.variant)
    if "policy" in words:
        return _Change(before.experiment, words, (), np.empty(0))
    found = _differences(workspace, before.experiment, after.experiment, after.variant, measure)
    return _Change(before.experiment, words, *found)


def _tested(changes: Sequence[tuple[Point, _Change | None]]) -> Iterator[Point]:
    """Points with the steps that lead to them, tested, and corrected for those of the same experiment."""
    p_values = _p_values([change for _, change in changes if change is not None and change.query_ids])
    families: dict[str, list[float]] = {}
    for point, change in changes:
        if change is not None and change.query_ids:
            families.setdefault(point.experiment.id, []).append(p_values[id(change)])
    corrected = {experiment: iter(holm(family)) for experiment, family in families.items()}
    for point, change in changes:
        if change is None:
            yield point
        elif not change.query_ids:
            yield replace(point, step=Step(change.before.id, change.words, 0, None, None))
        else:
            difference, p = float(change.differences.mean()), next(corrected[point.experiment.id])
            step = Step(
                change.before.id, change.words, len(change.query_ids), difference, p_values[id(change)],
                p, _outcome(difference, p),
            )  # fmt: skip
            yield replace(point, step=step)


def _p_values(changes: Sequence[_Change]) -> dict[int, float]:
    """The randomization test's p of each, by its identity; those over the same queries share their sign flips."""
    alike: dict[tuple[str, ...], list[_Change]] = {}
    for change in changes:
        alike.setdefault(change.query_ids, []).append(change)
    found: dict[int, float] = {}
    for group in alike.values():
        sampled = Resampled.of(np.stack([change.differences for change in group]), resamples=0)
        found |= zip(map(id, group), sampled.p_resolved().tolist(), strict=True)
    return found


def _differences(
    workspace: Workspace, before: ExperimentRow, after: ExperimentRow, variant: str, measure: str
) -> tuple[tuple[str, ...], Doubles]:
    """Queries with a score in both that ask the same, and after minus before: [n] float64."""
    then, now = (score_matrix(workspace, row, measure) for row in (before, after))
    _, places_then, places_now = np.intersect1d(then.query_ids, now.query_ids, return_indices=True)
    values = (
        now.values[now.variants.index(variant)][places_now]
        - then.values[then.variants.index(variant)][places_then]
    )
    usable = np.isfinite(values)
    if before.spec.queries != after.spec.queries:
        keys_then, keys_now = (_keys(workspace, row) for row in (before, after))
        ids = [now.query_ids[place] for place in places_now]
        usable &= np.array([keys_then.get(id_) == keys_now.get(id_) for id_ in ids], dtype=np.bool_)
    return tuple(now.query_ids[place] for place in places_now[usable]), values[usable]


def _keys(workspace: Workspace, row: ExperimentRow) -> Mapping[str, bytes]:
    """What tells queries' texts apart, by id."""
    dataset = StoredDataset.open(workspace.store, row.spec.dataset)
    return dict(zip((query.query_id for query in dataset.queries), dataset.query_keys, strict=True))


def what_changed(before: ExperimentRow, after: ExperimentRow, variant: str) -> tuple[str, ...]:
    """What of a variant's experiment is another than before, in words."""
    then, now = before.spec, after.spec
    of_then, of_now = then.variant(variant), now.variant(variant)
    models = (
        [spec.encoders[encoder_key(stage)].fingerprint for stage in models_of(of)]
        for spec, of in ((then, of_then), (now, of_now))
    )
    found = {
        "documents": then.corpus != now.corpus,
        "queries": then.queries != now.queries,
        "judgments": then.qrels != now.qrels,
        "whether a query's own document is left out": then.exclude_self != now.exclude_self,
        "pipeline": of_then.fingerprint != of_now.fingerprint,
        "model": len({tuple(of) for of in models}) > 1 and of_then.fingerprint == of_now.fingerprint,
        "policy": then.policy != now.policy,
    }
    return tuple(words for words, is_other in found.items() if is_other)


def _outcome(difference: float, corrected: float) -> Outcome:
    if corrected > SIGNIFICANCE or difference == 0:
        return "not separable"
    return "regression" if difference < 0 else "improvement"
