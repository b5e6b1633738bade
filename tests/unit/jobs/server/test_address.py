"""The URL of the queue's server: one server, TLS, or Sentinels."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis, SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.sentinel import SentinelConnectionPool, SentinelManagedSSLConnection

from evaluator.errors import InvalidInputError
from evaluator.jobs.connection import connect, require
from evaluator.jobs.server.address import check_url
from evaluator.settings import Settings
from tests.unit.jobs.embedded import watched_valkeys


def test_sentinels_have_hosts_a_group_a_database_and_options() -> None:
    read = check_url(
        "redis+sentinel://ann:se%23cret@a:1,[::1],b/team/3?health_check_interval=7&sentinel_password=other"
    )
    assert read is not None
    assert (read.hosts, read.master) == ((("a", 1), ("::1", 26379), ("b", 26379)), "team")
    assert read.options == {"username": "ann", "password": "se#cret", "db": 3, "health_check_interval": 7}
    assert read.sentinel_options == {"password": "other"}


def test_with_tls_both_sentinels_and_master_are_asked_by_it(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    url = f"rediss+sentinel://a/team?ssl_ca_certs={authority}"
    read = check_url(url)
    assert read is not None
    assert read.options == read.sentinel_options == {"ssl": True, "ssl_ca_certs": str(authority)}
    pool = connect(Settings(redis_url=url)).connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.connection_class is SentinelManagedSSLConnection
    (sentinel,) = pool.sentinel_manager.sentinels
    assert sentinel.connection_pool.connection_class is SSLConnection


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://host:26379",  # no group
        "redis+sentinel://ann:ge#heim@host/team",
        "redis+sentinel://ann:ge/heim@host/team",
        "redis+sentinel://ann:ge?heim@host/team",
        "redis+sentinel://a,,b/team",
        "redis+sentinel://host:heim/team",
        "redis+sentinel://host/team?heim=1",
        "redis+sentinel://host/team?sentinel_heim=1",
        "unix+sentinel://host/team",
        "rediss://host?ssl_cert_reqs=heim",
    ],
)
def test_what_cannot_be_read_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(InvalidInputError, match="redis://user:password@host:6379/0") as caught:
        check_url(url)
    assert "heim" not in str(caught.value)


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
def test_a_file_that_is_not_there_is_named(option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"names /no/such.pem as {option}"):
        check_url(f"rediss://host?{option}=/no/such.pem")


def test_a_client_finds_the_new_master(tmp_path: Path) -> None:
    with watched_valkeys(tmp_path) as (url, master):
        client = require(Settings(redis_url=url))
        client.set("evaluator:kept", "1")
        assert client.wait(1, 5000) == 1
        master.kill()
        assert wait_for_answer(client) == b"1"
        client.set("evaluator:kept", "2")  # a replica would refuse


def wait_for_answer(client: Redis) -> object:
    """What the queue has, once it has a master again; a client gives up after seconds, as a worker's does."""
    for _ in range(10):
        try:
            return client.get("evaluator:kept")
        except RedisConnectionError:
            pass
    raise AssertionError("there is no master")
