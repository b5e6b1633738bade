"""Servers that cannot hold our queue are refused with the reason: clusters, and users without rights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from evaluator.errors import QueueUnavailableError
from evaluator.jobs import connection as connection_module
from evaluator.jobs.connection import require
from evaluator.jobs.server.rights import GRANT
from evaluator.settings import Settings
from tests.unit.jobs.embedded import free_port, tcp_valkey


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with tcp_valkey(tmp_path_factory.mktemp("valkey")) as port:
        yield port


def as_user(port: int, rights: str) -> Settings:
    """Settings of a user who has these rights."""
    with Redis(port=port) as admin:
        admin.execute_command("ACL SETUSER", "ann", "reset", "on", ">geheim", *rights.split())
    return Settings(redis_url=f"redis://ann:geheim@127.0.0.1:{port}/0")


def test_the_documented_rights_suffice_and_asking_changes_nothing(port: int) -> None:
    with require(as_user(port, GRANT)) as client, Redis(port=port) as admin:
        assert client.ping()
        assert admin.dbsize() == 0


@pytest.mark.parametrize(
    ("rights", "lacks"),
    [
        (GRANT.replace("~rq:*", ""), "the keys rq:*"),
        (GRANT.replace("~evaluator:*", "%R~evaluator:*"), "the keys evaluator:*"),
        (GRANT.replace("&rq:*", ""), "the channels rq:*"),
        (GRANT.replace("+info", ""), "the command INFO"),
        (
            f"{GRANT} -xadd -@scripting",
            "the command EVAL, the command EVALSHA, the command SCRIPT, the command XADD",
        ),
        (f"{GRANT} -multi", "the command MULTI"),
        ("+ping", "the command MULTI"),
    ],
)
def test_a_user_without_enough_rights_is_told_which(port: int, rights: str, lacks: str) -> None:
    with pytest.raises(QueueUnavailableError) as caught:
        require(as_user(port, rights))
    assert f"its user lacks rights: {lacks}. Give it {GRANT}" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_right_that_is_taken_away_is_named(port: int) -> None:
    with pytest.raises(QueueUnavailableError, match=r"lacks a right: .*'ping' command"):
        require(as_user(port, f"{GRANT} -ping"))


def test_a_wrong_password_is_called_one(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "RECONNECT_ATTEMPTS", 0)
    url = as_user(port, GRANT).queue_url.replace("geheim", "falsch")
    with pytest.raises(QueueUnavailableError, match="check user and password in REDIS_URL") as caught:
        require(Settings(redis_url=url))
    assert "falsch" not in str(caught.value)


def test_a_cluster_is_refused(tmp_path: Path) -> None:
    refused = pytest.raises(QueueUnavailableError, match=r"it is a Redis Cluster: .*CROSSSLOT")
    # Its own port is by default the other one + 10000, which may be too high.
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with tcp_valkey(tmp_path, *options) as port, refused:
        require(Settings(redis_url=f"redis://127.0.0.1:{port}/0"))
