"""Real Valkey, real worker processes, a real database, in a folder of the test's own."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
import yaml
from typer.testing import CliRunner, Result

from evaluator.cli.main import app
from evaluator.domain.experiment import Experiment
from evaluator.domain.status import ACTIVE
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.lifecycle import Submitted
from evaluator.experiments.progress import ExperimentProgress, progress_reader
from evaluator.operations.instance import headless
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.integration.disks.small_disk import Disk

TIMEOUT = 240
"""Seconds a command may take here."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an integration test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("integration")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a home of the test's own and quick retries."""
    return Settings(home=tmp_path / "home", workers=2, retry_intervals=(1,), redis_url=None)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of 24 MB; skipped where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here (that takes root, or CAP_SYS_ADMIN)")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Cli(Protocol):
    """Runs `evaluator` as a person would."""

    def __call__(
        self, *args: str | Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        ...


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command line, in the test's folder and with a home of its own."""

    def run(*args: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            cli_command(*args),
            cwd=tmp_path,
            env=cli_environment(tmp_path, env),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    return run


class Commands:
    """Commands in this process: they need no start of their own. Use the fixture `in_process` with it.

    Args:
        prefix: what every one of them begins with.
    """

    def __init__(self, *prefix: str) -> None:
        self._prefix = prefix

    def run(self, *args: str | Path, answer: str = "") -> Result:
        """Run one; an error that it raises is raised."""
        result = CliRunner().invoke(app, [*self._prefix, *map(str, args)], input=answer)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def json(self, *args: str | Path) -> Any:
        """What one prints with `--json`."""
        return json.loads(self.run(*args, "--json").stdout)


@pytest.fixture
def in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home of the test's own for commands in this process."""
    monkeypatch.setenv("EVALUATOR_HOME", str(tmp_path / "home"))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    umask = os.umask(0)
    os.umask(umask)
    yield
    os.umask(umask)
    root.handlers[:] = handlers  # commands send what is logged to a standard error that is gone
    root.setLevel(level)
    logging.captureWarnings(False)


def cli_command(*args: str | Path) -> list[str]:
    """The command that starts `evaluator`."""
    return [sys.executable, "-m", "evaluator.cli", *map(str, args)]


def cli_environment(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command whose home is in a folder."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("EVALUATOR_", "REDIS_"))
    }
    return {**clean, "EVALUATOR_HOME": str(folder / "home"), **(more or {})}


def experiment_yaml(dataset: Path | str, variants: Mapping[str, Any], **fields: Any) -> str:
    """An experiment file's text."""
    described = [{"name": name, "retrieve": retrieve} for name, retrieve in variants.items()]
    return yaml.safe_dump({"name": "test", "dataset": str(dataset), "variants": described, **fields})


def experiment(dataset: Path | str, variants: Mapping[str, Any], **fields: Any) -> Experiment:
    """An experiment over a dataset's folder."""
    return parse_experiment(experiment_yaml(dataset, variants, **fields))


def follow(workspace: Workspace, submitted: Submitted) -> ExperimentProgress:
    """Wait until an experiment is no longer running."""
    reader = progress_reader(workspace)
    deadline = time.monotonic() + TIMEOUT
    while (progress := reader.read(submitted.id)).status in ACTIVE:
        assert time.monotonic() < deadline, progress
        time.sleep(0.05)
    return progress


@contextmanager
def instance(settings: Settings, workers: int = 2) -> Iterator[Workspace]:
    """Valkey and workers, and the workspace that owns the database."""
    with headless(settings, workers) as running:
        running.supervisor.add_workers(workers - 1)
        yield running.workspace


def run_experiment(settings: Settings, described: Experiment, workers: int = 2) -> ExperimentProgress:
    """Run an experiment to its end in an instance of its own."""
    with instance(settings, workers) as workspace:
        return follow(workspace, lifecycle.submit(workspace, described, allow_paths=True))


Row = tuple[str, str, tuple[str, ...], tuple[float, ...], tuple[tuple[str, float], ...], str | None]


def stored_rows(settings: Settings) -> list[Row]:
    """Every result that is recorded, without what time it took: what must be the same however it came about."""
    with Workspace.open_local(settings) as workspace:
        rows = workspace.database.cursor.execute(
            "SELECT variant, query_id, doc_ids, scores, measures, error FROM results ORDER BY variant, query_id"
        ).fetchall()
    return [
        (variant, query_id, tuple(doc_ids), tuple(scores), tuple(sorted(measures.items())), error)
        for variant, query_id, doc_ids, scores, measures, error in rows
    ]


def json_output(finished: subprocess.CompletedProcess[str]) -> Any:
    """What a command printed with `--json`."""
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(process: subprocess.Popen[str], address: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/api/health").json()["ready"]:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError(f"the server did not start: {process.communicate()[1]}")


@contextmanager
def served(folder: Path, workers: int = 0) -> Iterator[str]:
    """An instance of its own with its home in a folder; its address."""
    address = f"http://127.0.0.1:{free_port()}"
    up = subprocess.Popen(
        cli_command("up", "--port", address.rpartition(":")[2], "--workers", str(workers)),
        cwd=folder,
        env=cli_environment(folder),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until_ready(up, address)
        yield address
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=TIMEOUT)
