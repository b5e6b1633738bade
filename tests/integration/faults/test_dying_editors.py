"""Whoever edits judgments is killed between the edit and the experiments that follow it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.conftest import ROOT, WriteDataset
from tests.integration.conftest import cli_environment, served
from tests.unit.finished import finished
from tests.unit.judging.shared_runs import LISTS, every_score_is_right, rows_in

NAMES = ("one", "two", "three")

EDIT_AND_HANG = """
import sys, time
from evaluator.judging import judgments, rescore
from evaluator.library import catalog
from evaluator.workspace.workspace import Workspace
from evaluator.settings import Settings
save, saved = rescore.save_rescored, []
def hang():
    print("hanging", flush=True)
    time.sleep(600)
def saves(*arguments):
    if len(saved) == int(sys.argv[1]):
        hang()
    saved.append(save(*arguments))
    return saved[-1]
rescore.save_rescored = saves
with Workspace.open_local(Settings()) as workspace:
    judgments.edit(workspace, catalog.find(workspace, "tiny").id, {("q0", "d3"): 1})
    hang()
"""


def killed_in_between(folder: Path, rescored: int) -> None:
    """Edit judgments in a process that is killed once so many experiments have followed."""
    process = subprocess.Popen(
        [sys.executable, "-c", EDIT_AND_HANG, str(rescored)],
        cwd=ROOT,
        env=cli_environment(folder),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert said == "hanging\n"


@pytest.mark.parametrize("rescored", [0, 1])
def test_experiments_follow_once_whoever_edited_was_killed(
    settings: Settings, tmp_path: Path, write_dataset: WriteDataset, rescored: int
) -> None:
    with Workspace.open_local(settings) as workspace:
        catalog.import_folder(workspace, write_dataset())
        for name in NAMES:
            finished(workspace, "tiny", LISTS, name=name)
    killed_in_between(tmp_path, rescored)
    with Workspace.open_local(settings) as workspace:
        assert catalog.find(workspace, "tiny").version == 2
        assert rows_in(workspace, "experiments") == len(NAMES) + rescored
    with served(tmp_path) as address:
        deadline = time.monotonic() + 60
        while len(httpx.get(f"{address}/api/experiments?judgments=all").json()) < 2 * len(NAMES):
            assert time.monotonic() < deadline, "no experiment followed"
            time.sleep(0.1)
    with Workspace.open_local(settings) as workspace:
        assert rows_in(workspace, "experiments") == rows_in(workspace, "submissions") == 2 * len(NAMES)
        every_score_is_right(workspace)
