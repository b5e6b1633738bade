"""Experiments that this process is planning now: how far each is, and what was enqueued."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillPlanning
from dataclasses import dataclass, field

from evaluator.jobs.planning import PlanningEndedError, Watch
from evaluator.jobs.submission import Enqueued


@dataclass(eq=False)
class Planning:
    """One attempt at an experiment, planned in a thread of its own.

    Attributes:
        watch: how far it is.
        enqueued: the result; None if nobody wanted it any more.
    """

    experiment: str
    attempt: int
    watch: Watch = field(default_factory=Watch)
    enqueued: Future[Enqueued | None] = field(default_factory=Future)

    def wait(self, patience: float | None) -> Enqueued | None:
        """What was enqueued; None if that is not known yet, or nobody wants it any more.

        Args:
            patience: seconds to wait; None for as long as it takes.

        Raises:
            EvaluatorError: it cannot be planned, or the queue does not answer.
        """
        try:
            return self.enqueued.result(patience)
        except StillPlanning:
            return None


class Plannings:
    """The plannings of a process; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: dict[str, Planning] = {}
        self._threads: set[threading.Thread] = set()
        self._stopping = threading.Event()

    def of(self, experiment: str) -> Planning | None:
        """The planning of an experiment, if this process plans it."""
        with self._lock:
            return self._active.get(experiment)

    def start(self, planning: Planning, work: Callable[[Planning], Enqueued | None]) -> None:
        """Plan in the background. A thread that plans an earlier attempt notices that, and ends.

        Args:
            work: plans the experiment; `PlanningEndedError` is no failure.
        """
        planning.watch.check = self._check
        thread = threading.Thread(
            target=self._run, args=(planning, work), name=f"planning-{planning.experiment}", daemon=True
        )
        with self._lock:
            self._active[planning.experiment] = planning
            self._threads.add(thread)
        thread.start()

    def stop(self) -> None:
        """End all of them; their experiments stay in planning, and the next owner of the database plans them again."""
        self._stopping.set()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    def _check(self) -> None:
        if self._stopping.is_set():
            raise PlanningEndedError("this process is ending")

    def _run(self, planning: Planning, work: Callable[[Planning], Enqueued | None]) -> None:
        try:
            enqueued = work(planning)
        except PlanningEndedError:
            self._end(planning)
            planning.enqueued.set_result(None)
        except BaseException as error:  # noqa: BLE001  whoever waits gets it
            self._end(planning)
            planning.enqueued.set_exception(error)
        else:
            self._end(planning)
            planning.enqueued.set_result(enqueued)

    def _end(self, planning: Planning) -> None:
        with self._lock:
            if self._active.get(planning.experiment) is planning:
                del self._active[planning.experiment]
            self._threads.discard(threading.current_thread())
