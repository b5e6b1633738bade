"""What variants cost: measured once an experiment is finished, while nothing else is at work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from evaluator.domain.cost import PERCENTILES, VariantCost
from evaluator.domain.experiment import ExperimentSpec, encoder_key, models_of
from evaluator.domain.result import VariantMeasured
from evaluator.domain.variant import Variant
from evaluator.jobs.context import spec_name
from evaluator.jobs.measurement import enqueue_measurements
from evaluator.jobs.queue import all_live_ids
from evaluator.services.queue import reachable
from evaluator.services.workspace import Workspace
from evaluator.store import catalog
from evaluator.store.catalog import ExperimentRow
from evaluator.store.costs import costs, save_costs, unmeasured

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
    jobs: list[str] = []
    for experiment, variants in waiting.items():
        if not jobs:

            def measure(experiment: str = experiment, variants: list[str] = variants) -> None:
                jobs.extend(_measure(workspace, experiment, variants))

            if guard is None:
                measure()
            else:
                guard(measure, experiment)
    return jobs


def _measure(workspace: Workspace, experiment: str, variants: list[str]) -> list[str]:
    row = catalog.known_experiment(workspace.database, experiment)
    if row is None:
        return []
    known = _known_elsewhere(workspace, row.spec, variants)
    save_costs(workspace.database, known)
    left = [name for name in variants if name not in {measured.variant for measured in known}]
    if not left:
        return []
    with reachable(workspace) as connection:
        if all_live_ids(connection):
            return []
        workspace.store.put_json(
            spec_name(row.spec.id), row.spec.to_json()
        )  # if it was damaged, or only rescored
        return enqueue_measurements(connection, row.spec, left, workspace.settings)


def _known_elsewhere(
    workspace: Workspace, spec: ExperimentSpec, variants: list[str]
) -> list[VariantMeasured]:
    """Costs of variants that another experiment over the same corpus and queries has measured."""
    known: dict[tuple[str, int, tuple[str, ...]], VariantCost] = {}
    for row in catalog.experiments(workspace.database):
        if row.id != spec.id and (row.spec.corpus, row.spec.queries) == (spec.corpus, spec.queries):
            measured = costs(workspace.database, row.id)
            known |= {
                _identity(row.spec, variant): cost
                for variant in row.spec.variants
                if (cost := measured.get(variant.name)) is not None
            }
    found = ((name, known.get(_identity(spec, spec.variant(name)))) for name in variants)
    return [VariantMeasured(spec.id, name, cost) for name, cost in found if cost is not None]


def _identity(spec: ExperimentSpec, variant: Variant) -> tuple[str, int, tuple[str, ...]]:
    """What decides a variant's cost over a corpus: its pipeline, the depth, and its models."""
    models = tuple(spec.encoders[encoder_key(stage)].fingerprint for stage in models_of(variant))
    return variant.fingerprint, spec.depth, models


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
