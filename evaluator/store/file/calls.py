"""Calls of DuckDB by all threads of the process, and how closing the file waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

POLL = 0.005
"""Seconds between two interruptions of what runs."""


class Calls:
    """Counts the calls that run.

    If a query begins at the moment in which its connection is closed, DuckDB waits for the end of the query, and so do
    all threads of the process, because it keeps Python's lock meanwhile. So no call begins while the file is closed.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._closing = False

    @contextmanager
    def one(self) -> Iterator[None]:
        """A call; it begins once nobody closes the file."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closing)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    @contextmanager
    def none(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """No call runs within the block, which is for one thread at a time.

        Args:
            interrupt: called again and again until all calls have ended.
        """
        with self._changed:
            self._closing = True
        try:
            with self._changed:
                while not self._changed.wait_for(lambda: self._running == 0, timeout=POLL):
                    interrupt()
            yield
        finally:
            with self._changed:
                self._closing = False
                self._changed.notify_all()
