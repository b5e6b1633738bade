"""Scores over time: the same variants over a dataset's versions, and over experiments; what became worse is flagged.

A variant is followed by its name and pipeline. Whatever else is another than before, the documents, the judgments,
the model, is said with each step, because a score may change for any of these reasons.
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
"""Submissions that are looked at, from the newest on."""

Outcome = Literal["regression", "improvement", "not separable", "not compared"]

POINTS, HISTORIES = Kind("points", 512), Kind("histories", 32)


@dataclass(frozen=True)
class Step:
    """What became of a variant since its point before.

    Attributes:
        changed: what is another than before: documents, queries, judgments, pipeline, model, policy.
        n: queries that both have a score for, and whose text is the same.
        difference: mean over those, now minus before; None if the two may not be compared.
        p: of that comparison alone.
        corrected: by Holm, over the variants of the same experiment.
        test: that gave p.
        outcome: regression and improvement are differences at the usual level, after the correction.
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
    """A variant in one experiment: its score there, with its 95 % interval, as on that leaderboard.

    Attributes:
        at: when the experiment was asked for; it may be so several times.
        version: of the dataset.
        step: from the point before; None for the first.
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
        measures: that some finished experiment over it computed.
        points: the oldest first. Where nothing changed, neither in the description nor in the score, there is none.
        left_out: experiments that are not finished, lack the measure, or were asked for before the last `LAST`.
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

    @property
    def standing(self) -> tuple[Point, ...]:
        """Regressions that nothing of the same variant followed."""
        last = {_line(point): point for point in self.points}
        return tuple(point for point in self.regressions if last[_line(point)] is point)


def history(workspace: Workspace, dataset: str, measure: str | None = None) -> History:
    """Follow every variant over the finished experiments of a dataset, as all of them are now.

    Args:
        measure: in ir-measures' notation; the first that the newest experiment computed by default.

    Raises:
        InvalidInputError: it is no measure.
        UnknownNameError: there is no such dataset, or no experiment over it computed this measure.
    """
    return workspace.frozen(lambda: _history(workspace, dataset, measure))


def _history(workspace: Workspace, dataset: str, measure: str | None) -> History:
    found = catalog.find(workspace, dataset)
    name = found.name
    asked = [
        (at, row)
        for at, row in experiments.submissions(workspace.database, found.id)
        if row.status == "finished"
    ]
    measures = tuple(dict.fromkeys(m for _, row in reversed(asked) for m in row.spec.measures))
    chosen = canonical_measures([measure])[0] if measure else next(iter(measures), "")
    if measure and asked and chosen not in measures:
        raise UnknownNameError(
            f"no experiment over {name!r} computed {chosen}; they computed {', '.join(measures)}"
        )
    seen = [(at, row) for at, row in asked[-LAST:] if chosen in row.spec.measures]
    versions = {
        version.manifest.fingerprint: version.version for version in catalog.versions(workspace, found.id)
    }

    def compute() -> tuple[Point, ...]:
        last: dict[tuple[str, ...], Point] = {}
        points: list[Point] = []
        for at, row in seen:
            new = _points_of(workspace, row, chosen, versions[row.spec.dataset])
            points += _followed(workspace, [replace(point, at=at) for point in new], last, chosen)
        return tuple(points)

    states = tuple((at, row.id, row.revision) for at, row in seen)
    points = workspace.memory.get(HISTORIES, (chosen, states), compute)
    left_out = {row.id for row in catalog.used_by(workspace, found.id)} - {row.id for _, row in seen}
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
    """What is followed: a name with its pipeline."""
    return point.variant, point.experiment.spec.variant(point.variant).fingerprint


def _before(point: Point, last: Mapping[tuple[str, ...], Point]) -> Point | None:
    """The point that one is compared with.

    The last of the same pipeline and models, if the dataset has changed since: then that is all that has. Else the last
    of the same pipeline; where the pipeline is new, the last of the same name.
    """
    same = last.get((*_line(point), *_models(point)))
    if same is not None and same.experiment.spec.dataset != point.experiment.spec.dataset:
        return same
    return last.get(_line(point)) or last.get((point.variant,))


def _models(point: Point) -> tuple[str, ...]:
    """Fingerprints of a variant's models, and what chat models are asked."""
    spec, variant = point.experiment.spec, point.experiment.spec.variant(point.variant)
    chats = (stage for stage in variant.stages() if isinstance(stage, LanguageModel))
    asked = (spec.endpoints[stage.endpoint] for stage in chats)
    return (
        *(spec.encoders[encoder_key(stage)].fingerprint for stage in models_of(variant)),
        *(f"{endpoint.server} {endpoint.model}" for endpoint in asked),
    )


@dataclass(frozen=True, eq=False)
class _Change:
    """What became of a variant since `before`; differences are now minus before, one a query that can be compared."""

    point: Point
    before: Point
    words: tuple[str, ...]
    differences: Doubles

    @property
    def is_new(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.words) or bool(self.differences.any()) or self.point.score != self.before.score


def _followed(
    workspace: Workspace, points: Sequence[Point], last: dict[tuple[str, ...], Point], measure: str
) -> list[Point]:
    """The points of one submission with the steps that lead to them; those at which nothing changed are left out.

    Args:
        last: the last point of each line so far; brought up to date.
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
    """Points with the steps that lead to them, tested, and corrected for each other."""
    evidence = _evidence([change.differences for change in changes if change.differences.size])
    decisions = iter(decide(evidence))
    points = []
    for change in changes:
        step = Step(change.before.experiment.id, change.words, change.differences.size, None, None)
        if change.differences.size:
            found = next(decisions)
            step = replace(
                step, difference=found.difference, p=found.p, corrected=found.corrected, outcome=_outcome(found),
                test=found.test,
            )  # fmt: skip
        points.append(replace(change.point, step=step))
    return points


def _evidence(rows: Sequence[Doubles]) -> list[Evidence]:
    """What each row of differences shows; rows of the same length share their sign flips."""
    found: dict[int, Evidence] = {}
    for n in {row.size for row in rows}:
        places = [place for place, row in enumerate(rows) if row.size == n]
        sampled = Resampled.of(np.stack([rows[place] for place in places]), resamples=0)
        found |= dict(zip(places, sampled.evidence(), strict=True))
    return [found[place] for place in range(len(rows))]


class _Common(NamedTuple):
    """Two experiments, and where the queries stand that both ask alike: [n] each."""

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
    """What tells queries' texts apart, by id."""
    dataset = StoredDataset.open(workspace.store, row.spec.dataset)
    return dict(zip((query.query_id for query in dataset.queries), dataset.query_keys, strict=True))


def what_changed(before: Point, after: Point) -> tuple[str, ...]:
    """What of a variant's experiment is another than before, in words."""
    then, now = before.experiment.spec, after.experiment.spec
    pipeline = _line(before)[1] != _line(after)[1]
    found = {
        "documents": then.corpus != now.corpus,
        "queries": then.queries != now.queries,
        "judgments": then.qrels != now.qrels,
        "whether a query's own document is left out": then.exclude_self != now.exclude_self,
        "pipeline": pipeline,
        "model": not pipeline and _models(before) != _models(after),
        "depth": then.depth != now.depth,
        "policy": then.policy != now.policy,
    }
    return tuple(words for words, is_other in found.items() if is_other)


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
