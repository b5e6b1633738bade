"""Cancelling: which experiments are cancelled, and which running jobs their workers should stop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from redis import Redis
from redis.client import Pipeline

CANCELLED = "evaluator:cancelled"
"""Set of experiment ids: their jobs do nothing when they start. The set follows the status in the database: cancelling
adds an experiment; planning it again, or the keeper, removes it."""
STOPPED = "evaluator:stopped"
"""Set of ids of running jobs that nobody needs any more; workers read it once a second."""


def mark_cancelled(connection: Redis, experiment: str, running: Iterable[str]) -> bool:
    """Cancel an experiment, and ask the workers that run these jobs to stop them; whether it was not yet cancelled."""
    with connection.pipeline(transaction=True) as pipeline:
        pipeline.sadd(CANCELLED, experiment)
        for id_ in running:
            pipeline.sadd(STOPPED, id_)
        return bool(pipeline.execute()[0])


def unmark_cancelled(connection: Redis, experiment: str) -> None:
    """Let the jobs of an experiment run again."""
    connection.srem(CANCELLED, experiment)


def is_cancelled(connection: Redis, experiment: str) -> bool:
    """Whether an experiment is cancelled."""
    return bool(connection.sismember(CANCELLED, experiment))


def marked_cancelled(connection: Redis) -> set[str]:
    """Experiments whose jobs do nothing when they start."""
    members = cast("set[bytes]", connection.smembers(CANCELLED))
    return {member.decode() for member in members}


def forget_stop(pipeline: Pipeline, job: str) -> None:
    """Take back that a running job should stop, unless its worker has read it already."""
    pipeline.srem(STOPPED, job)


def take_stop(connection: Redis, job: str) -> bool:
    """Whether a running job should stop; true only once."""
    return bool(connection.srem(STOPPED, job))
