"""Plans that are asked for again and again while somebody chooses: remembered for a moment, never waited for long."""

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
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

PATIENCE = 1.0
"""Seconds that a look waits, and that a plan waits for each model that is looked up on the hub."""
FRESH = 2.0
"""Seconds that a plan holds: meanwhile more may be encoded."""
REMEMBERED = 64
"""Plans kept at most."""
PLANNER = Kind("planner", 1)


@dataclass
class _Asked:
    future: Future[Plan]
    at: float

    def holds(self) -> bool:
        """Whether it is under way, or its answer is still good."""
        if not self.future.done():
            return True
        error = self.future.exception()
        if isinstance(error, LookingUpError):
            return not error.progress.done()
        return time.monotonic() - self.at < FRESH


class Planner:
    """Plans in the background, each experiment once at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._asked: OrderedDict[tuple[str, str | None], _Asked] = OrderedDict()
        self._lock = Lock()

    def look(self, experiment: Experiment, patience: float = PATIENCE) -> Plan | None:
        """The experiment's plan; None if it takes longer than `patience` seconds: look again later.

        Raises:
            EvaluatorError: as `plan`.
        """
        key = write_experiment(experiment), self._version(experiment.dataset)
        with self._lock:
            known = self._asked.get(key)
            if known is None or not known.holds():
                known = self._asked[key] = _Asked(self._start(experiment), time.monotonic())
            self._asked.move_to_end(key)
            while len(self._asked) > REMEMBERED:
                self._asked.popitem(last=False)
        try:
            return known.future.result(patience)
        except (StillRunning, LookingUpError):
            return None
        except EvaluatorError as error:
            raise error.with_traceback(None) from None  # the same one each time

    def _version(self, dataset: str) -> str | None:
        """What a dataset's name stands for now: a plan, or that there is none, holds for nothing else."""
        row = catalog.named(catalog.all_datasets(self._workspace), dataset)
        return None if row is None else row.manifest.fingerprint

    def _start(self, experiment: Experiment) -> Future[Plan]:
        future: Future[Plan] = Future()
        workspace = self._workspace

        def work() -> None:
            try:
                future.set_result(plan(workspace, experiment, hub_patience=PATIENCE))
            except BaseException as error:  # noqa: BLE001  whoever looks gets it
                future.set_exception(error)

        # A daemon: a plan must not keep the process from ending.
        Thread(target=work, name="plan", daemon=True).start()
        return future


def planner(workspace: Workspace) -> Planner:
    """The one planner of a workspace, shared by all who look."""
    return workspace.memory.get(PLANNER, None, lambda: Planner(workspace))
