"""Plans for a form that changes often: computed in the background, and cached for a short time."""

from __future__ import annotations

import time
from collections import OrderedDict
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillRunning
from dataclasses import dataclass
from threading import Lock, Thread

from evaluator.domain.experiment import Experiment
from evaluator.errors import EvaluatorError, LookingUpError
from evaluator.experiments.file_writer import write_experiment
from evaluator.experiments.plan import Plan, plan
from evaluator.library import catalog
from evaluator.workspace.acting import carried, project
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

PATIENCE = 1.0
"""Seconds that `look` waits for a plan, and that a plan waits for each model looked up on the hub."""
FRESH = 2.0
"""Seconds after which a plan is computed again, because more texts may have been encoded."""
REMEMBERED = 64
"""The most plans kept."""
PLANNER = Kind("planner", 1)


@dataclass
class _PendingPlan:
    future: Future[Plan]
    at: float

    def holds(self) -> bool:
        """Whether the plan is still being computed, or is recent enough."""
        if not self.future.done():
            return True
        error = self.future.exception()
        if isinstance(error, LookingUpError):
            return not error.progress.done()
        return time.monotonic() - self.at < FRESH


class Planner:
    """Plans in the background; each experiment is planned at most once at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._plans: OrderedDict[tuple[str, str, str | None], _PendingPlan] = OrderedDict()
        self._lock = Lock()

    def look(self, experiment: Experiment, patience: float = PATIENCE) -> Plan | None:
        """The experiment's plan; None if it takes longer than `patience` seconds (then call it again later).

        Raises:
            EvaluatorError: as `plan`.
        """
        key = project(), write_experiment(experiment), self._version(experiment.dataset)
        with self._lock:
            pending = self._plans.get(key)
            if pending is None or not pending.holds():
                pending = self._plans[key] = _PendingPlan(self._start(experiment), time.monotonic())
            self._plans.move_to_end(key)
            while len(self._plans) > REMEMBERED:
                self._plans.popitem(last=False)
        try:
            return pending.future.result(patience)
        except (StillRunning, LookingUpError):
            return None
        except EvaluatorError as error:
            raise error.with_traceback(None) from None  # the same error object each time

    def _version(self, dataset: str) -> str | None:
        """The fingerprint of the dataset that has a name now; a plan is valid for this version only."""
        row = catalog.named(catalog.all_datasets(self._workspace), dataset)
        return None if row is None else row.manifest.fingerprint

    def _start(self, experiment: Experiment) -> Future[Plan]:
        future: Future[Plan] = Future()
        planned = carried(lambda: plan(self._workspace, experiment, hub_patience=PATIENCE))

        def work() -> None:
            try:
                future.set_result(planned())
            except BaseException as error:  # noqa: BLE001  raised by `look`
                future.set_exception(error)

        # A daemon thread, so that a plan does not keep the process from ending.
        Thread(target=work, name="plan", daemon=True).start()
        return future


def planner(workspace: Workspace) -> Planner:
    """The workspace's only planner, shared by all callers."""
    return workspace.memory.get(PLANNER, None, lambda: Planner(workspace))
