"""Answers shared by simultaneous requests with the same question."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Computations that simultaneous requests share. No request gets an answer computed before it arrived.

    While one computation runs, new requests wait for the next, which begins when the first has ended. So at most one
    runs at a time, however often clients ask. Use it within one event loop.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}
        self._next: dict[Hashable, asyncio.Task[T]] = {}

    async def ask(self, key: Hashable, look: Callable[[], Awaitable[T]]) -> T:
        """The result of a computation that begins now or later.

        Args:
            key: identifies the question; all computations of one key answer the same question.
        """
        task = self._next.get(key)
        if task is None:
            task = asyncio.create_task(self._look(key, look, self._running.get(key)))
            self._next[key] = task
        return await asyncio.shield(task)  # a client that leaves does not cancel the answer for the others

    async def _look(
        self, key: Hashable, look: Callable[[], Awaitable[T]], before: asyncio.Task[T] | None
    ) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._running[key] = self._next.pop(key)
        try:
            return await look()
        finally:
            if self._running[key] is asyncio.current_task():
                del self._running[key]
