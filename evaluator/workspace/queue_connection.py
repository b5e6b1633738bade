"""The queue of a workspace: its connection while the queue answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.exceptions import RedisError

from evaluator.errors import QueueUnavailableError
from evaluator.jobs.connection import unavailable_message
from evaluator.workspace.workspace import Workspace


@contextmanager
def reachable(workspace: Workspace) -> Iterator[Redis]:
    """The queue's connection, for as long as it answers.

    Raises:
        QueueUnavailableError: it does not, at the start or later; says what to do.
    """
    try:
        workspace.connection.ping()
        yield workspace.connection
    except RedisError as error:
        raise QueueUnavailableError(unavailable_message(workspace.settings, error)) from error
