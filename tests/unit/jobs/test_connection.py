"""Connections: a server that does not answer is named, its password is not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from redis import Redis

from evaluator.errors import QueueUnavailableError
from evaluator.jobs import connection as connection_module
from evaluator.jobs.connection import connect, require, without_password
from evaluator.settings import Settings


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "RECONNECT_ATTEMPTS", 0)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("redis://:secret@host:6379", "redis://:***@host:6379"),
        ("rediss://ann:secret@host/2", "rediss://ann:***@host/2"),
        ("redis://ann:se:cr@et@host", "redis://ann:***@host"),
        ("unix://ann:secret@/run/valkey.sock?db=1", "unix://ann:***@/run/valkey.sock?db=1"),
        ("redis://host/0?username=ann&password=secret&db=1", "redis://host/0?username=ann&password=***&db=1"),
    ],
)
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_a_server_that_answers(valkey: Settings) -> None:
    assert require(valkey).ping()


def test_nothing_is_sent_before_it_is_needed(tmp_path: Path) -> None:
    assert isinstance(connect(Settings(home=tmp_path, redis_url=None)), Redis)


def test_an_embedded_server_that_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(
        QueueUnavailableError, match=r"no embedded Valkey answers at .*valkey\.sock .*`evaluator up`"
    ):
        require(Settings(home=tmp_path, redis_url=None))


def test_a_server_elsewhere_that_does_not_run(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(QueueUnavailableError) as caught:
            require(Settings(home=tmp_path, redis_url=f"redis://ann:secret@127.0.0.1:{port}"))
    assert f"redis://ann:***@127.0.0.1:{port}" in str(caught.value)
    assert "check REDIS_URL" in str(caught.value)
    assert "secret" not in str(caught.value)
