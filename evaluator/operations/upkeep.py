"""Upkeep: tasks repeated while a process owns the database, for one experiment at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from redis import Redis

from evaluator.domain.records import ExperimentRow
from evaluator.experiments.lifecycle import is_over
from evaluator.experiments.planning import start_planning
from evaluator.jobs.cancellation import marked_cancelled, unmark_cancelled
from evaluator.jobs.queue import cancel_experiment, experiments_with_jobs
from evaluator.jobs.results.stream import ResultStream
from evaluator.retrieval.candidates import drop_candidates, experiments_with_candidates
from evaluator.store import experiments, results
from evaluator.store.status import change_status, replan_experiment
from evaluator.workspace.queue_connection import reachable
from evaluator.workspace.stalled import stalled
from evaluator.workspace.workspace import Workspace

PATIENCE = 2.0
"""Seconds to wait for the recorder before lost jobs are searched."""
FRUITLESS_ATTEMPTS = 5
"""Times that an experiment is planned again without a new row before it is given up."""

Guard = Callable[[Callable[[], object], str], None]
"""Runs a duty for an experiment (its id), so that its errors do not stop the duties for others."""


@dataclass
class Replanned:
    """How often an experiment was planned again since it had so many rows."""

    rows: int
    times: int = 0


@dataclass
class Upkeep:
    """The duties of a keeper, and what it remembers.

    Args:
        guard: runs the duty for one experiment.
    """

    workspace: Workspace
    guard: Guard
    replanned: dict[str, Replanned] = field(default_factory=dict)

    def replan_lost(self) -> None:
        """Plan experiments again whose jobs, or whose planner, are gone.

        Raises:
            QueueUnavailableError: the queue does not answer.
        """
        rows = experiments.all_experiments(self.workspace.database)
        self.replanned = {
            row.id: self.replanned[row.id] for row in rows if row.id in self.replanned and row.active
        }
        for row in stalled(self.workspace, rows, PATIENCE):
            self.guard(lambda row=row: self._replan(row), row.id)  # type: ignore[misc]

    def drop_ended(self) -> None:
        """Drop jobs of experiments that are cancelled, finished or deleted; marks of those that are not cancelled.

        Jobs that measure a finished experiment stay. The marks follow the database: a mark that outlived its
        experiment's cancellation would make all of its jobs do nothing.

        Raises:
            QueueUnavailableError: the queue does not answer.
        """
        with reachable(self.workspace) as connection:
            with_jobs, marked = experiments_with_jobs(connection), marked_cancelled(connection)
            if not ResultStream(connection).wait_recorded():
                return  # workers may have stopped an experiment, which is not recorded yet
            status = {row.id: row.status for row in experiments.all_experiments(self.workspace.database)}
            for experiment in with_jobs:
                if status.get(experiment) == "cancelled":
                    self.guard(lambda id_=experiment: self._drop_jobs(connection, id_), experiment)  # type: ignore[misc]
            for experiment in marked:
                if status.get(experiment) != "cancelled":
                    unmark_cancelled(connection, experiment)

    def drop_searched(self) -> None:
        """Drop the lists that variants shared, of all experiments here that are finished.

        Those of a cancelled one stay until it is resumed, or deleted: resuming would have to search again.
        """
        # Read before the statuses, so that it holds no experiment that begins meanwhile.
        with_lists = experiments_with_candidates(self.workspace.store)
        for row in experiments.all_experiments(self.workspace.database) if with_lists else ():
            if row.id in with_lists and row.status == "finished":
                self.guard(lambda id_=row.id: drop_candidates(self.workspace.store, id_), row.id)  # type: ignore[misc]

    def _drop_jobs(self, connection: Redis, experiment: str) -> None:
        cancel_experiment(connection, experiment, lambda: is_over(self.workspace, experiment))

    def _replan(self, row: ExperimentRow) -> None:
        recorded = sum(
            variant.recorded for variant in results.recorded_counts(self.workspace.database, row.id)
        )
        replanned = self.replanned.get(row.id)
        if replanned is None or replanned.rows != recorded:
            replanned = self.replanned[row.id] = Replanned(recorded)
        if replanned.times >= FRUITLESS_ATTEMPTS:
            reason = (
                f"its jobs ended {FRUITLESS_ATTEMPTS} times without a result that could be recorded; see the logs of "
                "the workers and what `evaluator dead-letters list` says"
            )
            change_status(self.workspace.database, row.id, "stop", reason)
            return
        attempt = replan_experiment(self.workspace.database, row.id)
        if attempt is not None:
            if row.status == "running":  # an attempt counts only if it was planned
                replanned.times += 1
            start_planning(self.workspace, row.spec, attempt)
