"""Summaries of experiments for lists and pages: progress, failures, and the experiment file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from evaluator.domain.records import ExperimentRow
from evaluator.experiments import lifecycle
from evaluator.experiments.file_writer import recorded_experiment, write_experiment
from evaluator.store import experiments, results
from evaluator.workspace.counts import counts_of
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.workspace import Workspace


@dataclass(frozen=True)
class Overview:
    """A summary of an experiment.

    Attributes:
        done: recorded queries over all variants; all queries of a broken variant count as done.
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
        """Seconds from the last submission until the experiment finished, or until now; None if it was cancelled."""
        if self.experiment.status == "cancelled":
            return None
        end = self.experiment.finished_at or datetime.now(UTC).replace(tzinfo=None)
        return max(0.0, (end - self.experiment.started_at).total_seconds())


def overview(workspace: Workspace, experiment: str) -> Overview:
    """A summary of an experiment as recorded now.

    Args:
        experiment: its id.

    Raises:
        UnknownNameError: there is none.
    """
    return workspace.frozen(
        lambda: _overview(workspace, experiments.experiment(workspace.database, experiment))
    )


def overviews(workspace: Workspace, start: int, stop: int) -> tuple[list[Overview], int]:
    """Summaries of some of the listed experiments, the last submitted first, and the number of all of them."""

    def look() -> tuple[list[Overview], int]:
        rows = lifecycle.listed(workspace)
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
    """The same experiment as recorded now."""
    return experiments.experiment(workspace.database, row.id)


def failures(workspace: Workspace, row: ExperimentRow, limit: int | None = None) -> pd.DataFrame:
    """The first `limit` failed queries. Columns: variant, query_id, error."""
    failed = results.failures(workspace.database, row.id, limit)
    failed["error"] = failed["error"].map(without_paths)
    return failed


def failures_record(workspace: Workspace, row: ExperimentRow) -> list[dict[str, Any]]:
    """All failed queries as JSON types: variant, query_id, error."""
    records = failures(workspace, row).to_dict("records")
    return [{str(column): value for column, value in record.items()} for record in records]


def experiment_yaml(row: ExperimentRow) -> str:
    """An experiment file that describes the same experiment."""
    return write_experiment(recorded_experiment(row))
