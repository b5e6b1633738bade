"""Cancelling: which experiments are cancelled, and which running jobs their workers should stop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from redis import Redis

CANCELLED = "evaluator:cancelled"
"""Set of experiment ids: a job of theirs that starts all the same does nothing. It follows the status in the database:
set with it, and cleared by whoever plans the experiment anew, or by the keeper."""
STOPPED = "evaluator:stopped"
"""Set of ids of running jobs that nobody needs any more; their workers look once a second."""


def mark_cancelled(connection: Redis, experiment: str, running: Iterable[str]) -> bool:
    """Cancel an experiment, and ask the workers that run these jobs to stop them; whether it was not yet cancelled."""
    with connection.pipeline(transaction=True) as pipeline:
        pipeline.sadd(CANCELLED, experiment)
        for id_ in running:
            pipeline.sadd(STOPPED, id_)
        return bool(pipeline.execute()[0])


def unmark_cancelled(connection: Redis, experiment: str) -> None:
    """An experiment runs again."""
    connection.srem(CANCELLED, experiment)


def is_cancelled(connection: Redis, experiment: str) -> bool:
    """Whether an experiment is cancelled."""
    return bool(connection.sismember(CANCELLED, experiment))


def marked_cancelled(connection: Redis) -> set[str]:
    """Experiments whose jobs do nothing when they start."""
    members = cast("set[bytes]", connection.smembers(CANCELLED))
    return {member.decode() for member in members}


def forget_stop(pipeline: Any, job: str) -> None:
    """A running job is wanted again, before its worker looked."""
    pipeline.srem(STOPPED, job)


def take_stop(connection: Redis, job: str) -> bool:
    """Whether a running job should stop; says so once."""
    return bool(connection.srem(STOPPED, job))
