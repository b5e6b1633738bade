"""Models on the hub are looked up a few at once, each once at a time, and the answers hold for a moment.

Whoever can name a model can make this process ask a machine elsewhere. So that happens in threads of its own, and
whoever needs an answer says how long to wait for it (ADR 0025).
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from evaluator.errors import EvaluatorError, LookingUpError
from evaluator.retrieval.encoders.hub import HubModel, SilentHubError, find_model

AT_ONCE = 4
"""Models that are looked up at the same time; the others wait for their turn."""
WAITING = 64
"""Models that may wait for their turn."""
FRESH = 60.0
"""Seconds that it holds where a model is, or that there is none."""
SILENT = 15.0
"""Seconds in which a hub that did not answer is not asked again: what was downloaded before must do."""
REMEMBERED = 1024
"""Answers kept at most."""


class Find(Protocol):
    """Finds a model by its name, as `hub.find_model`."""

    def __call__(self, name: str, *, silent: bool) -> HubModel:
        """The model; without asking the hub if `silent`."""
        ...


@dataclass
class _Lookup:
    answer: Future[HubModel] = field(default_factory=Future)
    until: float = math.inf
    """When the answer no longer holds, on the monotonic clock."""


class Lookups:
    """Looks models up, and remembers what came of it; threads may share it.

    Args:
        find: finds a model by its name.
        at_once, waiting: as `AT_ONCE` and `WAITING`.
    """

    def __init__(self, find: Find = find_model, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._find = find
        self._at_once, self._most_waiting = at_once, waiting
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Lookup] = OrderedDict()
        self._waiting: deque[tuple[str, _Lookup]] = deque()
        self._threads = 0
        self._silent_until = -math.inf

    def model(self, name: str, patience: float | None = None) -> HubModel:
        """A model on the hub.

        Args:
            name: `organisation/model`, or `organisation/model@revision`.
            patience: seconds to wait for it; None for as long as it takes.

        Raises:
            LookingUpError: it takes longer.
            EncoderNotFoundError: there is none, or the hub does not answer.
            InvalidInputError: its configuration is too large.
        """
        with self._lock:
            lookup = self._known.get(name)
            if lookup is None or lookup.until < time.monotonic():
                lookup = self._begin(name)
        try:
            return lookup.answer.result(patience)
        except TimeoutError:
            raise LookingUpError(
                f"the model {name!r} is still being looked up on the hub; try again in a moment",
                lookup.answer,
            ) from None
        except EvaluatorError as error:
            raise error.with_traceback(None) from None  # the same one each time

    def _begin(self, name: str) -> _Lookup:
        if len(self._waiting) >= self._most_waiting:
            raise LookingUpError(
                f"{len(self._waiting)} models wait to be looked up on the hub, so {name!r} cannot be now; try again "
                "in a moment",
                self._waiting[0][1].answer,
            )
        lookup = self._known[name] = _Lookup()
        self._known.move_to_end(name)
        if len(self._known) > REMEMBERED:
            del self._known[next(known for known, old in self._known.items() if old.answer.done())]
        self._waiting.append((name, lookup))
        if self._threads < self._at_once:
            self._threads += 1
            # A daemon: a lookup without an answer must not keep the process from ending.
            threading.Thread(target=self._work, name="hub", daemon=True).start()
        return lookup

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                name, lookup = self._waiting.popleft()
                silent = time.monotonic() < self._silent_until
            self._answer(name, lookup, silent)

    def _answer(self, name: str, lookup: _Lookup, silent: bool) -> None:
        try:
            found = self._find(name, silent=silent)
        except BaseException as error:  # noqa: BLE001  whoever waits gets it
            lookup.until = self._holds(error, silent)
            lookup.answer.set_exception(error)
        else:
            lookup.until = time.monotonic() + FRESH
            lookup.answer.set_result(found)

    def _holds(self, error: BaseException, silent: bool) -> float:
        """Until when an error is the answer."""
        if not isinstance(error, SilentHubError):
            return time.monotonic() + FRESH
        with self._lock:
            if not silent:
                self._silent_until = time.monotonic() + SILENT
            return self._silent_until


lookups = Lookups()
"""The one of this process: what a page looked up is known when it is submitted."""
