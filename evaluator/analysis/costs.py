"""What variants cost: measured after an experiment is finished, while no other job is running."""

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
    "queries_per_second", "index_bytes", "vector_bytes", "encode_seconds", "tokens", "usd",
    "usd_per_million_queries", "queries", "alone", "machine",
)  # fmt: skip
"""Of a row of costs, besides its latencies; see `VariantCost`."""


def measure_finished(
    workspace: Workspace,
    only: str | None = None,
    guard: Callable[[Callable[[], object], str], None] | None = None,
) -> list[str]:
    """Have variants of finished experiments measured, if no job waits or runs; returns the ids of the jobs.

    A variant that was measured over the same documents and queries in another experiment is not measured again.

    Args:
        only: this experiment's id; all, one after the other, by default.
        guard: around what is done for one experiment, so that one that cannot be measured keeps nobody else waiting.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    waiting = unmeasured(workspace.database, only)
    rows = {row.id: row for row in experiments.all_experiments(workspace.database)} if waiting else {}
    known = _known(workspace, rows.values())
    found = [
        VariantMeasured(id_, name, cost)
        for id_, names in waiting.items()
        if id_ in rows
        for name in names
        if (cost := known.get(_identity(rows[id_].spec, name))) is not None
    ]
    save_costs(workspace.database, found)
    settled = {(one.experiment, one.variant) for one in found}
    left = {
        id_: names
        for id_, every in waiting.items()
        if id_ in rows and (names := [name for name in every if (id_, name) not in settled])
    }
    if not left or _is_busy(workspace):
        return []
    jobs: list[str] = []
    for id_, names in left.items():

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


def _known(workspace: Workspace, rows: Iterable[ExperimentRow]) -> dict[tuple[object, ...], VariantCost]:
    """What is known of variants, by what decides it."""
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
    """Variants of an experiment that are to be measured: none unless it is finished."""
    return unmeasured(workspace.database, experiment.id).get(experiment.id, [])


def cost_rows(workspace: Workspace, experiment: ExperimentRow) -> list[dict[str, Any]]:
    """What an experiment's variants cost now; see `cost_records`."""
    return cost_records(experiment.spec, costs(workspace.database, experiment.id))


def cost_records(spec: ExperimentSpec, measured: Mapping[str, VariantCost | None]) -> list[dict[str, Any]]:
    """What variants cost as plain JSON types, one record a variant that was measured; times in milliseconds."""
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
