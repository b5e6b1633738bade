"""Planning an experiment: taking turns, telling how far it is, and giving up when nobody wants it any more."""

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
"""Seconds after which the turn of a planner that died is over; one that lives renews it every third of that."""
POLL = 0.02
"""Seconds between attempts to take the turn."""
LOOK_EVERY = 0.2
"""Seconds between looks whether a planner that waits for its turn is still wanted."""


class PlanningEndedError(EvaluatorError):
    """The experiment was cancelled, deleted or asked for anew while it was planned; nothing was enqueued."""


def _nothing() -> None:
    """What a planner is told that nobody watches."""


def _always() -> bool:
    return True


@dataclass
class Watch:
    """How far a planner is, and what it asks.

    Attributes:
        texts, total: texts whose place in the work order is known, of how many; of all encoders.
        check: called often; raises `PlanningEndedError` if the planner should give up.
        confirm: asked right before anything is enqueued, while nobody can cancel: whether it is still wanted.
    """

    texts: int = 0
    total: int = 0
    check: Callable[[], None] = _nothing
    confirm: Callable[[], bool] = _always

    def count(self, texts: int) -> None:
        """So many texts more are planned.

        Raises:
            PlanningEndedError: nobody wants it any more.
        """
        self.texts += texts
        self.check()


@contextmanager
def turn(connection: Redis, check: Callable[[], None]) -> Iterator[None]:
    """Plan while nobody else does: two that plan at once could each plan a text that they share.

    The turn lasts as long as its holder lives, however long that takes. Should Redis lose it in between, two may
    plan at once: then texts may be encoded twice, and nothing else happens.

    Args:
        check: called while waiting; raises if the planner should give up.
    """
    lock = connection.lock(TURN, timeout=TURN_TTL, sleep=POLL, thread_local=False)
    while not lock.acquire(blocking_timeout=LOOK_EVERY):
        check()
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(lock, ended), name="planning-turn", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        with suppress(LockError, RedisError):  # it is gone, or goes by itself
            lock.release()


def _renew(lock: Lock, ended: threading.Event) -> None:
    while not ended.wait(TURN_TTL / 3):
        try:
            lock.reacquire()
        except (LockError, RedisError) as error:
            logger.warning("the turn to plan cannot be renewed: %s", error)
