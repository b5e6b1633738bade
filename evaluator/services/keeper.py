"""The keeper looks after experiments for as long as a process owns the database.

It continues those whose jobs were lost, and clears away what stopped and ended ones left.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from redis.exceptions import RedisError

from evaluator.errors import EvaluatorError
from evaluator.services.costs import measure_finished
from evaluator.services.experiments import drop_searched, drop_stopped, resume_stalled
from evaluator.services.vectors import prune
from evaluator.services.workspace import Workspace

logger = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between looks at running experiments."""
BOUND_EVERY = 300.0
"""Seconds between looks at how much vectors take."""


class Keeper:
    """A thread that looks after experiments from entering the context to leaving it.

    Args:
        measures: whether what finished experiments cost is measured, too, when nothing else is at work.
    """

    def __init__(
        self, workspace: Workspace, look_every: float = LOOK_EVERY, *, measures: bool = False
    ) -> None:
        self._workspace = workspace
        self._measures = measures
        self._bound_at = time.monotonic() + BOUND_EVERY
        self._look_every = look_every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _keep_bounded(self) -> None:
        """Look now and then whether vectors take more than they may."""
        if time.monotonic() >= self._bound_at:
            self._bound_at = time.monotonic() + BOUND_EVERY
            for dropped in prune(self._workspace):
                logger.info("dropped the vectors of %s: %d bytes", dropped.name, dropped.bytes)

    def _keep(self) -> None:
        while not self._stop.wait(self._look_every):
            self._guard(self._look)
            self._guard(lambda: drop_searched(self._workspace))
        self._guard(lambda: drop_searched(self._workspace))

    def _look(self) -> None:
        for experiment in resume_stalled(self._workspace):
            logger.warning(
                "the experiment's jobs were lost; enqueued what is missing", extra={"experiment": experiment}
            )
        drop_stopped(self._workspace)
        if self._measures:
            measure_finished(self._workspace)
        self._keep_bounded()

    def _guard(self, look: Callable[[], object]) -> None:
        try:
            look()
        except (EvaluatorError, RedisError) as error:
            logger.warning("running experiments cannot be looked after: %s", error)
        except Exception:  # the thread's boundary: it must not end unseen
            logger.exception("running experiments cannot be looked after; trying again")
