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


def connect(settings: Settings) -> Redis:
    """A client that reconnects with growing pauses; nothing is sent yet."""
    return Redis.from_url(
        settings.queue_url,
        retry=Retry(ExponentialBackoff(cap=BACKOFF_CAP, base=BACKOFF_BASE), RECONNECT_ATTEMPTS),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
        health_check_interval=30,
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
