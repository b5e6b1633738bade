"""Valkey dies in the middle of an experiment, and returns with its data or without."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from evaluator.experiments import lifecycle
from evaluator.jobs.processes.supervisor import VALKEY, Supervisor
from evaluator.jobs.processes.valkey import answers
from evaluator.operations.instance import headless
from evaluator.settings import Settings
from tests.integration.conftest import Row, follow, stored_rows
from tests.integration.faults.conftest import Describe
from tests.integration.faults.faults import Faults, wait_until


def keep_data(_settings: Settings, _tmp_path: Path) -> None:
    """Valkey finds its append-only file when it starts again."""


def lose_data(settings: Settings, tmp_path: Path) -> None:
    """The file is moved from under Valkey, which notices only when it starts again."""
    (settings.home_path / "valkey" / "appendonlydir").rename(tmp_path / "lost")


@pytest.mark.parametrize(
    ("stage", "data"), [("encode", keep_data), ("evaluate", keep_data), ("evaluate", lose_data)]
)
def test_an_experiment_outlives_its_valkey(
    stage: str,
    data: Callable[[Settings, Path], None],
    settings: Settings,
    faults: Faults,
    describe: Describe,
    undisturbed_rows: list[Row],
    tmp_path: Path,
) -> None:
    with headless(settings, 2) as running, faults.hold(stage):
        running.supervisor.add_workers(1)
        submitted = lifecycle.submit(running.workspace, describe(), allow_paths=True)
        faults.wait_for(stage, 2)
        killed = wait_until(lambda: valkey_of(running.supervisor))
        data(settings, tmp_path)
        killed.send_signal(signal.SIGKILL)
        wait_until(lambda: valkey_of(running.supervisor) not in (killed, None) and answers(settings))
        faults.release(stage)
        assert follow(running.workspace, submitted).status == "finished"
    if data is keep_data:  # nothing is repeated, not even what was in hand
        assert set(faults.searched().values()) == {1}
        assert set(faults.encoded().values()) == {1}
    assert stored_rows(settings) == undisturbed_rows


def valkey_of(supervisor: Supervisor) -> psutil.Process | None:
    """The process of the embedded Valkey; None while there is none."""
    process = next(child.process for child in supervisor.children if child.name == VALKEY)
    try:
        return psutil.Process(process.pid) if process is not None and process.poll() is None else None
    except psutil.NoSuchProcess:  # it ended in between
        return None
