"""Dead letters: entries of the results stream that can never be recorded, kept for people to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from redis import Redis
from redis.client import Pipeline
from redis.typing import EncodableT, FieldT

from evaluator.domain.printable import printable
from evaluator.domain.result import Rejected
from evaluator.jobs.results.codec import encode

DEAD_LETTERS = "evaluator:dead-letters"
"""Stream in Redis, written by the recorder alone."""
BURIED = "evaluator:dead-letters:total"
"""Counter in Redis: how many there ever were."""
MOST_KEPT = 1000
"""Dead letters kept; the oldest go."""
MOST_BYTES = 16 * 1024
"""Bytes of a dead letter's content; the rest is cut off. All dead letters together take 16 MB at most."""
SHOWN = 500
"""Characters of a dead letter's content that are shown."""


@dataclass(frozen=True)
class DeadLetter:
    """An entry that could not be recorded; its texts are safe to show.

    Attributes:
        at: when it was given up (UTC, by the queue's clock).
        content: the beginning of what it held.
        bytes: of all that it held.
    """

    id: str
    at: datetime
    reason: str
    content: str
    bytes: int


@dataclass(frozen=True)
class DeadLetterCounts:
    """How many dead letters are kept, and how many there ever were."""

    kept: int
    total: int


def bury(pipeline: Pipeline, rejected: Mapping[bytes, Rejected]) -> None:
    """Add entries to the dead letters, within the caller's transaction.

    Args:
        rejected: by the entry's id in the results stream.
    """
    for id_, entry in rejected.items():
        content = entry.content if isinstance(entry.content, bytes) else encode(entry.content)
        fields: dict[FieldT, EncodableT] = {
            "reason": entry.reason,
            "entry": id_,
            "content": content[:MOST_BYTES],
            "bytes": len(content),
        }
        pipeline.xadd(DEAD_LETTERS, fields, maxlen=MOST_KEPT, approximate=False)
    pipeline.incrby(BURIED, len(rejected))


def dead_letters(connection: Redis, limit: int = MOST_KEPT) -> list[DeadLetter]:
    """The dead letters that are kept, newest first, at most `limit`."""
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", connection.xrevrange(DEAD_LETTERS, count=limit))
    return [_dead_letter(id_, fields) for id_, fields in entries]


def drop_dead_letters(connection: Redis) -> int:
    """Remove the dead letters; returns how many. The total stays."""
    return int(connection.xtrim(DEAD_LETTERS, maxlen=0, approximate=False))


def count_dead_letters(connection: Redis) -> DeadLetterCounts:
    """How many are kept, and how many there ever were."""
    with connection.pipeline(transaction=True) as pipeline:
        pipeline.xlen(DEAD_LETTERS)
        pipeline.get(BURIED)
        kept, total = pipeline.execute()
    return DeadLetterCounts(int(kept), int(total or 0))


def _dead_letter(id_: bytes, fields: Mapping[bytes, bytes]) -> DeadLetter:
    milliseconds = int(id_.split(b"-")[0])
    return DeadLetter(
        id=id_.decode(),
        at=datetime.fromtimestamp(milliseconds / 1000, UTC),
        reason=printable(fields[b"reason"].decode(errors="replace"), SHOWN),
        content=printable(fields[b"content"].decode(errors="replace"), SHOWN),
        bytes=int(fields[b"bytes"]),
    )
