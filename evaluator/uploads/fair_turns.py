"""Fair turns: a few run at a time, at most one per person; the person served longest ago is next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

LOOK_EVERY = 0.1
"""Seconds between checks whether a waiting person gave up."""
REMEMBERED = 1000
"""The most persons whose last turn is remembered."""


@dataclass(eq=False)
class _Waiting:
    person: str


class Turns:
    """Turns for waiting persons. A person who waits for many turns delays another person by at most one.

    Args:
        at_once: the most turns at the same time, each of a different person.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._running: list[str] = []
        self._served: dict[str, int] = {}
        self._number = count(1)

    @property
    def waiting(self) -> int:
        """The number of waiting turns."""
        with self._changed:
            return len(self._waiting)

    @contextmanager
    def turn(self, person: str, given_up: threading.Event) -> Iterator[bool]:
        """Wait for a turn, which ends with the block; yields whether it came before the caller gave up."""
        came = self._take(person, given_up)
        try:
            yield came
        finally:
            if came:
                self._end(person)

    def _take(self, person: str, given_up: threading.Event) -> bool:
        waiting = _Waiting(person)
        with self._changed:
            self._waiting.append(waiting)
            while self._next() is not waiting:
                if given_up.is_set():
                    self._waiting.remove(waiting)
                    return False
                self._changed.wait(LOOK_EVERY)
            self._waiting.remove(waiting)
            self._running.append(person)
            self._served.pop(person, None)
            self._served[person] = next(
                self._number
            )  # at the end, so that the first person is the one served longest ago
            if len(self._served) > REMEMBERED:
                del self._served[next(iter(self._served))]
            self._changed.notify_all()  # another person's turn may be next
        return True

    def _end(self, person: str) -> None:
        with self._changed:
            self._running.remove(person)
            self._changed.notify_all()

    def _next(self) -> _Waiting | None:
        """The next turn: of the person served longest ago among those without a running turn; ties by arrival."""
        if len(self._running) >= self._at_once:
            return None
        free = [waiting for waiting in self._waiting if waiting.person not in self._running]
        return min(free, key=lambda waiting: self._served.get(waiting.person, 0), default=None)
