"""States of a database, numbered by its only owner's writes: what was read of one holds until the next (ADR 0019)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 10_000
"""Values that are kept of a state."""


class NotKept(BaseException):
    """What a look asks for has to be read; no error, and for `Database.frozen` alone to catch."""


class States:
    """Numbers the states, and keeps what was read of the present one; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._changing = 0
        self._kept: dict[Hashable, Any] = {}
        self._kept_of = 0

    @contextmanager
    def change(self) -> Iterator[None]:
        """Around whatever may lead to the next state; in between there is none that one could name."""
        with self._lock:
            self._changing += 1
        try:
            yield
        finally:
            with self._lock:
                self._number += 1
                self._changing -= 1

    @property
    def now(self) -> int | None:
        """The present state; None while it changes."""
        with self._lock:
            return None if self._changing else self._number

    def kept(self, state: int, key: Hashable) -> Any:
        """What was read of a state before.

        Raises:
            NotKept: nothing was, or the state has passed.
        """
        with self._lock:
            if state != self._kept_of or key not in self._kept:
                raise NotKept
            return self._kept[key]

    def remember(self, state: int | None, key: Hashable, read: Callable[[], T]) -> T:
        """What was read of a state before; else read it. What is kept must never be changed.

        Args:
            state: that `read` reads; None if that cannot be told. One that may have passed meanwhile is looked at
                again: what is read without a transaction may be of the next.
        """
        with self._lock:
            if state is not None and state == self._kept_of and key in self._kept:
                kept: T = self._kept[key]
                return kept
        value = read()
        with self._lock:
            if state is not None and state == self._number and not self._changing:
                if state != self._kept_of or len(self._kept) >= MOST:
                    self._kept, self._kept_of = {}, state
                self._kept[key] = value
        return value
