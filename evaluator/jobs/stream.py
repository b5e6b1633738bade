"""The results stream: workers append, one recorder reads. Delivery is at least once, rows are keyed."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

import orjson
from redis import Redis
from redis.exceptions import ResponseError

from evaluator.domain.cost import VariantCost
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import (
    ExperimentStop,
    QueryResult,
    Record,
    Spending,
    VariantFailure,
    VariantMeasured,
)

STREAM = "evaluator:results"
GROUP = "recorder"
CONSUMER = "recorder"
"""One name for all time: what a recorder that died had read is read again by the next one."""

FIELD = b"record"

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between looks at a stream that is full."""


def encode(record: Record) -> bytes:
    """A record as JSON bytes."""
    if isinstance(record, VariantFailure):
        return orjson.dumps(
            {"experiment": record.experiment, "variant": record.variant, "failure": record.error}
        )
    if isinstance(record, ExperimentStop):
        return orjson.dumps({"experiment": record.experiment, "stop": record.reason})
    if isinstance(record, VariantMeasured):
        return orjson.dumps(
            {
                "experiment": record.experiment,
                "variant": record.variant,
                "cost": None if record.cost is None else record.cost.to_json(),
                "error": record.error,
            }
        )
    if isinstance(record, Spending):
        return orjson.dumps({"experiment": record.experiment, "spending": dataclasses.asdict(record)})
    return orjson.dumps(
        {
            "experiment": record.experiment,
            "variant": record.variant,
            "query": record.query_id,
            "docs": record.ranking.doc_ids,
            "scores": record.ranking.scores,
            "measures": record.measures,
            "seconds": record.seconds,
            "error": record.error,
        }
    )


def decode(payload: bytes) -> Record:
    """The record from what `encode` gave."""
    record = orjson.loads(payload)
    if "failure" in record:
        return VariantFailure(record["experiment"], record["variant"], record["failure"])
    if "stop" in record:
        return ExperimentStop(record["experiment"], record["stop"])
    if "cost" in record:
        cost = None if record["cost"] is None else VariantCost.from_json(record["cost"])
        return VariantMeasured(record["experiment"], record["variant"], cost, record["error"])
    if "spending" in record:
        return Spending(**record["spending"])
    return QueryResult(
        experiment=record["experiment"],
        variant=record["variant"],
        query_id=record["query"],
        ranking=Ranking(tuple(record["docs"]), tuple(record["scores"])),
        measures=record["measures"],
        seconds=record["seconds"],
        error=record["error"],
    )


class ResultStream:
    """The stream in Redis."""

    def __init__(self, connection: Redis) -> None:
        self._connection = connection

    def append(self, records: Iterable[Record], pipeline: Any = None) -> None:
        """Append records, one entry each; within the caller's transaction if a pipeline is given."""
        target = pipeline if pipeline is not None else self._connection.pipeline(transaction=True)
        for record in records:
            target.xadd(STREAM, {FIELD: encode(record)})
        if pipeline is None:
            target.execute()

    def wait_for_room(self, limit: int) -> None:
        """Wait while the recorder is so far behind that the stream has this many entries."""
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

    def read(self, count: int, wait: float) -> list[tuple[bytes, Record]]:
        """Entries that were delivered but never acknowledged, else new ones.

        Args:
            count: entries at most.
            wait: seconds to wait for a new one.
        """
        pending = self._read(count, "0", None)
        return pending or self._read(count, ">", max(1, int(wait * 1000)))

    def _read(self, count: int, start: str, block: int | None) -> list[tuple[bytes, Record]]:
        answer = cast(
            "list[Any] | None",
            self._connection.xreadgroup(GROUP, CONSUMER, {STREAM: start}, count=count, block=block),
        )
        entries = answer[0][1] if answer else []
        return [(id_, decode(fields[FIELD])) for id_, fields in entries if fields]

    def acknowledge(self, ids: Sequence[bytes]) -> None:
        """Entries that are recorded: they leave the stream."""
        if ids:
            with self._connection.pipeline(transaction=True) as pipeline:
                pipeline.xack(STREAM, GROUP, *ids)
                pipeline.xdel(STREAM, *ids)
                pipeline.execute()

    def wait_recorded(self, patience: float = 0.0) -> bool:
        """Whether all that is in the stream now is recorded within so many seconds; others may come meanwhile."""
        newest = cast("list[Any]", self._connection.xrevrange(STREAM, count=1))
        deadline = time.monotonic() + patience
        while newest and self._connection.xrange(STREAM, max=newest[0][0], count=1):
            if time.monotonic() >= deadline:
                return False
            time.sleep(FIRST_PAUSE)
        return True

    def __len__(self) -> int:
        return int(self._connection.xlen(STREAM))
