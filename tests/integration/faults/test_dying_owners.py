"""Whoever owns the database dies or is told to stop: the server, or a run of the command line."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from redis import Redis

from evaluator.errors import EvaluatorError
from evaluator.jobs.results.stream import STREAM
from evaluator.library import catalog
from evaluator.remote.client import Client
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.integration.conftest import (
    Cli,
    Row,
    cli_command,
    cli_environment,
    experiment_yaml,
    free_port,
    stored_rows,
    wait_until_ready,
)
from tests.integration.faults.faults import Faults, is_running, wait_until
from tests.warm.popen import descendants

ENDED_WITHIN = 12.0
"""Seconds from SIGTERM until nothing runs any more: ten of grace for a job in hand."""


@dataclass(frozen=True)
class Up:
    """`evaluator up` as a process, and its API."""

    process: subprocess.Popen[str]
    client: Client

    def child(self, mark: str) -> psutil.Process:
        """The first of its processes whose command line holds a text."""
        return next(child for child, command in descendants(self.process.pid) if mark in command)


@contextmanager
def up(tmp_path: Path, faults: Faults) -> Iterator[Up]:
    """An instance with two workers in the test's home."""
    port = free_port()
    process = subprocess.Popen(
        cli_command("up", "--port", str(port), "--workers", "2"),
        cwd=tmp_path,
        env=cli_environment(tmp_path, faults.environment),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_ready(process, address)
        with Client(address) as client:
            yield Up(process, client)
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        _, output = process.communicate(timeout=40)
    assert process.returncode == 0, output


@pytest.fixture
def yaml(settings: Settings, dataset: Path) -> str:
    """The usual experiment as the API takes it: its dataset is imported, its encoder named."""
    with Workspace.open_local(settings) as workspace:
        catalog.import_folder(workspace, dataset)
    dense = {"dense": {"encoder": "all-MiniLM-L6-v2"}}  # hurtable workers encode with hashes instead
    return experiment_yaml("made", {"bm25": {"bm25": {}}, "dense": dense}, queries_per_job=2)


def test_workers_go_on_without_the_server_and_the_next_one_records_what_they_did(
    settings: Settings, faults: Faults, yaml: str, tmp_path: Path, undisturbed_rows: list[Row]
) -> None:
    queue = Redis.from_url(settings.queue_url)
    with up(tmp_path, faults) as instance, faults.hold("evaluate"):
        instance.client.submit(yaml)
        faults.wait_for("evaluate", 2)
        # Its supervisor stands still, so that nobody starts another server yet.
        instance.process.send_signal(signal.SIGSTOP)
        server = instance.child("streamlit")
        server.kill()
        faults.release("evaluate")
        wait_until(lambda: queue.xlen(STREAM) == 40)
        instance.process.send_signal(signal.SIGCONT)
        wait_until(lambda: status(instance) == "finished")
        assert instance.child("streamlit") != server
    assert set(faults.searched().values()) == {1}
    assert stored_rows(settings) == undisturbed_rows


def status(instance: Up) -> str | None:
    """The last experiment's; None while no server answers."""
    try:
        return str(instance.client.progress(None)["status"])
    except EvaluatorError:
        return None


def test_a_shutdown_in_the_middle_of_slow_work_is_clean_and_the_next_start_continues(
    settings: Settings, faults: Faults, yaml: str, cli: Cli, tmp_path: Path, undisturbed_rows: list[Row]
) -> None:
    with up(tmp_path, faults) as instance, faults.hold("encode"):
        instance.client.submit(yaml)
        faults.wait_for("encode", 2)  # longer than anybody waits
        family = [child.pid for child, _ in descendants(instance.process.pid)]
        signalled_at = time.monotonic()
        instance.process.send_signal(signal.SIGTERM)
        assert instance.process.wait(timeout=40) == 0
        assert time.monotonic() - signalled_at < ENDED_WITHIN
        assert [pid for pid in family if is_running(pid)] == []
    continued = cli("resume", env=faults.environment)
    assert continued.returncode == 0, continued.stderr
    assert stored_rows(settings) == undisturbed_rows


@pytest.mark.parametrize("command", ["run", "resume"])
def test_a_run_that_is_killed_is_continued(
    command: str,
    settings: Settings,
    faults: Faults,
    cli: Cli,
    dataset: Path,
    model: Path,
    tmp_path: Path,
    undisturbed_rows: list[Row],
) -> None:
    file = tmp_path / "experiment.yaml"
    variants = {"bm25": {"bm25": {}}, "dense": {"dense": {"encoder": str(model)}}}
    file.write_text(experiment_yaml(dataset, variants, queries_per_job=2))
    with faults.hold("evaluate"):
        first = subprocess.Popen(
            cli_command("run", file, "--workers", "2"),
            cwd=tmp_path,
            env=cli_environment(tmp_path, faults.environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        faults.wait_for("evaluate", 2)
        orphans = [child.pid for child, _ in descendants(first.pid)]
        first.kill()
        first.wait()
    second = cli(*([command, file] if command == "run" else [command]), env=faults.environment)
    assert second.returncode == 0, second.stderr
    assert len(orphans) == 3  # two workers and Valkey
    wait_until(lambda: not any(is_running(pid) for pid in orphans))
    assert stored_rows(settings) == undisturbed_rows
