"""The results stream: workers append, one recorder reads. Delivery is at least once, rows are keyed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import orjson
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError

from evaluator.domain.result import Record, Rejected
from evaluator.jobs.results.codec import decode, encode
from evaluator.jobs.results.dead_letters import bury

STREAM = "evaluator:results"
GROUP = "recorder"
CONSUMER = "recorder"
"""Always the same name, so that the next recorder reads again what a dead one had read."""

FIELD = b"record"

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two checks whether a full stream has room."""


class ResultStream:
    """The stream in Redis."""

    def __init__(self, connection: Redis) -> None:
        self._connection = connection

    def append(self, records: Iterable[Record], pipeline: Pipeline | None = None) -> None:
        """Append records, one entry each; within the caller's transaction if a pipeline is given."""
        target = pipeline if pipeline is not None else self._connection.pipeline(transaction=True)
        for record in records:
            target.xadd(STREAM, {FIELD: encode(record)})
        if pipeline is None:
            target.execute()

    def wait_for_room(self, limit: int) -> None:
        """Wait while the stream has this many entries, because the recorder is behind."""
        pause = FIRST_PAUSE
        while len(self) >= limit:
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def open(self) -> None:
        """Create the consumer group, if it is not there."""
        try:
            self._connection.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def read(self, count: int, wait: float) -> list[tuple[bytes, Record | Rejected]]:
        """Entries that were delivered but never acknowledged, else new ones.

        Args:
            count: entries at most.
            wait: seconds to wait for a new one.
        """
        while pending := self._read(count, "0", None):
            if entries := self._decoded(pending):
                return entries
        return self._decoded(self._read(count, ">", max(1, int(wait * 1000))))

    def _read(
        self, count: int, start: str, block: int | None
    ) -> list[tuple[bytes, dict[bytes, bytes] | None]]:
        answer = cast(
            "list[Any] | None",
            self._connection.xreadgroup(GROUP, CONSUMER, {STREAM: start}, count=count, block=block),
        )
        return answer[0][1] if answer else []

    def _decoded(
        self, entries: Sequence[tuple[bytes, dict[bytes, bytes] | None]]
    ) -> list[tuple[bytes, Record | Rejected]]:
        # An entry without fields was delivered, and somebody has trimmed the stream since.
        if gone := [id_ for id_, fields in entries if not fields]:
            self.acknowledge(gone)
        return [(id_, _content(fields)) for id_, fields in entries if fields]

    def acknowledge(self, ids: Sequence[bytes], dead: Mapping[bytes, Rejected] | None = None) -> None:
        """Remove entries from the stream: recorded ones, and dead ones, which become dead letters."""
        finished = [*ids, *(dead or ())]
        if finished:
            with self._connection.pipeline(transaction=True) as pipeline:
                if dead:
                    bury(pipeline, dead)
                pipeline.xack(STREAM, GROUP, *finished)
                pipeline.xdel(STREAM, *finished)
                pipeline.execute()

    def wait_recorded(self, patience: float = 0.0) -> bool:
        """Whether all present entries of the stream are recorded within so many seconds; others may come meanwhile."""
        newest = cast("list[Any]", self._connection.xrevrange(STREAM, count=1))
        deadline = time.monotonic() + patience
        while newest and self._connection.xrange(STREAM, max=newest[0][0], count=1):
            if time.monotonic() >= deadline:
                return False
            time.sleep(FIRST_PAUSE)
        return True

    def __len__(self) -> int:
        return int(self._connection.xlen(STREAM))


def _content(fields: Mapping[bytes, bytes]) -> Record | Rejected:
    if FIELD in fields:
        return decode(fields[FIELD])
    texts = {
        name.decode(errors="backslashreplace"): value.decode(errors="backslashreplace")
        for name, value in fields.items()
    }
    return Rejected(f"the entry has no field {FIELD.decode()!r}", orjson.dumps(texts))
