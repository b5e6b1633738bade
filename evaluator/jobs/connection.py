"""Connections to Redis or Valkey."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from redis import ConnectionPool, Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from evaluator.errors import InvalidInputError, QueueUnavailableError
from evaluator.jobs.socket_folder import PrivateConnection, require_private
from evaluator.settings import Settings
from evaluator.urls import shown_url

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
    if settings.redis_url is not None:
        return Redis.from_url(settings.redis_url, **options)
    return Redis.from_pool(ConnectionPool(connection_class=PrivateConnection, settings=settings, **options))


def check_queue(settings: Settings) -> None:
    """Refuse an embedded Valkey that may be somebody else's, and a URL that redis-py would misunderstand, or quote.

    In a URL that is not quoted, what follows a `/`, `?` or `#` of the password is taken for a path, for options or for
    nothing, and the rest for a host and its port.

    Raises:
        InvalidInputError, QueueUnavailableError: as for `connect`.
    """
    if settings.redis_url is None:
        require_private(settings)
        return
    try:
        parts = urlsplit(settings.redis_url)
        pool = ConnectionPool.from_url(settings.redis_url)
        pool.connection_class(**pool.connection_kwargs)  # connects to nothing; knows its options
        if parts.query:
            parse_qsl(parts.query, strict_parsing=True)
        names_database = parts.path in ("", "/") or parts.path.strip("/").isdigit()
        well = not parts.fragment and (parts.scheme == "unix" or names_database)
    except (TypeError, ValueError):
        well = False
    if not well:  # not with the reason: it repeats a part of the password
        raise InvalidInputError(
            f"REDIS_URL {shown_url(settings.redis_url)} is no redis://, rediss:// or unix:// URL that can be read; in "
            "a password write # as %23, / as %2F, ? as %3F, @ as %40 and % as %25"
        )


def require(settings: Settings) -> Redis:
    """A client whose server answers.

    Raises:
        QueueUnavailableError: it does not; says what to do.
        InvalidInputError: `REDIS_URL` is no URL of a Redis.
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
    return f"no Redis answers at {shown_url(settings.queue_url)} ({error}); check REDIS_URL and that it runs"
