"""Which queries of a variant are still to be evaluated: written by the submitter, read by its dispatch job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import orjson
from redis import Redis

PENDING_TTL = 30 * 24 * 3600
"""Seconds; what an abandoned experiment left in Redis goes away by itself."""


def _key(experiment: str, variant: str) -> str:
    return f"evaluator:pending:{experiment}:{variant}"


def write_pending(connection: Redis, experiment: str, variant: str, query_ids: Sequence[str]) -> None:
    """Set the queries to evaluate."""
    connection.set(_key(experiment, variant), orjson.dumps(list(query_ids)), ex=PENDING_TTL)


def read_pending(connection: Redis, experiment: str, variant: str) -> list[str]:
    """The queries to evaluate."""
    payload = cast("bytes | None", connection.get(_key(experiment, variant)))
    return list(orjson.loads(payload)) if payload else []
