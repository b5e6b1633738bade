"""Experiments that seem to run, and on which nobody works."""

from __future__ import annotations

from collections.abc import Sequence

from evaluator.domain.records import ExperimentRow
from evaluator.jobs.queue import experiments_with_jobs
from evaluator.jobs.results.stream import ResultStream
from evaluator.store import experiments
from evaluator.workspace.queue_connection import reachable
from evaluator.workspace.workspace import Workspace


def stalled(
    workspace: Workspace, rows: Sequence[ExperimentRow], patience: float = 0.0
) -> list[ExperimentRow]:
    """The experiments with the status planning or running that no process plans and that have no jobs in the queue.

    This happens when a process dies, or when the queue loses its data.

    Args:
        patience: seconds to wait until the present results in the stream are recorded; without that, none counts as
            stalled.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    candidates = [row for row in rows if row.active and workspace.plannings.of(row.id) is None]
    if not candidates:
        return []
    with reachable(workspace) as connection:
        # In this order: a job adds its results to the stream before it ends, and recording removes them from it.
        with_jobs = experiments_with_jobs(connection)
        if not ResultStream(connection).wait_recorded(patience):
            return []
    stalled_rows = []
    for row in candidates:
        now = experiments.known_experiment(workspace.database, row.id)
        overtaken = now is None or not now.active or now.attempt != row.attempt
        if not overtaken and workspace.plannings.of(row.id) is None and row.id not in with_jobs:
            stalled_rows.append(row)
    return stalled_rows
