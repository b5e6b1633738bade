"""Planning experiments: planners take turns, count what they have planned, and give up when nobody waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from evaluator.errors import EvaluatorError

logger = logging.getLogger(__name__)

TURN = "evaluator:planning"
"""Lock in Redis: held by whoever plans, on whatever machine."""
TURN_TTL = 30.0
"""Seconds after which the turn of a dead planner is over; a living planner renews it every third of that."""
POLL = 0.02
"""Seconds between attempts to take the turn."""
LOOK_EVERY = 0.2
"""Seconds between two checks whether a waiting planner should give up."""


class PlanningEndedError(EvaluatorError):
    """The experiment was cancelled, deleted or started again while it was planned; nothing was enqueued."""


def _nothing() -> None:
    """The check of a planner that nobody watches."""


def _always() -> bool:
    return True


@dataclass
class Watch:
    """How far a planner is, and whether it should go on.

    Attributes:
        texts, total: texts whose place in the work order is known, of how many; of all encoders.
        check: called often; raises `PlanningEndedError` if the planner should give up.
        confirm: called right before anything is enqueued, while nobody can cancel: whether the experiment is wanted.
    """

    texts: int = 0
    total: int = 0
    check: Callable[[], None] = _nothing
    confirm: Callable[[], bool] = _always

    def count(self, texts: int) -> None:
        """Count texts that are planned now.

        Raises:
            PlanningEndedError: nobody wants the experiment any more.
        """
        self.texts += texts
        self.check()


@contextmanager
def turn(connection: Redis, check: Callable[[], None]) -> Iterator[None]:
    """Plan while nobody else does: two planners at once could both plan a text that they share.

    The turn lasts until its holder ends. If Redis loses it, two may plan at once: then texts may be encoded twice, and
    nothing else happens.

    Args:
        check: called while waiting; raises if the planner should give up.
    """
    lock = connection.lock(TURN, timeout=TURN_TTL, sleep=POLL, thread_local=False)
    while not lock.acquire(blocking_timeout=LOOK_EVERY):
        check()
    turn_over = threading.Event()
    renewing = threading.Thread(target=_renew, args=(lock, turn_over), name="planning-turn", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        turn_over.set()
        renewing.join()
        with suppress(LockError, RedisError):  # it is gone, or goes by itself
            lock.release()


def _renew(lock: Lock, ended: threading.Event) -> None:
    while not ended.wait(TURN_TTL / 3):
        try:
            lock.reacquire()
        except (LockError, RedisError) as error:
            logger.warning("the turn to plan cannot be renewed: %s", error)
