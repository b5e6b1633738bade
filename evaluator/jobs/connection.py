"""Connections to Redis or Valkey."""

from __future__ import annotations

from typing import Any

from redis import ConnectionPool, Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from evaluator.errors import QueueUnavailableError
from evaluator.jobs.server.address import check_url, client_of
from evaluator.jobs.server.rights import GRANT, shortcomings
from evaluator.jobs.socket_folder import PrivateConnection, require_private
from evaluator.settings import Settings

RECONNECT_ATTEMPTS = 6
"""Retries of a command; with the pauses below it gives up after about three seconds."""
BACKOFF_BASE, BACKOFF_CAP = 0.05, 1.0
"""Seconds of the first pause and the longest one between attempts."""
CONNECT_TIMEOUT = 5.0
"""Seconds in which a new connection must be established."""
ANSWER_TIMEOUT = 10.0
"""Seconds in which an answer must come: a connection that is cut silently (a firewall, a cable, a machine that is gone)
never gives one. No command may wait in Redis for longer: see `DEQUEUE_TIMEOUT` of the worker."""
HEALTH_CHECK_AFTER = 30
"""Seconds that a connection may have been idle before it is checked with a PING."""


def connect(settings: Settings, *, timeout: float = ANSWER_TIMEOUT, attempts: int | None = None) -> Redis:
    """A client that reconnects with growing pauses; nothing is sent yet.

    Args:
        timeout: seconds until an answer must come.
        attempts: to reconnect; `RECONNECT_ATTEMPTS` by default.

    Raises:
        InvalidInputError: `REDIS_URL` is no URL of a Redis.
        QueueUnavailableError: the embedded Valkey's socket may be somebody else's.
    """
    check_queue(settings)
    backoff = ExponentialBackoff(cap=BACKOFF_CAP, base=BACKOFF_BASE)
    # A unix socket leads to this machine: it cannot be cut off, and knows no keepalive.
    over_tcp = {} if settings.queue_url.startswith("unix:") else {"socket_keepalive": True}
    options: dict[str, Any] = {
        "retry": Retry(backoff, RECONNECT_ATTEMPTS if attempts is None else attempts),
        "retry_on_error": [RedisConnectionError, RedisTimeoutError],
        "health_check_interval": HEALTH_CHECK_AFTER,
        "socket_timeout": timeout,
        "socket_connect_timeout": min(timeout, CONNECT_TIMEOUT),
        **over_tcp,
    }
    if not settings.embedded_queue:
        return client_of(settings.queue_url, **options)
    return Redis.from_pool(ConnectionPool(connection_class=PrivateConnection, settings=settings, **options))


def check_queue(settings: Settings) -> None:
    """Refuse an embedded Valkey that may be somebody else's, and a URL that cannot be read.

    Raises:
        InvalidInputError, QueueUnavailableError: as for `connect`.
    """
    if settings.embedded_queue:
        require_private(settings)
    else:
        check_url(settings.queue_url)


def require(settings: Settings) -> Redis:
    """A client whose server answers, and can hold our queue.

    Raises:
        QueueUnavailableError: it does not, or is a cluster, or its user lacks rights; says what to do.
        InvalidInputError: `REDIS_URL` is no URL of a Redis.
    """
    client = connect(settings)
    try:
        client.ping()
        problem = None if settings.embedded_queue else shortcomings(client)
    except RedisError as error:
        raise QueueUnavailableError(unavailable_message(settings, error)) from error
    if problem is not None:
        client.close()
        raise QueueUnavailableError(f"the queue cannot be at {settings.shown_queue}: {problem}")
    return client


def unavailable_message(settings: Settings, error: Exception) -> str:
    """One line: which server does not answer, or refuses, and what to do."""
    if settings.embedded_queue:
        return (
            f"no embedded Valkey answers at {settings.valkey_socket} ({error}); "
            "start `evaluator up` on this EVALUATOR_HOME, or set REDIS_URL"
        )
    where = settings.shown_queue
    if isinstance(error, AuthenticationError):
        return f"the Redis at {where} lets nobody in as that user ({error}); check user and password in REDIS_URL"
    if isinstance(error, NoPermissionError):
        return f"the user of {where} lacks a right: {error}. Give it {GRANT} (docs/hosting.md)"
    return f"no Redis answers at {where} ({error}); check REDIS_URL and that it runs"
