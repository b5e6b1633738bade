"""States of a database, numbered by its owner's writes: a value read in one state holds until the next (ADR 0019)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 10_000
"""Values that are kept of a state."""


class NotKept(BaseException):
    """A value is not kept and must be read; no error, and only `Database.frozen` catches it."""


class States:
    """Numbers the states, and keeps values of the present one; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._changing = 0
        self._kept: dict[Hashable, Any] = {}
        self._kept_of = 0

    @contextmanager
    def change(self) -> Iterator[None]:
        """Number the next state after the block, which may change the database; within it no state has a number."""
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
            NotKept: no value is kept, or the state has passed.
        """
        with self._lock:
            if state != self._kept_of or key not in self._kept:
                raise NotKept
            return self._kept[key]

    def remember(self, state: int | None, key: Hashable, read: Callable[[], T]) -> T:
        """The value kept of a state, or what `read` returns now. The value must never be changed.

        Args:
            state: that `read` reads; None if it is unknown. The value is kept only if the state has not passed since:
                without a transaction, `read` may have read the next one.
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
