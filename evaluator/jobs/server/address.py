"""Where the queue's server is: what `REDIS_URL` says, read strictly, and quoted nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis import ConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from evaluator.errors import InvalidInputError

SENTINELS = re.compile(
    r"(?P<scheme>rediss?)\+sentinel://(?P<user>[^/?#]*@)?(?P<hosts>[^@/?#]+)/(?P<master>[^@/?#]+)(?P<rest>(?:/\d+)?/?(?:\?.*)?)"
)
HOST = re.compile(r"(?P<host>\[[\da-fA-F:.]+\]|[^\s:\[\]]+)(?::(?P<port>\d{1,5}))?")
SENTINEL_PORT = 26379
SENTINEL_OPTION = "sentinel_"
"""The beginning of the names of options that are for the Sentinels, not for the server: `sentinel_password`."""
FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""Options that name files."""

HOW_TO_WRITE = (
    "REDIS_URL (not shown, for it may hold a password) is no URL that can be read; write "
    "redis://user:password@host:6379/0, rediss://... for TLS, unix:///path or "
    "redis+sentinel://user:password@host:26379,host:26379/master/0, and in the password # as %23, / as %2F, "
    "? as %3F, @ as %40, % as %25 and a space as %20"
)


@dataclass(frozen=True)
class Sentinels:
    """The Sentinels that know which server is the master.

    Attributes:
        hosts: with their ports.
        master: the name of the group that they watch.
        options: of connections to the master, in redis-py's words.
        sentinel_options: of connections to the Sentinels.
    """

    hosts: tuple[tuple[str, int], ...]
    master: str
    options: Mapping[str, Any] = field(repr=False)
    sentinel_options: Mapping[str, Any] = field(repr=False)

    def client(self, **options: Any) -> Redis:
        """A client of whichever server is the master; each new connection asks the Sentinels anew."""
        waits = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout")}
        # The connection to the master is tried again, and with it all Sentinels.
        manager = Sentinel(  # type: ignore[no-untyped-call]  # redis-py's
            self.hosts, sentinel_kwargs={**waits, "retry": Retry(NoBackoff(), 0), **self.sentinel_options}
        )
        pool = SentinelConnectionPool(self.master, manager, **{**options, **self.options})  # type: ignore[no-untyped-call]
        return Redis.from_pool(pool)


def client_of(url: str, **options: Any) -> Redis:
    """A client of the server that a URL names; connects to nothing yet.

    Raises:
        InvalidInputError: as for `check_url`.
    """
    sentinels = check_url(url)
    return Redis.from_url(url, **options) if sentinels is None else sentinels.client(**options)


def check_url(url: str) -> Sentinels | None:
    """Refuse a URL that redis-py would misunderstand, or quote; returns the Sentinels if it names some.

    In a URL that is not quoted, what follows a `/`, `?` or `#` of the password is taken for a path, for options or for
    nothing, and the rest for a host and its port.

    Raises:
        InvalidInputError: the URL cannot be read, or a file that it names is not there. The message has no part of the
            URL: who cannot tell where the password ends cannot hide it.
    """
    try:
        sentinels = _sentinels(url)
        options = _options(url) if sentinels is None else sentinels.options
        well = True
    except (TypeError, ValueError, RedisError):  # not with the reason: it repeats a part of the password
        well = False
    if not well:
        raise InvalidInputError(HOW_TO_WRITE)
    for name in FILES:
        if (file := options.get(name)) and not Path(file).is_file():
            raise InvalidInputError(f"REDIS_URL names {file} as {name}, and there is no such file")
    return sentinels


def _options(url: str) -> dict[str, Any]:
    """The options in a URL of one server.

    Raises:
        TypeError, ValueError, RedisError: it cannot be read.
    """
    parts = urlsplit(url)
    pool = ConnectionPool.from_url(url)
    pool.connection_class(**pool.connection_kwargs)  # connects to nothing; knows its options
    if parts.query:
        parse_qsl(parts.query, strict_parsing=True)
    names_database = parts.path in ("", "/") or parts.path.strip("/").isdigit()
    if parts.fragment or not (parts.scheme == "unix" or names_database):
        raise ValueError("a part of the password was taken for a part of the URL")
    options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    return options


def _sentinels(url: str) -> Sentinels | None:
    """What a URL of Sentinels says; None if it is no such URL.

    Raises:
        TypeError, ValueError, RedisError: it cannot be read.
    """
    if not url.startswith(("redis+sentinel://", "rediss+sentinel://")):
        return None
    match = SENTINELS.fullmatch(url)
    hosts = [HOST.fullmatch(host) for host in match["hosts"].split(",")] if match else [None]
    if match is None or None in hosts:
        raise ValueError("these are no Sentinels")
    path, _, query = match["rest"].partition("?")
    given = parse_qsl(query, strict_parsing=True) if query else []
    master = [option for option in given if not option[0].startswith(SENTINEL_OPTION)]
    sentinel = [
        (name.removeprefix(SENTINEL_OPTION), value)
        for name, value in given
        if name.startswith((SENTINEL_OPTION, "ssl_"))
    ]
    scheme = match["scheme"]
    return Sentinels(
        tuple((host["host"].strip("[]"), int(host["port"] or SENTINEL_PORT)) for host in hosts if host),
        match["master"],
        _without_host(f"{scheme}://{match['user'] or ''}master{path}?{urlencode(master)}"),
        _without_host(f"{scheme}://sentinel?{urlencode(sentinel)}"),
    )


def _without_host(url: str) -> dict[str, Any]:
    """The options in a URL, for connections whose host is found out later.

    Raises:
        TypeError, ValueError, RedisError: it cannot be read.
    """
    options = _options(url)
    encrypted = options.pop("connection_class", None) is not None
    del options["host"]
    return {**options, "ssl": True} if encrypted else options
