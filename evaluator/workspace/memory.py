"""The last results that were read or computed: one memory for each workspace, bounded, shared by threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


def _one(_result: object) -> int:
    return 1


@dataclass(frozen=True)
class Kind:
    """A kind of results: what it is called, and how many of them are kept.

    Attributes:
        size: how many, or how many bytes if `weigh` says how many a result takes. The last one is always kept.
    """

    name: str
    size: int = 8
    weigh: Callable[[Any], int] = _one


@dataclass(eq=False)
class _Kept:
    """Results of one kind by key, the last used at the end, with what each weighs."""

    results: OrderedDict[Hashable, tuple[Any, int]] = field(default_factory=OrderedDict)
    weight: int = 0


@dataclass(eq=False)
class Memory:
    """The last results of each kind, by the key that they were computed from."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[Kind, _Kept] = field(default_factory=dict)

    def known(self, kind: Kind, key: Hashable) -> Any | None:
        """What was computed for a key; None if it is not kept."""
        with self._lock:
            kept = self._kept.get(kind)
            if kept is None or key not in kept.results:
                return None
            kept.results.move_to_end(key)
            return kept.results[key][0]

    def get(self, kind: Kind, key: Hashable, compute: Callable[[], T]) -> T:
        """What was computed for a key; else compute it.

        Two threads may compute it at once; both get what the first of them kept.
        """
        with self._lock:
            kept = self._kept.setdefault(kind, _Kept())
            if key in kept.results:
                kept.results.move_to_end(key)
                value: T = kept.results[key][0]
                return value
        computed = compute()
        with self._lock:
            if key not in kept.results:
                kept.results[key] = computed, kind.weigh(computed)
                kept.weight += kept.results[key][1]
            kept.results.move_to_end(key)
            while kept.weight > kind.size and len(kept.results) > 1:
                kept.weight -= kept.results.popitem(last=False)[1][1]
            first: T = kept.results[key][0]
            return first
