"""Looking up models on the hub: a few at once, each model once at a time, with answers cached for a short time.

Anyone who can name a model can make this process send a request to another machine. So look-ups have their own
threads, and callers choose how long to wait for an answer (ADR 0025).
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
"""The most models that are looked up at the same time; others wait for their turn."""
WAITING = 64
"""The most models that wait for their turn."""
FRESH = 60.0
"""Seconds for which an answer is cached: a model's location, or that there is none."""
SILENT = 15.0
"""Seconds for which a hub that did not answer is not asked again; earlier downloads are used instead."""
LONGEST = 300.0
"""Seconds that a look-up may take, enough for large tokenizers over a slow network. One that takes longer counts as
unanswered, and its thread as lost: the hub's library cannot be stopped, repeats requests, and waits for any server
that sends a byte now and then."""
REMEMBERED = 1024
"""The most answers kept."""


class Find(Protocol):
    """Finds a model by its name, like `hub.find_model`."""

    def __call__(self, name: str, *, silent: bool) -> HubModel:
        """Find the model; if `silent`, without asking the hub."""
        ...


@dataclass
class _Lookup:
    answer: Future[HubModel] = field(default_factory=Future)
    until: float = math.inf
    """When the answer expires, in seconds of the monotonic clock."""
    settled: bool = False
    """Whether the look-up has an answer, or will have one at once."""


class Lookups:
    """Looks models up and caches the answers; safe for several threads.

    Args:
        find: finds a model by its name.
        at_once, waiting, longest: as `AT_ONCE`, `WAITING` and `LONGEST`.
    """

    def __init__(
        self,
        find: Find = find_model,
        at_once: int = AT_ONCE,
        waiting: int = WAITING,
        longest: float = LONGEST,
    ) -> None:
        self._find = find
        self._at_once, self._most_waiting, self._longest = at_once, waiting, longest
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Lookup] = OrderedDict()
        self._waiting: deque[tuple[str, _Lookup]] = deque()
        self._threads = self._lost = 0
        self._silent_until = -math.inf

    def model(self, name: str, patience: float | None = None) -> HubModel:
        """A model on the hub.

        Args:
            name: `organisation/model`, or `organisation/model@revision`.
            patience: seconds to wait for the answer; None to wait until there is one.

        Raises:
            LookingUpError: the look-up takes longer.
            EncoderNotFoundError: there is no such model, or the hub does not answer.
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
            raise error.with_traceback(None) from None  # the same error object each time

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
            del self._known[next(oldest for oldest, lookup in self._known.items() if lookup.answer.done())]
        self._waiting.append((name, lookup))
        self._begin_to_work()
        return lookup

    def _begin_to_work(self) -> None:
        if self._threads < self._at_once:
            self._threads += 1
            # A daemon thread, so that an unanswered look-up does not keep the process from ending.
            threading.Thread(target=self._work, name="hub", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                name, lookup = self._waiting.popleft()
                silent = time.monotonic() < self._silent_until or self._lost >= self._at_once
            if not self._answer(name, lookup, silent):
                return

    def _answer(self, name: str, lookup: _Lookup, silent: bool) -> bool:
        """Look a model up; returns whether this thread may continue, and does not count as lost."""
        timer = threading.Timer(self._longest, self._give_up, (lookup,))
        timer.daemon = True
        timer.start()
        answer: HubModel | BaseException
        try:
            answer = self._find(name, silent=silent)
        except BaseException as error:  # noqa: BLE001  raised for whoever waits
            answer = error
        timer.cancel()
        if self._settle(lookup, answer, silent):
            return True
        with self._lock:
            self._lost -= 1
        return False

    def _give_up(self, lookup: _Lookup) -> None:
        error = SilentHubError(f"the hub did not say all within {self._longest:.0f} seconds")
        if not self._settle(lookup, error, silent=False, lost=1):
            return
        with self._lock:
            self._threads -= 1
            if self._waiting:
                self._begin_to_work()

    def _settle(self, lookup: _Lookup, answer: HubModel | BaseException, silent: bool, lost: int = 0) -> bool:
        """Answer a look-up that has no answer yet; returns whether it had none."""
        with self._lock:
            if lookup.settled:
                return False
            lookup.settled, lookup.until = True, time.monotonic() + FRESH
            self._lost += lost
            if isinstance(answer, SilentHubError):
                if not silent:
                    self._silent_until = time.monotonic() + SILENT
                lookup.until = self._silent_until
        if isinstance(answer, BaseException):
            lookup.answer.set_exception(answer)
        else:
            lookup.answer.set_result(answer)
        return True


lookups = Lookups()
"""The look-ups of this process, shared so that a submission uses the answers of the page before it."""
