"""Backups of instances that run, and what kills and full disks leave of a backup and of a restored home."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from evaluator.experiments import lifecycle
from evaluator.jobs.processes.supervisor import WORKER
from evaluator.library import catalog
from evaluator.operations.backup.restoring import restore
from evaluator.operations.backup.writing import prepare, save
from evaluator.operations.instance import headless
from evaluator.settings import Settings
from evaluator.store.results import recorded_counts
from evaluator.workspace.workspace import Workspace
from tests.conftest import TOPICS, WriteDataset
from tests.integration.conftest import (
    Cli,
    experiment,
    experiment_yaml,
    follow,
    json_output,
    served,
    stored_rows,
)
from tests.integration.disks.small_disk import Disk, python, read_until

QUERIES = [f"{topic} {number}" for number in range(4) for topic in TOPICS]


def test_an_experiment_that_runs_while_it_is_saved_is_resumed_where_it_is_restored(
    settings: Settings, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    """With real workers. In the end both instances have the same rows, and the saved ones were not computed again."""
    described = experiment(write_dataset(queries=QUERIES), {"bm25": {"bm25": {}}}, queries_per_job=1)
    path, elsewhere = tmp_path / "saved.tar", settings.model_copy(update={"home": tmp_path / "elsewhere"})
    with headless(settings, 1) as running:
        submitted = lifecycle.submit(running.workspace, described, allow_paths=True)
        (worker,) = [c.process for c in running.supervisor.children if c.name.startswith(WORKER)]
        assert worker is not None
        while not recorded(running.workspace, submitted.id):
            time.sleep(0.002)
        os.kill(worker.pid, signal.SIGSTOP)  # so that it surely has not finished
        try:
            backup = prepare(running.workspace)
            save(path, backup.chunks(), backup.size)
        finally:
            os.kill(worker.pid, signal.SIGCONT)
        assert follow(running.workspace, submitted).status == "finished"
    restore(elsewhere, path)
    saved = stored_rows(elsewhere)
    assert 0 < len(saved) < len(QUERIES)
    with headless(elsewhere, 1) as resumed:
        row = lifecycle.find(resumed.workspace, submitted.id)
        again = lifecycle.resume(resumed.workspace, row)
        assert again.skipped == len(saved)
        assert follow(resumed.workspace, again).status == "finished"
    assert stored_rows(elsewhere) == stored_rows(settings)


def recorded(workspace: Workspace, id_: str) -> int:
    return sum(variant.recorded for variant in recorded_counts(workspace.database, id_))


def test_a_running_server_is_saved_by_a_command(
    cli: Cli, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    """The restored home shows the same leaderboard, and nothing in it is damaged."""
    (tmp_path / "toy.yaml").write_text(experiment_yaml(write_dataset(), {"bm25": {"bm25": {}}}))
    assert cli("run", "toy.yaml").returncode == 0
    with served(tmp_path) as address:
        answer = httpx.get(f"{address}/api/backup", headers={"accept-encoding": "identity"})
        assert answer.headers["content-type"] == "application/x-tar"
        assert answer.headers["content-length"] == str(len(answer.content))
        saved = json_output(cli("backup", "saved.tar", "--json"))
        assert saved["database"]["tables"]["results"] == 10
        again = cli("backup", "saved.tar")
        assert (again.returncode, "saved.tar is there already" in again.stderr) == (2, True)
    board = json_output(cli("leaderboard", "--json"))
    assert (tmp_path / "saved.tar").stat().st_mode & 0o777 == 0o600
    assert cli("restore", "saved.tar").returncode == 2
    home = {"EVALUATOR_HOME": str(tmp_path / "elsewhere")}
    restored = cli("restore", "saved.tar", env=home)
    assert restored.returncode == 0, restored.stderr
    assert "1 datasets, 1 experiments, 10 results and 4 artifacts" in restored.stderr
    assert json_output(cli("leaderboard", "--json", env=home)) == board
    checks = json_output(cli("doctor", "--artifacts", "--json", env=home))
    assert [check for check in checks if not check["well"]] == []


BACKUP_AND_HANG = """
import sys, time
from pathlib import Path
from evaluator.operations.backup import writing
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
def hang(done, total):
    if done > total / 2:
        print("half-way", flush=True)
        time.sleep(600)
with Workspace.open_local(Settings(home=Path(sys.argv[1]))) as workspace:
    backup = writing.prepare(workspace)
    writing.save(Path(sys.argv[2]), backup.chunks(), backup.size, hang)
"""

RESTORE_AND_HANG = """
import sys, time
from pathlib import Path
from evaluator.operations.backup.restoring import restore
from evaluator.settings import Settings
def hang(stage):
    if stage == sys.argv[3]:
        print("half-way", flush=True)
        time.sleep(600)
def hang_in_files(done, total):
    if sys.argv[3] == "files" and done > total / 2:
        hang("files")
restore(Settings(home=Path(sys.argv[1])), Path(sys.argv[2]), hang, hang_in_files)
"""


@pytest.fixture
def saved(settings: Settings, write_dataset: WriteDataset, tmp_path: Path) -> Path:
    """A backup of a home with a dataset."""
    with Workspace.open_local(settings) as workspace:
        catalog.import_folder(workspace, write_dataset())
        backup = prepare(workspace)
        save(tmp_path / "saved.tar", backup.chunks(), backup.size)
    return tmp_path / "saved.tar"


def test_a_kill_in_the_middle_of_a_backup_leaves_no_backup(
    settings: Settings, saved: Path, tmp_path: Path
) -> None:
    path = tmp_path / "again.tar"
    with python(BACKUP_AND_HANG, settings.home_path, path) as process:
        read_until(process, "half-way")
        process.kill()
        process.wait()
    assert not path.exists()
    with Workspace.open_local(settings) as workspace:
        backup = prepare(workspace)
        save(path, backup.chunks(), backup.size)
    assert not path.with_name(".again.tar.part").exists()
    restore(Settings(home=tmp_path / "elsewhere"), path)


@pytest.mark.parametrize("moment", ["files", "making the database", "storing"])
def test_a_kill_in_the_middle_of_restoring_leaves_a_home_into_which_it_can_be_restored(
    moment: str, saved: Path, tmp_path: Path
) -> None:
    elsewhere = Settings(home=tmp_path / "elsewhere")
    with python(RESTORE_AND_HANG, elsewhere.home_path, saved, moment) as process:
        read_until(process, "half-way")
        process.kill()
        process.wait()
    assert not elsewhere.database_path.exists()
    restore(elsewhere, saved)
    with Workspace.open_local(elsewhere) as workspace:
        assert [row.name for row in catalog.all_datasets(workspace)] == ["tiny"]


def test_a_full_disk_leaves_no_backup_and_one_sentence(cli: Cli, saved: Path, disk: Disk) -> None:
    disk.fill(leave=8192)
    ended = cli("backup", disk.folder / "saved.tar")
    assert (ended.returncode, "cannot be written: No space left on device" in ended.stderr) == (2, True)
    assert [path.name for path in disk.folder.iterdir()] == ["ballast"]


def test_a_home_on_a_full_disk_is_saved_once_there_is_room(cli: Cli, saved: Path, disk: Disk) -> None:
    home = {"EVALUATOR_HOME": str(disk.folder / "home")}
    assert cli("restore", saved, env=home).returncode == 0
    disk.fill()
    ended = cli("backup", "again.tar", env=home)
    assert (ended.returncode, "error: the disk is full" in ended.stderr) == (1, True), ended.stderr
    assert not (saved.parent / "again.tar").exists()
    disk.make_room()
    assert cli("backup", "again.tar", env=home).returncode == 0


@pytest.mark.parametrize("room", [40_000, 400_000])
def test_a_backup_that_does_not_fit_leaves_no_database(cli: Cli, saved: Path, disk: Disk, room: int) -> None:
    """There is room for a part of the files, or for all of them but the database."""
    home = {"EVALUATOR_HOME": str(disk.folder / "home")}
    disk.fill(leave=room)
    ended = cli("restore", saved, env=home)
    assert (ended.returncode, ended.stderr.count("error: the disk is full")) == (1, 1), ended.stderr
    left = [path for path in (disk.folder / "home").rglob("*") if path.is_file()]
    assert not [path for path in left if path.name not in ("instance.lock",)]
    disk.make_room()
    assert cli("restore", saved, env=home).returncode == 0
    assert json.loads(cli("dataset", "list", "--json", env=home).stdout)[0]["name"] == "tiny"
