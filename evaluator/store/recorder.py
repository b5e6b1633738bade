"""The recorder: moves results from the stream into DuckDB, and acknowledges only what is committed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from duckdb import Error as DuckDBError
from redis.exceptions import RedisError

from evaluator.domain.result import Record
from evaluator.errors import EvaluatorError
from evaluator.store.database import Database
from evaluator.store.results import record

logger = logging.getLogger(__name__)

WAIT = 0.1
"""Seconds that one read waits for new results; also how long stopping may take."""
LONGEST_PAUSE = 5.0
"""Seconds between attempts while Redis or the disk refuses."""


class Results(Protocol):
    """Where results come from (`evaluator.jobs.stream.ResultStream`)."""

    def open(self) -> None:
        """Make it ready to be read."""
        ...

    def read(self, count: int, wait: float) -> list[tuple[bytes, Record]]:
        """Entries not acknowledged yet, at most `count`; waits for new ones."""
        ...

    def acknowledge(self, ids: Sequence[bytes]) -> None:
        """Drop entries that are recorded."""
        ...


class Recorder:
    """A thread that records for as long as the database is open."""

    def __init__(self, database: Database, results: Results, batch: int) -> None:
        self._database = database
        self._results = results
        self._batch = batch
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.trouble: str | None = None
        """Why recording stands still, for people to read; None while it works."""

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
                reason = str(error).strip().splitlines() or [type(error).__name__]
                self.trouble = f"results are not being recorded: {reason[0]}"
                expected = isinstance(error, RedisError | DuckDBError | EvaluatorError)
                logger.warning(
                    "%s; nothing is lost, trying again in %.1f s", self.trouble, pause, exc_info=not expected
                )
                if stopping:
                    return  # what is not acknowledged waits in the stream for the next recorder
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _step(self, wait: float) -> bool:
        entries = self._results.read(self._batch, wait)
        if entries:
            record(self._database, [entry for _, entry in entries])
            self._results.acknowledge([id_ for id_, _ in entries])
        return bool(entries)
