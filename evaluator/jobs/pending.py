"""Which queries of a variant are still to be evaluated: written by the submitter, read by its dispatch job.

evaluator:pending:<experiment>    hash: the name of a list of queries by variant, and each list by its name

Most variants of an experiment lack the same queries, and share their list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import cast

import orjson
from redis import Redis
from redis.typing import EncodableT, FieldT

PENDING_TTL = 30 * 24 * 3600
"""Seconds after which Redis drops the lists of an abandoned experiment."""


def write_pending(connection: Redis, experiment: str, by_variant: Mapping[str, Sequence[str]]) -> None:
    """Set the queries that some variants lack; those of other variants stay."""
    key, fields = _key(experiment), dict[FieldT, EncodableT]()
    for variant, query_ids in by_variant.items():
        payload = orjson.dumps(list(query_ids))
        name = hashlib.sha256(payload).hexdigest()
        fields |= {_of_variant(variant): name, _list(name): payload}
    if fields:
        with connection.pipeline(transaction=True) as pipeline:
            pipeline.hset(key, mapping=fields)
            pipeline.expire(key, PENDING_TTL)
            pipeline.execute()


def read_pending(connection: Redis, experiment: str, variant: str) -> list[str]:
    """The queries that a variant lacks."""
    name = cast("bytes | None", connection.hget(_key(experiment), _of_variant(variant)))
    if name is None:
        return []
    payload = cast("bytes | None", connection.hget(_key(experiment), _list(name.decode())))
    return list(orjson.loads(payload)) if payload else []


def _key(experiment: str) -> str:
    return f"evaluator:pending:{experiment}"


def _of_variant(variant: str) -> str:
    return f"variant {variant}"


def _list(name: str) -> str:
    return f"list {name}"
