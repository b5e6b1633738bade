"""Connections: a server that does not answer is named, its password is not."""

from __future__ import annotations

import socket
import traceback
from pathlib import Path

import pytest
from redis import Redis

from evaluator.errors import InvalidInputError, QueueUnavailableError
from evaluator.jobs import connection as connection_module
from evaluator.jobs.connection import connect, require
from evaluator.settings import Settings


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "RECONNECT_ATTEMPTS", 0)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:se#cret@host:6379/0",
        "redis://:se/cret@host:6379/0",
        "redis://ann:12/cret@host",  # a host called ann, and its port
        "redis://:se?cret@host",
        "redis://ann:12?cret@host",
        "redis://host?cret=x",  # no option that there is
        "redis://:se[cret@host",
        "http://:secret@host",
        "host:6379",
        "",
    ],
)
def test_a_url_that_is_none_is_refused_without_telling_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"REDIS_URL .* # as %23") as caught:
        connect(Settings(home=tmp_path, redis_url=url))
    assert "secret" not in str(caught.value)
    assert "cret@" not in str(caught.value)
    trace = "".join(traceback.format_exception(caught.value))
    assert "secret" not in trace
    assert "'se" not in trace  # as `urllib` quotes what it takes for a port


@pytest.mark.parametrize(
    "url",
    [
        "redis://:se%23cr%2Fet@host:6379/0",
        "rediss://ann:secret@[::1]:6379/3?ssl_cert_reqs=none",
        "redis://host?password=a@b&db=2",
        "unix://ann:secret@/run/a@b/valkey.sock?db=1",
    ],
)
def test_a_url_that_can_be_read_is_taken(url: str, tmp_path: Path) -> None:
    assert isinstance(connect(Settings(home=tmp_path, redis_url=url)), Redis)


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
