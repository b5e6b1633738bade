"""Turns: a few at a time, one for each person; the person served longest ago is next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

LOOK_EVERY = 0.1
"""Seconds between checks whether a waiting person gave up."""
REMEMBERED = 1000
"""Persons whose last turn is remembered."""


@dataclass(eq=False)
class _Waiting:
    person: str


class Turns:
    """Turns for waiting persons. However many turns one person waits for, another waits for at most one of them.

    Args:
        at_once: turns that are taken at the same time, each by another person.
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
        """The number of turns that are waited for."""
        with self._changed:
            return len(self._waiting)

    @contextmanager
    def turn(self, person: str, given_up: threading.Event) -> Iterator[bool]:
        """Wait for a turn, which ends with the context; gives whether it came before somebody gave up."""
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
            self._served[person] = next(self._number)  # last, so that the first is who was served longest ago
            if len(self._served) > REMEMBERED:
                del self._served[next(iter(self._served))]
            self._changed.notify_all()  # another person may go on, too
        return True

    def _end(self, person: str) -> None:
        with self._changed:
            self._running.remove(person)
            self._changed.notify_all()

    def _next(self) -> _Waiting | None:
        """Of those who may go on the one served longest ago, and of those the first that came."""
        if len(self._running) >= self._at_once:
            return None
        free = [waiting for waiting in self._waiting if waiting.person not in self._running]
        return min(free, key=lambda waiting: self._served.get(waiting.person, 0), default=None)
