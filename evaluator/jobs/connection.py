"""Connections to Redis or Valkey."""

from __future__ import annotations

import re

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from evaluator.errors import QueueUnavailableError
from evaluator.settings import Settings

RECONNECT_ATTEMPTS = 6
"""With the backoff below: about three seconds before a command gives up."""
BACKOFF_BASE, BACKOFF_CAP = 0.05, 1.0
"""Seconds."""
CONNECT_TIMEOUT = 5.0
"""Seconds until a new connection must stand."""
ANSWER_TIMEOUT = 10.0
"""Seconds until an answer must come: a connection that is cut off without a word (a firewall, a cable, a machine that
is gone) gives none, for ever. Nothing may wait in Redis for longer: see `evaluator.jobs.worker.DEQUEUE_TIMEOUT`."""
HEALTH_CHECK_AFTER = 30
"""Seconds that a connection may have been idle before it is tried first."""


def connect(settings: Settings, *, timeout: float = ANSWER_TIMEOUT, attempts: int | None = None) -> Redis:
    """A client that reconnects with growing pauses; nothing is sent yet.

    Args:
        timeout: seconds until an answer must come.
        attempts: to reconnect; `RECONNECT_ATTEMPTS` by default.
    """
    backoff = ExponentialBackoff(cap=BACKOFF_CAP, base=BACKOFF_BASE)
    # A unix socket leads to this machine: it cannot be cut off, and knows no keepalive.
    over_tcp = {} if settings.queue_url.startswith("unix:") else {"socket_keepalive": True}
    return Redis.from_url(
        settings.queue_url,
        retry=Retry(backoff, RECONNECT_ATTEMPTS if attempts is None else attempts),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
        health_check_interval=HEALTH_CHECK_AFTER,
        socket_timeout=timeout,
        socket_connect_timeout=min(timeout, CONNECT_TIMEOUT),
        **over_tcp,
    )


def require(settings: Settings) -> Redis:
    """A client whose server answers.

    Raises:
        QueueUnavailableError: it does not; says what to do.
    """
    client = connect(settings)
    try:
        client.ping()
    except RedisError as error:
        raise QueueUnavailableError(unavailable_message(settings, error)) from error
    return client


def unavailable_message(settings: Settings, error: Exception) -> str:
    """One line: which server does not answer, and what to do."""
    if settings.embedded_queue:
        return (
            f"no embedded Valkey answers at {settings.valkey_socket} ({error}); "
            "start `evaluator up` on this EVALUATOR_HOME, or set REDIS_URL"
        )
    return f"no Redis answers at {without_password(settings.queue_url)} ({error}); check REDIS_URL and that it runs"


def without_password(url: str) -> str:
    """The URL with its password hidden, fit for logs."""
    url = re.sub(r"([?&]password=)[^&]*", r"\1***", url)
    head, at, tail = url.rpartition("@")
    if not at:
        return url
    scheme, _, credentials = head.partition("://")
    return f"{scheme}://{credentials.partition(':')[0]}:***@{tail}"
