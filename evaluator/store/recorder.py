"""The recorder: moves results from the stream into DuckDB, and acknowledges committed ones only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

import duckdb
import pyarrow as pa
from redis.exceptions import RedisError

from evaluator.domain.printable import printable
from evaluator.domain.result import Record, Rejected, stand_in
from evaluator.errors import EvaluatorError
from evaluator.store.file.database import Database
from evaluator.store.results import record

logger = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)

WAIT = 0.1
"""Seconds that one read waits for new results, and that stopping may take."""
LONGEST_PAUSE = 5.0
"""Seconds between attempts while Redis or the database fails."""

REFUSALS = (
    duckdb.DataError,
    duckdb.IntegrityError,
    duckdb.InvalidInputException,
    pa.ArrowInvalid,
    pa.ArrowTypeError,
    pa.ArrowCapacityError,
    UnicodeError,
    OverflowError,
)
"""Errors because of a record's values: another attempt fails, too. All other errors may pass."""

REASON_LENGTH = 300
"""Characters of the reason why a record was refused."""


class Results(Protocol):
    """Where results come from (`evaluator.jobs.results.stream.ResultStream`)."""

    def open(self) -> None:
        """Prepare the results for reading."""
        ...

    def read(self, count: int, wait: float) -> list[tuple[bytes, Record | Rejected]]:
        """Entries not acknowledged yet, at most `count`; waits for new ones."""
        ...

    def acknowledge(self, ids: Sequence[bytes], dead: Mapping[bytes, Rejected] | None = None) -> None:
        """Drop recorded entries, and keep those apart that can never be recorded."""
        ...


class Recorder:
    """A thread that records for as long as the database is open.

    Args:
        batch: entries written in one transaction at most.
        require: raises while the results belong to another instance.
    """

    def __init__(
        self, database: Database, results: Results, batch: int, require: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self._results = results
        self._batch = batch
        self._require = require
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.trouble: str | None = None
        """Why nothing is recorded now, for people to read; None while recording works."""

    def start(self) -> None:
        """Start recording."""
        self._thread.start()

    def stop(self) -> None:
        """Record what is in the stream already, then stop."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def drain(self) -> None:
        """Record all that is in the stream now, in the caller's thread."""
        self._results.open()
        while self._step(wait=0.001):
            pass

    def _run(self) -> None:
        pause = 0.1
        while True:
            stopping = self._stop.is_set()
            try:
                self._results.open()
                while self._step(WAIT if not stopping else 0.001) or not (stopping or self._stop.is_set()):
                    self.trouble, pause = None, 0.1
                if stopping:
                    return
            except Exception as error:  # the thread's boundary: it must not end unseen
                self.trouble = f"results are not being recorded: {_first_line(error)}"
                expected = isinstance(error, RedisError | duckdb.Error | EvaluatorError)
                logger.warning(
                    "%s; nothing is lost, trying again in %.1f s", self.trouble, pause, exc_info=not expected
                )
                if stopping:
                    return  # unacknowledged entries wait in the stream for the next recorder
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _step(self, wait: float) -> bool:
        self._require()
        entries = self._results.read(self._batch, wait)
        if entries:
            # While it waited, another instance may have claimed the queue: the entries are for its recorder.
            self._require()
            readable = {id_: entry for id_, entry in entries if not isinstance(entry, Rejected)}
            dead = {id_: entry for id_, entry in entries if isinstance(entry, Rejected)}
            dead |= record_each(self._database, readable)
            _record_stand_ins(self._database, dead.values())
            self._results.acknowledge([id_ for id_ in readable if id_ not in dead], dead)
            if dead:
                logger.warning(
                    "%d results cannot be recorded and are kept as dead letters; the first: %s",
                    len(dead),
                    next(iter(dead.values())).reason,
                )
        return bool(entries)


def record_each(database: Database, records: Mapping[Key, Record]) -> dict[Key, Rejected]:
    """Record all records that the database accepts; returns the others.

    Raises:
        Exception: the database accepts nothing now, for a reason that may pass; recorded ones may be recorded again.
    """
    try:
        record(database, list(records.values()))
    except REFUSALS as error:
        if len(records) > 1:
            entries = list(records.items())
            half = len(entries) // 2
            return record_each(database, dict(entries[:half])) | record_each(database, dict(entries[half:]))
        reason = printable(_first_line(error), REASON_LENGTH)
        return {
            key: Rejected(reason, refused, stand_in(vars(refused), reason))
            for key, refused in records.items()
        }
    return {}


def _record_stand_ins(database: Database, rejected: Iterable[Rejected]) -> None:
    """Record the failures that stand for rejected records; a failure that is refused, too, is dropped."""
    record_each(database, dict(enumerate(entry.stand_in for entry in rejected if entry.stand_in is not None)))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
