"""Two instances on one Redis database: the second is refused, and the first notices nothing."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from evaluator.jobs.processes.claim import CLAIM, Holder
from evaluator.library import catalog
from evaluator.remote.client import Client
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.integration.conftest import (
    cli_command,
    cli_environment,
    experiment_yaml,
    free_port,
    wait_until_ready,
)
from tests.integration.faults.faults import is_running, wait_until
from tests.unit.jobs.embedded import tcp_valkey
from tests.warm.popen import descendants

TRIES = 3


@pytest.fixture
def queue_url(tmp_path: Path) -> Iterator[str]:
    """A Valkey that somebody else runs."""
    with tcp_valkey(tmp_path) as port:
        yield f"redis://127.0.0.1:{port}/0"


def environment(tmp_path: Path, name: str, queue_url: str) -> dict[str, str]:
    """Of an instance with a home of its own."""
    return cli_environment(tmp_path, {"EVALUATOR_HOME": str(tmp_path / name), "REDIS_URL": queue_url})


def start(
    tmp_path: Path, name: str, queue_url: str, *, workers: int = 1
) -> tuple[subprocess.Popen[str], str]:
    """`evaluator up` as a process of a session of its own, and its address."""
    port = free_port()
    process = subprocess.Popen(
        cli_command("up", "--port", str(port), "--workers", str(workers)),
        cwd=tmp_path,
        env=environment(tmp_path, name, queue_url),
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, f"http://127.0.0.1:{port}"


@contextmanager
def up(tmp_path: Path, name: str, queue_url: str, *, workers: int = 1) -> Iterator[str]:
    """An instance that answers; its address."""
    process, address = start(tmp_path, name, queue_url, workers=workers)
    try:
        wait_until_ready(process, address)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=40)


def run(tmp_path: Path, name: str, queue_url: str, *args: str | Path) -> subprocess.CompletedProcess[str]:
    """A command of an instance, to its end."""
    return subprocess.run(
        cli_command(*args),
        cwd=tmp_path,
        env=environment(tmp_path, name, queue_url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_second_instance_is_refused_and_the_first_is_not_disturbed(
    tmp_path: Path, queue_url: str, write_dataset: WriteDataset
) -> None:
    for name in ("one", "two"):
        home = Settings(home=tmp_path / name, redis_url=queue_url)
        with Workspace.open_local(home) as workspace:
            catalog.import_folder(workspace, write_dataset(f"tiny-{name}"), name="tiny")
    file = tmp_path / "experiment.yaml"
    file.write_text(experiment_yaml("tiny", {"bm25": {"bm25": {}}}))
    with up(tmp_path, "one", queue_url) as address, Client(address) as client:
        for number in range(TRIES):
            second, _ = start(tmp_path, "two", queue_url)
            yaml = experiment_yaml("tiny", {"bm25": {"bm25": {"k1": 1 + number / 10}}}, name=f"try {number}")
            submitted = client.submit(yaml)
            wait_until(partial(has_finished, client, submitted["id"]))
            (variant,) = client.progress(submitted["id"])["variants"]
            assert (variant["recorded"], variant["failed"], variant["error"]) == (10, 0, None)
            _, output = second.communicate(timeout=60)
            assert second.returncode == 1
            assert f"{queue_url} is used by another instance: {tmp_path / 'one'} on " in output
            assert "by another number in REDIS_URL" in output
        for command in ("run", "plan"):
            done = run(tmp_path, "two", queue_url, command, file)
            assert done.returncode == (1 if command == "run" else 0), done.stderr  # planning needs no queue
    done = run(tmp_path, "two", queue_url, "run", file)  # the first has gone, and has left nothing
    assert done.returncode == 0, done.stderr


def has_finished(client: Client, experiment: str) -> bool:
    return bool(client.progress(experiment)["status"] == "finished")


def test_an_instance_that_was_killed_starts_again_at_once(tmp_path: Path, queue_url: str) -> None:
    process, address = start(tmp_path, "one", queue_url)
    wait_until_ready(process, address)
    children = [child for child, _ in descendants(process.pid)]
    queue = Redis.from_url(queue_url)
    before = Holder.from_json(queue.get(CLAIM) or b"")  # type: ignore[arg-type]
    server = next(child for child in children if child.pid == before.process.pid)
    for killed in (process.pid, server.pid):
        os.kill(killed, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not is_running(server.pid))
    with up(tmp_path, "one", queue_url):
        after = Holder.from_json(queue.get(CLAIM) or b"")  # type: ignore[arg-type]
        assert after.identity == before.identity
        assert after.process != before.process
    assert queue.get(CLAIM) is None
    wait_until(lambda: not any(is_running(child.pid) for child in children))


def test_a_server_that_dies_alone_is_started_again_with_its_claim(tmp_path: Path, queue_url: str) -> None:
    queue = Redis.from_url(queue_url)
    with up(tmp_path, "one", queue_url) as address, Client(address) as client:
        before = Holder.from_json(queue.get(CLAIM) or b"")  # type: ignore[arg-type]
        os.kill(before.process.pid, signal.SIGKILL)

        def is_back() -> bool:
            claim = Holder.from_json(queue.get(CLAIM) or b"")  # type: ignore[arg-type]
            return claim.process != before.process and claim.identity == before.identity

        wait_until(is_back)
        wait_until(lambda: answers(client))


def answers(client: Client) -> bool:
    try:
        return client.datasets() == []
    except Exception:  # noqa: BLE001  it is starting
        return False
