"""Experiments with scores that a test makes up, query by query."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from evaluator.analysis.snapshot import Snapshot
from evaluator.domain.cost import Latency, VariantCost
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures.scoring import JUDGED
from evaluator.domain.ranking import Ranking
from evaluator.domain.records import ExperimentRow, VariantCounts
from evaluator.domain.result import QueryResult, VariantMeasured
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.library import catalog
from evaluator.store import experiments, results
from evaluator.store.scores import ScoreArrays
from evaluator.workspace.memory import Memory
from evaluator.workspace.workspace import Workspace
from tests.recorded import begin
from tests.unit.finished import described

FAILED, EXCLUDED, WAITING = "failed", "excluded", "waiting"
"""Stand for a score where there is none."""

Score = float | str
RANKING = Ranking(("d1", "d0"), (2.0, 1.0))


def made(
    workspace: Workspace, scores: Mapping[str, Sequence[Score]], name: str = "look", dataset: str = "tiny"
) -> ExperimentRow:
    """Record an experiment over a dataset that is imported, with each variant's nDCG@10; RR@10 is 1 minus that."""
    row = catalog.find(workspace, dataset)
    experiment = parse_experiment(described(dataset, list(scores), name))
    spec = lifecycle.resolve_spec(workspace, experiment, row, allow_paths=False)
    begin(workspace.database, spec, row.name, max(map(len, scores.values())))
    id_ = spec.id  # computed from all variants
    rows = (
        _result(id_, variant, f"q{n}", value)
        for variant, values in scores.items()
        for n, value in enumerate(values)
    )
    results.record(workspace.database, [row for row in rows if row is not None])
    return experiments.experiment(workspace.database, id_)


def _result(experiment: str, variant: str, query_id: str, score: Score) -> QueryResult | None:
    if score == WAITING:
        return None
    if score == FAILED:
        return QueryResult(experiment, variant, query_id, error="ValueError: no")
    measures = {}
    if isinstance(score, float):
        measures = {"nDCG@10": score, "RR@10": 1 - score, JUDGED: 0.5}
    return QueryResult(experiment, variant, query_id, RANKING, measures, 0.25)


def snapshot_of(scores: Mapping[str, Sequence[Score]], broken: Mapping[str, str] | None = None) -> Snapshot:
    """The snapshot that `made` leads to, without a database.

    Args:
        broken: why whole variants failed, by name.
    """
    text = described("tiny", list(scores), "look")
    spec = ExperimentSpec(
        "look", "f", "c", "q", "j", False, parse_experiment(text).variants, {}, ("nDCG@10", "RR@10"), 100
    )
    values = np.array([[s if isinstance(s, float) else math.nan for s in row] for row in scores.values()])
    counts = tuple(
        VariantCounts(
            name,
            (broken or {}).get(name),
            sum(score != WAITING for score in row),
            sum(score == FAILED for score in row),
            sum(isinstance(score, float) for score in row),
        )
        for name, row in scores.items()
    )
    n_queries = values.shape[1]
    arrays = ScoreArrays(
        tuple(scores),
        tuple(f"q{n}" for n in range(n_queries)),
        {"nDCG@10": values, "RR@10": 1 - values, JUDGED: np.where(np.isnan(values), values, 0.5)},
        np.where(np.isnan(values), values, 0.25),
    )
    done = all(counted.recorded == n_queries for counted in counts)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    row = ExperimentRow(
        "e1", "look", "tiny", spec, n_queries, "finished" if done else "running", now, now, None
    )
    return Snapshot(row, counts, arrays, {}, Memory())


def cost(p95_ms: float | None, index_mb: float = 1.0, usd: float | None = None) -> VariantCost:
    """What a variant costs."""
    latency = None if p95_ms is None else Latency(p95_ms / 2000, p95_ms / 1000, p95_ms / 1000)
    size = round(index_mb * 1e6)
    return VariantCost(10, latency, None, None, None, size, size, None, None, None, usd, True, "x86_64")


def measured(workspace: Workspace, experiment: ExperimentRow, costs: Mapping[str, VariantCost]) -> None:
    """Record what variants cost."""
    told = [VariantMeasured(experiment.id, variant, paid) for variant, paid in costs.items()]
    results.record(workspace.database, told)
