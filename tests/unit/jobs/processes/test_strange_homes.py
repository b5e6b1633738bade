"""Homes whose path means something to Valkey's configuration, to a URL, or to what Valkey tells of its clients."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from pydantic import SecretStr
from rq import SimpleWorker

from evaluator.errors import InvalidInputError
from evaluator.jobs.connection import require
from evaluator.jobs.processes.supervisor import Supervisor
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.settings import Settings
from tests.unit.jobs.embedded import embedded_valkey

NAMES = (
    "a b", "a=b", "a?b=c", "a#b", "a%20b", 'a"b', "a\\b", "a'b", "a\nb", "a\tb", "a\\x41b", "a;b", "a:b@c",
    "ä", " a", "a ", "a$b", "a[b]", "a*b", "--port 1",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_valkey_starts_there_and_a_worker_connects(name: str, tmp_path: Path) -> None:
    home = tmp_path / name
    with embedded_valkey(home) as settings, require(settings) as connection:
        worker = WarmWorker(connection)
        worker.register_birth()
        assert [found.name for found in SimpleWorker.all(connection=connection)] == [worker.name]
        connection.set("x", 1)
        assert connection.config_get("dir")["dir"] == os.fsencode(home / "valkey").decode(errors="replace")
        assert (home / "valkey" / "appendonlydir").is_dir()
        named_by_url = settings.model_copy(update={"redis_url": SecretStr(settings.queue_url)})
        with require(named_by_url) as same:  # as the dashboard names it
            assert same.get("x") == b"1"


def test_a_name_that_is_no_text_is_refused_by_all_alike(tmp_path: Path) -> None:
    """DuckDB opens no such path, so Valkey is not started there either."""
    home = tmp_path / os.fsdecode(b"\xff")
    with pytest.raises(InvalidInputError, match="names no folder"), embedded_valkey(home):
        pass
    assert not home.exists()


def test_a_real_worker_works_there(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "a b=?c#\n%20", redis_url=None)
    with Supervisor(settings) as supervisor:
        supervisor.add_valkey()
        supervisor.add_workers(1)
        connection = require(settings)
        deadline = time.monotonic() + 60
        while not SimpleWorker.count(connection=connection):
            assert time.monotonic() < deadline
            assert not supervisor.deaths("worker-1"), supervisor.log_path("worker-1").read_text()
            time.sleep(0.05)
