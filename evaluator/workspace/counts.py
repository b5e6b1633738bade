"""How far the variants of an experiment are; remembered until more of it is recorded."""

from __future__ import annotations

from evaluator.domain.records import ExperimentRow, VariantCounts
from evaluator.store import results
from evaluator.workspace.memory import Kind
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.workspace import Workspace

COUNTS = Kind("counts", 1024)


def counts_of(workspace: Workspace, row: ExperimentRow) -> tuple[VariantCounts, ...]:
    """How far an experiment's variants were when its row was read: call it in the same look, as `snapshot_of`."""

    def count() -> tuple[VariantCounts, ...]:
        variants = results.recorded_counts(workspace.database, row.id)
        return tuple(
            counts._replace(error=counts.error and without_paths(counts.error)) for counts in variants
        )

    return workspace.memory.get(COUNTS, (row.id, row.revision), count)
