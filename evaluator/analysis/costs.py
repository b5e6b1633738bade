"""The cost of variants, measured after an experiment is finished, while no other job is running."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from evaluator.domain.cost import PERCENTILES, VariantCost
from evaluator.domain.experiment import ExperimentSpec, encoder_key, models_of
from evaluator.domain.records import ExperimentRow
from evaluator.domain.result import VariantMeasured
from evaluator.jobs.context import spec_name
from evaluator.jobs.measurement import enqueue_measurements
from evaluator.jobs.queue import all_live_ids
from evaluator.store import experiments
from evaluator.store.costs import costs, every_cost, save_costs, unmeasured
from evaluator.workspace.queue_connection import reachable
from evaluator.workspace.workspace import Workspace

PLAIN_COLUMNS = (
    "queries_per_second",
    "index_bytes",
    "vector_bytes",
    "encode_seconds",
    "tokens",
    "usd",
    "usd_per_million_queries",
    "queries",
    "alone",
    "machine",
)
"""Columns of a cost record other than its latencies; see `VariantCost`."""


def measure_finished(
    workspace: Workspace,
    only: str | None = None,
    guard: Callable[[Callable[[], object], str], None] | None = None,
) -> list[str]:
    """Enqueue cost measurements of finished experiments if no job waits or runs; returns the ids of the new jobs.

    A variant already measured over the same documents and queries in another experiment gets that cost.

    Args:
        only: the id of the only experiment to measure; by default all, one after the other.
        guard: runs the work for one experiment, so that a failure there does not hold up the others.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    waiting = unmeasured(workspace.database, only)
    rows = {row.id: row for row in experiments.all_experiments(workspace.database)} if waiting else {}
    earlier_costs = _costs_by_identity(workspace, rows.values())
    reused = [
        VariantMeasured(id_, name, cost)
        for id_, names in waiting.items()
        if id_ in rows
        for name in names
        if (cost := earlier_costs.get(_identity(rows[id_].spec, name))) is not None
    ]
    save_costs(workspace.database, reused)
    settled = {(measured.experiment, measured.variant) for measured in reused}
    remaining = {
        id_: unmeasured_names
        for id_, names in waiting.items()
        if id_ in rows and (unmeasured_names := [name for name in names if (id_, name) not in settled])
    }
    if not remaining or _is_busy(workspace):
        return []
    jobs: list[str] = []
    for id_, names in remaining.items():

        def measure(spec: ExperimentSpec = rows[id_].spec, names: list[str] = names) -> None:
            jobs.extend(_measure(workspace, spec, names))

        if guard is None:
            measure()
        else:
            guard(measure, id_)
        if jobs:
            break
    return jobs


def _is_busy(workspace: Workspace) -> bool:
    """Whether any job waits or runs."""
    with reachable(workspace) as connection:
        return bool(all_live_ids(connection))


def _measure(workspace: Workspace, spec: ExperimentSpec, variants: list[str]) -> list[str]:
    with reachable(workspace) as connection:
        workspace.store.put_json(spec_name(spec.id), spec.to_json())  # if it was damaged, or only rescored
        return enqueue_measurements(connection, spec, variants, workspace.settings)


def _costs_by_identity(
    workspace: Workspace, rows: Iterable[ExperimentRow]
) -> dict[tuple[object, ...], VariantCost]:
    """The measured costs of variants, by their identity."""
    measured = every_cost(workspace.database)
    return {
        _identity(row.spec, name): cost
        for row in rows
        for name, cost in measured.get(row.run, {}).items()
        if cost is not None
    }


def _identity(spec: ExperimentSpec, name: str) -> tuple[object, ...]:
    """What decides a variant's cost: documents and queries, its pipeline, the depth, and its models."""
    variant = spec.variant(name)
    models = tuple(spec.encoders[encoder_key(stage)].fingerprint for stage in models_of(variant))
    return spec.corpus, spec.queries, variant.fingerprint, spec.depth, models


def to_measure(workspace: Workspace, experiment: ExperimentRow) -> list[str]:
    """The variants of an experiment whose cost is still to be measured; none unless the experiment is finished."""
    return unmeasured(workspace.database, experiment.id).get(experiment.id, [])


def cost_rows(workspace: Workspace, experiment: ExperimentRow) -> list[dict[str, Any]]:
    """The costs of an experiment's variants as of now; see `cost_records`."""
    return cost_records(experiment.spec, costs(workspace.database, experiment.id))


def cost_records(spec: ExperimentSpec, measured: Mapping[str, VariantCost | None]) -> list[dict[str, Any]]:
    """The costs as plain JSON types, one record per measured variant; times in milliseconds."""
    rows = []
    for variant in spec.variants:
        name, cost = variant.name, measured.get(variant.name)
        if cost is None:
            continue
        row: dict[str, Any] = {"variant": name}
        for part in ("total", "encode", "search", "rerank"):
            latency = getattr(cost, part)
            for percentile in PERCENTILES:
                value = None if latency is None else 1000 * getattr(latency, f"p{percentile}")
                row[f"{part}_p{percentile}_ms"] = value
        row |= {column: getattr(cost, column) for column in PLAIN_COLUMNS}
        rows.append(row)
    return rows
