"""Experiments as lists and descriptions show them: how far, what failed, and the file they came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from evaluator.domain.records import ExperimentRow
from evaluator.experiments.file_writer import recorded_experiment, write_experiment
from evaluator.store import experiments, results
from evaluator.workspace.counts import counts_of
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.workspace import Workspace


@dataclass(frozen=True)
class Overview:
    """An experiment at a glance.

    Attributes:
        done: queries over all variants that are recorded; all of a broken variant's count.
        failed: queries among them that failed.
        total: queries over all variants.
        broken: variants that failed as a whole.
    """

    experiment: ExperimentRow
    done: int
    failed: int
    total: int
    broken: int

    @property
    def seconds(self) -> float | None:
        """Seconds since it was last submitted until it finished or now; None if it was cancelled."""
        if self.experiment.status == "cancelled":
            return None
        end = self.experiment.finished_at or datetime.now(UTC).replace(tzinfo=None)
        return max(0.0, (end - self.experiment.started_at).total_seconds())


def overview(workspace: Workspace, experiment: str) -> Overview:
    """An experiment at a glance, as it is now.

    Args:
        experiment: its id.

    Raises:
        UnknownNameError: there is none.
    """
    return workspace.frozen(
        lambda: _overview(workspace, experiments.experiment(workspace.database, experiment))
    )


def overviews(workspace: Workspace, start: int, stop: int) -> tuple[list[Overview], int]:
    """Some of the experiments that lists show, at a glance, the last submitted first; and how many there are in all."""

    def look() -> tuple[list[Overview], int]:
        rows = experiments.newest_of_runs(experiments.all_experiments(workspace.database))
        return [_overview(workspace, row) for row in rows[start:stop]], len(rows)

    return workspace.frozen(look)


def _overview(workspace: Workspace, row: ExperimentRow) -> Overview:
    counts = counts_of(workspace, row)
    return Overview(
        experiment=row,
        done=sum(row.n_queries if variant.error else variant.recorded for variant in counts),
        failed=sum(variant.failed for variant in counts),
        total=row.n_queries * len(counts),
        broken=sum(variant.error is not None for variant in counts),
    )


def refreshed(workspace: Workspace, row: ExperimentRow) -> ExperimentRow:
    """The same experiment as it is now."""
    return experiments.experiment(workspace.database, row.id)


def failures(workspace: Workspace, row: ExperimentRow, limit: int | None = None) -> pd.DataFrame:
    """Queries that failed, the first `limit` of them. Columns: variant, query_id, error."""
    found = results.failures(workspace.database, row.id, limit)
    found["error"] = found["error"].map(without_paths)
    return found


def experiment_yaml(row: ExperimentRow) -> str:
    """An experiment file that describes the same experiment."""
    return write_experiment(recorded_experiment(row))
