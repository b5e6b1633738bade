"""Scores over time: the same variants over a dataset's versions, and over experiments; regressions are flagged.

A variant is identified by its name and pipeline. Each step lists everything else that changed, such as the documents,
the judgments or the model, because a score may change for any of these reasons.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

import numpy as np

from evaluator.analysis.snapshot import Snapshot, snapshot_of
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import encoder_key, models_of
from evaluator.domain.measures.scoring import canonical_measures
from evaluator.domain.ranking import Doubles, Ints
from evaluator.domain.records import ExperimentRow
from evaluator.domain.statistics.resampling import Evidence, Resampled, TestName
from evaluator.domain.statistics.separability import Decision, decide
from evaluator.domain.variant import LanguageModel
from evaluator.errors import UnknownNameError
from evaluator.library import catalog
from evaluator.store import experiments
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

LAST = 50
"""The number of newest submissions that a history covers."""

Outcome = Literal["regression", "improvement", "not separable", "not compared"]

POINTS, HISTORIES = Kind("points", 512), Kind("histories", 32)


@dataclass(frozen=True)
class Step:
    """How a variant changed since its previous point.

    Attributes:
        changed: what differs from the previous point: documents, queries, judgments, pipeline, model, policy.
        n: number of queries with the same text and a score in both experiments.
        difference: mean over these queries, now minus before; None if the scores are not comparable.
        p: p-value of this comparison alone.
        corrected: p after Holm's correction over the variants of the same experiment.
        test: the test that gave p.
        outcome: a regression or improvement if the difference is significant after the correction.
    """

    before: str
    changed: tuple[str, ...]
    n: int
    difference: float | None
    p: float | None
    corrected: float | None = None
    outcome: Outcome = "not compared"
    test: TestName | None = None


@dataclass(frozen=True)
class Point:
    """A variant in one experiment, with its score and 95 % interval as on that leaderboard.

    Attributes:
        at: when the experiment was submitted; an experiment may be submitted several times.
        version: the dataset's version.
        step: the change since the previous point; None for the first point.
    """

    at: datetime
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
        measures: those computed by at least one finished experiment over the dataset.
        points: oldest first, without those where neither the description nor the score changed.
        left_out: number of experiments that are unfinished, lack the measure, or are older than the last `LAST`.
    """

    dataset: str
    measure: str
    measures: tuple[str, ...]
    points: tuple[Point, ...]
    left_out: int

    @property
    def variants(self) -> tuple[str, ...]:
        """Variant names: those of the newest experiment first, each experiment's best first."""
        newest = sorted(
            self.points, key=lambda point: (point.experiment.started_at, point.score), reverse=True
        )
        return tuple(dict.fromkeys(point.variant for point in newest))

    @property
    def regressions(self) -> tuple[Point, ...]:
        """Points that are significantly worse than their previous point, newest first."""
        return tuple(
            point
            for point in reversed(self.points)
            if point.step is not None and point.step.outcome == "regression"
        )

    @property
    def standing(self) -> tuple[Point, ...]:
        """Regressions that are the last point of their variant."""
        last = {_line(point): point for point in self.points}
        return tuple(point for point in self.regressions if last[_line(point)] is point)


def history(workspace: Workspace, dataset: str, measure: str | None = None) -> History:
    """Follow every variant over the finished experiments of a dataset, as recorded now.

    Args:
        measure: in ir-measures' notation; by default the newest experiment's first measure.

    Raises:
        InvalidInputError: it is no measure.
        UnknownNameError: there is no such dataset, or no experiment over it computed this measure.
    """
    return workspace.frozen(lambda: _history(workspace, dataset, measure))


def _history(workspace: Workspace, dataset: str, measure: str | None) -> History:
    dataset_row = catalog.find(workspace, dataset)
    name = dataset_row.name
    submissions = [
        (at, row)
        for at, row in experiments.submissions(workspace.database, dataset_row.id)
        if row.status == "finished"
    ]
    measures = tuple(dict.fromkeys(m for _, row in reversed(submissions) for m in row.spec.measures))
    chosen = canonical_measures([measure])[0] if measure else next(iter(measures), "")
    if measure and submissions and chosen not in measures:
        raise UnknownNameError(
            f"no experiment over {name!r} computed {chosen}; they computed {', '.join(measures)}"
        )
    covered = [(at, row) for at, row in submissions[-LAST:] if chosen in row.spec.measures]
    versions = {
        version.manifest.fingerprint: version.version
        for version in catalog.versions(workspace, dataset_row.id)
    }

    def compute() -> tuple[Point, ...]:
        last: dict[tuple[str, ...], Point] = {}
        points: list[Point] = []
        for at, row in covered:
            new = _points_of(workspace, row, chosen, versions[row.spec.dataset])
            points += _followed(workspace, [replace(point, at=at) for point in new], last, chosen)
        return tuple(points)

    states = tuple((at, row.id, row.revision) for at, row in covered)
    points = workspace.memory.get(HISTORIES, (chosen, states), compute)
    left_out = {row.id for row in catalog.used_by(workspace, dataset_row.id)} - {row.id for _, row in covered}
    return History(name, chosen, measures, points, len(left_out))


def _points_of(workspace: Workspace, row: ExperimentRow, measure: str, version: int) -> tuple[Point, ...]:
    """An experiment's variants with a score."""

    def compute() -> tuple[Point, ...]:
        snapshot = snapshot_of(workspace, row)
        sampled = snapshot.resampled(measure)
        if sampled is None:
            return ()
        means, ends = sampled.values.mean(axis=1).tolist(), sampled.intervals().tolist()
        return tuple(
            Point(
                row.started_at, row, name, version, mean, _finite(low), _finite(high), sampled.values.shape[1]
            )
            for name, mean, (low, high) in zip(snapshot.scores(measure).names, means, ends, strict=True)
        )

    return workspace.memory.get(POINTS, (row.id, row.revision, measure), compute)


def _finite(end: float) -> float | None:
    return end if np.isfinite(end) else None


def _line(point: Point) -> tuple[str, str]:
    """What identifies a variant over time: its name and its pipeline."""
    return point.variant, point.experiment.spec.variant(point.variant).fingerprint


def _before(point: Point, last: Mapping[tuple[str, ...], Point]) -> Point | None:
    """The previous point to compare a point with.

    If the dataset has changed since the last point of the same pipeline and models, this is that point, so that only
    the dataset differs. Else it is the last point of the same pipeline, or of the same name if the pipeline is new.
    """
    same = last.get((*_line(point), *_models(point)))
    if same is not None and same.experiment.spec.dataset != point.experiment.spec.dataset:
        return same
    return last.get(_line(point)) or last.get((point.variant,))


def _models(point: Point) -> tuple[str, ...]:
    """Fingerprints of a variant's models, and the servers and names of its chat models."""
    spec, variant = point.experiment.spec, point.experiment.spec.variant(point.variant)
    chats = (stage for stage in variant.stages() if isinstance(stage, LanguageModel))
    endpoints = (spec.endpoints[stage.endpoint] for stage in chats)
    return (
        *(spec.encoders[encoder_key(stage)].fingerprint for stage in models_of(variant)),
        *(f"{endpoint.server} {endpoint.model}" for endpoint in endpoints),
    )


@dataclass(frozen=True, eq=False)
class _Change:
    """How a variant changed since `before`; differences are now minus before, one per comparable query."""

    point: Point
    before: Point
    words: tuple[str, ...]
    differences: Doubles

    @property
    def is_new(self) -> bool:
        """Whether the description or any score changed."""
        return bool(self.words) or bool(self.differences.any()) or self.point.score != self.before.score


def _followed(
    workspace: Workspace, points: Sequence[Point], last: dict[tuple[str, ...], Point], measure: str
) -> list[Point]:
    """The points of one submission with their steps; points where nothing changed are left out.

    Args:
        last: the last point of each line so far; updated in place.
    """
    changes: list[_Change] = []
    followed: list[Point] = []
    common: dict[str, _Common] = {}
    for point in points:
        before = _before(point, last)
        if before is None:
            followed.append(point)
            continue
        words = what_changed(before, point)
        differences = np.empty(0)
        if "policy" not in words:
            pair = before.experiment.id
            if pair not in common:
                common[pair] = _common(workspace, before.experiment, point.experiment)
            differences = _differences(before, point, common[pair], measure)
        changes.append(_Change(point, before, words, differences))
    followed += _tested([change for change in changes if change.is_new])
    for point in followed:
        last[(*_line(point), *_models(point))] = last[_line(point)] = last[(point.variant,)] = point
    order = [point.variant for point in points]
    return sorted(followed, key=lambda point: order.index(point.variant))


def _tested(changes: Sequence[_Change]) -> list[Point]:
    """Points with their steps, whose p-values are corrected over all of these steps."""
    evidence = _evidence([change.differences for change in changes if change.differences.size])
    decisions = iter(decide(evidence))
    points = []
    for change in changes:
        step = Step(change.before.experiment.id, change.words, change.differences.size, None, None)
        if change.differences.size:
            decision = next(decisions)
            step = replace(
                step,
                difference=decision.difference,
                p=decision.p,
                corrected=decision.corrected,
                outcome=_outcome(decision),
                test=decision.test,
            )
        points.append(replace(change.point, step=step))
    return points


def _evidence(rows: Sequence[Doubles]) -> list[Evidence]:
    """The evidence of each row of differences; rows of the same length share their sign flips."""
    by_place: dict[int, Evidence] = {}
    for n in {row.size for row in rows}:
        places = [place for place, row in enumerate(rows) if row.size == n]
        sampled = Resampled.of(np.stack([rows[place] for place in places]), resamples=0)
        by_place |= dict(zip(places, sampled.evidence(), strict=True))
    return [by_place[place] for place in range(len(rows))]


class _Common(NamedTuple):
    """Two experiments, and the positions of their common queries with the same text: [n] each."""

    then: Snapshot
    now: Snapshot
    before: Ints
    after: Ints


def _common(workspace: Workspace, before: ExperimentRow, after: ExperimentRow) -> _Common:
    then, now = (snapshot_of(workspace, row) for row in (before, after))
    ids, places_then, places_now = np.intersect1d(
        then.arrays.query_ids, now.arrays.query_ids, return_indices=True
    )
    if before.spec.queries == after.spec.queries:
        return _Common(then, now, places_then, places_now)
    keys_then, keys_now = (_keys(workspace, row) for row in (before, after))
    alike = np.array([keys_then.get(id_) == keys_now.get(id_) for id_ in ids.tolist()], dtype=np.bool_)
    return _Common(then, now, places_then[alike], places_now[alike])


def _differences(before: Point, after: Point, common: _Common, measure: str) -> Doubles:
    """After minus before, over common queries with a score in both: [n] float64."""
    then, now = common.then.scores(measure), common.now.scores(measure)
    values: Doubles = (
        now.values[now.variants.index(after.variant)][common.after]
        - then.values[then.variants.index(before.variant)][common.before]
    )
    return values[np.isfinite(values)]


def _keys(workspace: Workspace, row: ExperimentRow) -> Mapping[str, bytes]:
    """A key of each query's text, by query id."""
    dataset = StoredDataset.open(workspace.store, row.spec.dataset)
    return dict(zip((query.query_id for query in dataset.queries), dataset.query_keys, strict=True))


def what_changed(before: Point, after: Point) -> tuple[str, ...]:
    """What differs between the experiments of two points of a variant, in words."""
    then, now = before.experiment.spec, after.experiment.spec
    pipeline = _line(before)[1] != _line(after)[1]
    differs = {
        "documents": then.corpus != now.corpus,
        "queries": then.queries != now.queries,
        "judgments": then.qrels != now.qrels,
        "whether a query's own document is left out": then.exclude_self != now.exclude_self,
        "pipeline": pipeline,
        "model": not pipeline and _models(before) != _models(after),
        "depth": then.depth != now.depth,
        "policy": then.policy != now.policy,
    }
    return tuple(words for words, is_different in differs.items() if is_different)


def _outcome(decision: Decision) -> Outcome:
    if not decision.separable:
        return "not separable"
    return "regression" if decision.difference < 0 else "improvement"


def history_record(found: History) -> dict[str, Any]:
    """A dataset's history."""
    return {
        "dataset": found.dataset,
        "measure": found.measure,
        "left_out": found.left_out,
        "points": [
            {
                "at": point.at.isoformat(),
                "experiment": point.experiment.id,
                "name": point.experiment.name,
                "version": point.version,
                "variant": point.variant,
                "score": point.score,
                "low": point.low,
                "high": point.high,
                "step": None if point.step is None else dataclasses.asdict(point.step),
                "standing": point in found.standing,
            }
            for point in found.points
        ],
    }
