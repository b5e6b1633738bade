"""One instance a Redis database: whoever owns a database claims the queue that it works with (ADR 0022).

Two instances on one Redis database would take each other's jobs and results. So the first one writes down there who
it is, and renews that for as long as it serves; another one is refused.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from typing import Any

from redis.exceptions import RedisError

from evaluator.domain.printable import printable
from evaluator.errors import InstanceRunningError, QueueUnavailableError
from evaluator.jobs.connection import connect, unavailable_message
from evaluator.jobs.processes.identity import Process, this_process
from evaluator.jobs.processes.orphan import SUPERVISOR_VARIABLE
from evaluator.jobs.queue import all_live_ids
from evaluator.jobs.results.stream import ResultStream
from evaluator.settings import Settings

logger = logging.getLogger(__name__)

CLAIM = "evaluator:instance"
"""Key in Redis: who has claimed this database, as JSON. It never expires, so it says whose the jobs and results are."""

LEASE = 15.0
"""Seconds without a renewal after which a claim no longer counts as held."""
RENEWALS = 3
"""Renewals within a lease."""
LOOK_EVERY = 0.1
"""Seconds between looks at a claim that may end."""

SHOWN = 200
"""Characters of what a claim says that are shown."""

_SWAP = """
local found = redis.call('GET', KEYS[1]) or ''
if found ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1
"""
"""Replace one claim by another, if the first is still there; an empty text stands for no claim."""


@dataclass(frozen=True)
class Holder:
    """Who holds a claim.

    Attributes:
        identity: of the instance.
        home: its folder.
        token: made up by the process that wrote it.
        process: which one that is.
        seen: when it was renewed last: seconds since 1970, by the queue's clock.
        lease: seconds that it counts as held after that.
    """

    identity: str
    home: str
    token: str
    process: Process
    seen: float
    lease: float

    def to_json(self) -> str:
        """The claim as it is kept in Redis."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes) -> Holder:
        """The claim from what `to_json` gave; from anything else a claim that nobody holds."""
        try:
            record: dict[str, Any] = json.loads(text)
            at = record["process"]
            return cls(
                identity=str(record["identity"]),
                home=str(record["home"]),
                token=str(record["token"]),
                process=Process(str(at["host"]), str(at["space"]), int(at["pid"]), float(at["started"])),
                seen=float(record["seen"]),
                lease=float(record["lease"]),
            )
        except (ValueError, TypeError, KeyError):
            return cls("", "unknown", "", Process("unknown", "", 0, 0.0), 0.0, 0.0)

    def __str__(self) -> str:
        return f"{printable(self.home, SHOWN)} on {printable(self.process.host, SHOWN)}"


class Claim:
    """An instance's claim on the Redis database that its settings name.

    Args:
        identity: of the instance (`evaluator.store.instance`).
        lease: seconds, as in `LEASE`.
    """

    def __init__(self, settings: Settings, identity: str, lease: float = LEASE) -> None:
        self._settings = settings
        self._identity = identity
        self._lease = lease
        self._token = uuid.uuid4().hex
        self._connection = connect(settings, attempts=1)  # it is tried again with the next renewal
        self._written = b""
        self._confirmed = 0.0
        self._trouble: str | None = None
        self._renewing = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="claim", daemon=True)

    def take(self) -> None:
        """Claim the database. If a process of this very instance may hold it, wait until that is known.

        Raises:
            InstanceRunningError: another instance has it, or a copy of this one; names it and says what to do.
            QueueUnavailableError: the queue does not answer.
        """
        first = None
        try:
            while (holder := self._attempt()) is not None:
                first = first or holder
                if holder.identity != self._identity or holder != first:  # another's, or renewed meanwhile
                    raise InstanceRunningError(self._refusal(holder))
                time.sleep(LOOK_EVERY)
        except RedisError as error:
            raise QueueUnavailableError(unavailable_message(self._settings, error)) from error

    def keep(self) -> None:
        """Renew the claim from now on, in the background."""
        self._thread.start()

    def require(self) -> None:
        """Check that the claim was held at the last renewal; does not ask Redis.

        Raises:
            QueueUnavailableError: another instance has the database now; names it and says what to do.
        """
        if self._trouble is not None:
            raise QueueUnavailableError(self._trouble)

    def confirm(self) -> None:
        """Check that the claim is held, and renew it first if it may have ended: this process may have been asleep.

        Raises:
            QueueUnavailableError: another instance has the database now; names it and says what to do.
            RedisError: the queue does not answer.
        """
        if time.time() - self._confirmed > self._lease:
            self._renew()
        self.require()

    def require_free(self) -> None:
        """Check that no other instance has the database, without claiming it.

        Raises:
            InstanceRunningError: one has; names it and says what to do.
            RedisError: the queue does not answer.
        """
        found, now = self._look()
        if found:
            holder = Holder.from_json(found)
            if holder.identity != self._identity and not self._may_follow(holder, now):
                raise InstanceRunningError(self._refusal(holder))

    def release(self) -> None:
        """Give the claim up, if it is held."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            self._swap(self._written, b"")
        except RedisError as error:
            logger.warning(
                "the claim on the queue is not released, and ends in %.0f s: %s", self._lease, error
            )
        self._connection.close()

    def _keep(self) -> None:
        while not self._stop.wait(self._lease / RENEWALS):
            try:
                self._renew()
            except RedisError as error:  # it is away, maybe with all it had: claimed again once it is back
                logger.warning("the claim on the queue is not renewed: %s", error)
            except Exception:  # the thread's boundary: it must not end unseen
                logger.exception("the claim on the queue is not renewed; trying again")

    def _renew(self) -> None:
        with self._renewing:
            holder = self._attempt()
            trouble = None if holder is None else self._refusal(holder)
            if trouble is not None and self._trouble is None:
                logger.error("%s", trouble)
            self._trouble = trouble

    def _attempt(self) -> Holder | None:
        """Claim the database, or renew the claim; returns the other holder if there is one."""
        while True:
            previous, now = self._look()
            if previous:
                holder = Holder.from_json(previous)
                if holder.token != self._token and not self._may_follow(holder, now):
                    return holder
            process, home = this_process(), str(self._settings.home_path)
            claim = Holder(self._identity, home, self._token, process, now, self._lease).to_json().encode()
            if self._swap(previous, claim):
                self._written, self._confirmed = claim, time.time()
                return None

    def _may_follow(self, holder: Holder, now: float) -> bool:
        """Whether a claim may be taken over."""
        lapsed = now - holder.seen > holder.lease
        if holder.identity != self._identity:
            return lapsed and not any(self._left())
        # A supervisor claims before workers start, for the server that it starts then.
        supervisor = int(os.environ.get(SUPERVISOR_VARIABLE, "0"))
        return lapsed or holder.process.is_gone or holder.process.is_here(os.getpid(), supervisor)

    def _left(self) -> tuple[int, int]:
        """Numbers of jobs and of unrecorded results in the Redis database."""
        return len(all_live_ids(self._connection)), len(ResultStream(self._connection))

    def _refusal(self, holder: Holder) -> str:
        where = self._settings.shown_queue
        if holder.identity == self._identity:
            return (
                f"{where} is used by a copy of this instance: {holder}; stop that one, or give each a database of its "
                "own by another number in REDIS_URL"
            )
        jobs, results = self._left()
        age = self._look()[1] - holder.seen
        return (
            f"{where} is used by another instance: {holder}, seen {age:,.0f} s ago; jobs left there: {jobs:,}, "
            f"results: {results:,}. Two instances on one Redis database would take each other's work: stop that one, "
            "or give each a database of its own by another number in REDIS_URL. If that instance is gone for good, "
            "empty the database"
        )

    def _look(self) -> tuple[bytes, float]:
        """The claim as it is now, empty if there is none, and the time by the queue's clock."""
        with self._connection.pipeline(transaction=True) as pipeline:
            pipeline.get(CLAIM)
            pipeline.time()
            found, (seconds, microseconds) = pipeline.execute()
        return found or b"", seconds + microseconds / 1e6

    def _swap(self, old: bytes, new: bytes) -> bool:
        return bool(self._connection.eval(_SWAP, 1, CLAIM, old, new))
