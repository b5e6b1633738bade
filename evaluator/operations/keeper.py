"""The keeper looks after experiments for as long as a process owns the database.

It plans those again whose jobs were lost, and clears away what stopped and ended ones left, and uploads that nobody
stored. It lets experiments follow edits of judgments that nobody else could.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from redis.exceptions import RedisError

from evaluator.analysis.costs import measure_finished
from evaluator.domain.access import SYSTEM
from evaluator.errors import EvaluatorError
from evaluator.judging.rescore_after_edits import follow_left
from evaluator.operations.upkeep import Upkeep
from evaluator.operations.vector_storage import prune
from evaluator.people.sessions import clear_ended
from evaluator.teamwork.notices import notice
from evaluator.teamwork.outbox import clear_old as clear_old_notifications
from evaluator.teamwork.outbox import deliver
from evaluator.uploads.uploads import clear_old
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import Workspace

logger = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two checks of running experiments."""
BOUND_EVERY = 300.0
"""Seconds between two checks of the vectors' size, of uploads that nobody stored, and of ended sessions."""


class Keeper:
    """A thread that looks after experiments while its context is entered.

    Each of its duties, and within one each experiment, stands alone: what fails for one is tried again with the next
    look, and keeps nobody else waiting.

    Args:
        measures: whether what finished experiments cost is measured, too, when no other job waits or runs.
        notifies: whether people are notified of how experiments ended, by a thread of its own: others may be slow.
    """

    def __init__(
        self,
        workspace: Workspace,
        look_every: float = LOOK_EVERY,
        *,
        measures: bool = False,
        notifies: bool = False,
    ) -> None:
        self._workspace = workspace
        self._measures = measures
        self._bound_at = time.monotonic() + BOUND_EVERY
        self._look_every = look_every
        self._upkeep = Upkeep(workspace, self._guard)
        self._stop = threading.Event()
        duties = [("keeper", self._keep), *([("notifier", self._notify)] if notifies else [])]
        self._threads = [threading.Thread(target=duty, name=name, daemon=True) for name, duty in duties]

    def __enter__(self) -> Keeper:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def look(self) -> None:
        """Do every duty once."""
        self._guard(self._upkeep.replan_lost)
        self._guard(self._upkeep.drop_ended)
        self._guard(self._upkeep.drop_searched)
        self._guard(lambda: follow_left(self._workspace, self._guard, self._stop.is_set))
        if self._measures:
            self._guard(lambda: measure_finished(self._workspace, guard=self._guard))
        if time.monotonic() >= self._bound_at:
            self._bound_at = time.monotonic() + BOUND_EVERY
            self._guard(self._bound_vectors)
            self._guard(self._clear_uploads)
            self._guard(lambda: clear_ended(self._workspace))
            self._guard(lambda: clear_old_notifications(self._workspace))

    def _keep(self) -> None:
        with acting_as(SYSTEM):
            while not self._stop.wait(self._look_every):
                self.look()
            self._guard(self._upkeep.drop_searched)

    def _notify(self) -> None:
        with acting_as(SYSTEM):
            while not self._stop.wait(self._look_every):
                self._guard(lambda: notice(self._workspace))
                self._guard(lambda: deliver(self._workspace, self._stop.is_set))

    def _bound_vectors(self) -> None:
        for dropped in prune(self._workspace):
            logger.info("dropped the vectors of %s: %d bytes", dropped.name, dropped.bytes)

    def _clear_uploads(self) -> None:
        if cleared := clear_old(self._workspace):
            logger.info("cleared uploads that nobody stored: %d", cleared)

    def _guard(self, duty: Callable[[], object], experiment: str | None = None) -> None:
        fields = {} if experiment is None else {"experiment": experiment}
        try:
            duty()
        except (EvaluatorError, RedisError) as error:
            logger.warning("experiments cannot be looked after: %s", error, extra=fields)
        except Exception:  # the thread's boundary: it must not end unseen, and others are looked after
            logger.exception("experiments cannot be looked after; trying again", extra=fields)
