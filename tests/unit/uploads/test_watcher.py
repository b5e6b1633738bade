"""Examinations run in processes of their own: whatever becomes of one, the server knows and goes on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from evaluator.datasets.reading import CorpusPart, QueriesPart, Reading, Table
from evaluator.errors import InvalidInputError
from evaluator.uploads import watcher as examiner_module
from evaluator.uploads.folder import ERROR, PROGRESS, READING, RECOGNISED, SOURCE, UploadFolder
from evaluator.uploads.watcher import Examiner
from tests.warm.popen import COLD, descendants

LIMIT = 1_000_000


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something holds, twenty seconds at most."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def upload_that_hangs(path: Path) -> UploadFolder:
    """An upload whose check never ends: its corpus is a pipe that nobody writes to."""
    folder = UploadFolder(path)
    folder.unpacked.mkdir(parents=True)
    os.mkfifo(folder.unpacked / "corpus.jsonl")
    corpus = CorpusPart(Table("corpus.jsonl", "jsonl"), ("text",))
    queries = QueriesPart(Table("queries.jsonl", "jsonl"), "text")
    folder.write(READING, {"reading": Reading(corpus, queries).to_json(), "exclude_self": False})
    return folder


def start(examiner: Examiner, folder: UploadFolder) -> None:
    examiner.start(folder, "check", LIMIT, lambda: None)


def stage(folder: UploadFolder) -> str:
    return str(folder.read(PROGRESS)["stage"])


def processes(folder: UploadFolder) -> list[psutil.Process]:
    """Those that examine an upload now."""
    return [process for process, command in descendants(os.getpid()) if str(folder.path) in command]


def test_a_process_that_is_killed_is_a_failure_and_no_end_of_anything_else(tmp_path: Path) -> None:
    examiner, folder = Examiner(), upload_that_hangs(tmp_path / "upload")
    start(examiner, folder)
    eventually(lambda: stage(folder) == "reading")
    (process,) = processes(folder)
    process.kill()
    eventually(lambda: not examiner.is_busy(folder))
    assert folder.read(ERROR) == {
        "error": "the check ended unexpectedly (signal 9): it printed nothing; try again, and if it happens again "
        "see examining.log in the upload's folder"
    }


def test_a_crash_shows_its_last_line(tmp_path: Path) -> None:
    examiner, folder = Examiner(), upload_that_hangs(tmp_path / "upload")
    folder.write(READING, "no reading at all")
    start(examiner, folder)
    eventually(lambda: not examiner.is_busy(folder))
    assert "(exit status 1): TypeError: string indices must be integers" in folder.read(ERROR)["error"]


@pytest.mark.parametrize(
    ("examiner", "reason"),
    [
        (Examiner(time_limit=0), "the check took longer than 0 seconds"),
        (Examiner(memory_limit=1), "the check needed more than 0.0 GB of memory"),
    ],
)
def test_neither_time_nor_memory_is_unlimited(examiner: Examiner, reason: str, tmp_path: Path) -> None:
    folder = upload_that_hangs(tmp_path / "upload")
    start(examiner, folder)
    eventually(lambda: not examiner.is_busy(folder))
    assert folder.read(ERROR)["error"].startswith(reason)
    assert processes(folder) == []


def test_small_files_have_minutes_and_not_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of 14 kB kept both places of examination for two hours."""
    monkeypatch.setattr(examiner_module, "SHORT_TIME", 0.2)
    examiner, folder = Examiner(), upload_that_hangs(tmp_path / "upload")
    folder.files.mkdir()
    (folder.files / "corpus.parquet").write_bytes(b"x" * 2_000)
    start(examiner, folder)
    eventually(lambda: not examiner.is_busy(folder))
    assert "0 seconds, which is what files of this size have" in folder.read(ERROR)["error"]


def test_one_persons_examinations_do_not_delay_anothers(tmp_path: Path) -> None:
    examiner = Examiner(at_once=2)
    theirs = [upload_that_hangs(tmp_path / f"theirs-{n}") for n in range(3)]
    for folder in theirs:
        examiner.start(folder, "check", LIMIT, lambda: None, person="mallory")
    eventually(lambda: "reading" in map(stage, theirs))
    mine = upload_that_hangs(tmp_path / "mine")
    examiner.start(mine, "check", LIMIT, lambda: None, person="ada")
    eventually(lambda: stage(mine) == "reading")
    assert sorted(map(stage, theirs)) == ["reading", "waiting", "waiting"]
    for folder in (*theirs, mine):
        examiner.stop(folder)


def test_those_that_wait_take_their_turn_and_each_can_be_stopped(tmp_path: Path) -> None:
    examiner = Examiner(at_once=1)
    first, second, third = (upload_that_hangs(tmp_path / name) for name in ("first", "second", "third"))
    start(examiner, first)
    eventually(lambda: stage(first) == "reading")
    start(examiner, second)
    start(examiner, third)
    with pytest.raises(InvalidInputError, match="being examined already"):
        start(examiner, second)
    assert stage(second) == stage(third) == "waiting"
    examiner.stop(third)
    examiner.stop(first)
    assert processes(first) == processes(third) == []
    eventually(lambda: stage(second) == "reading")
    examiner.stop(second)
    assert not any(map(examiner.is_busy, (first, second, third)))


SERVER_THAT_DIES = """
import os, sys, time
from pathlib import Path
from evaluator.uploads import watcher as examiner_module
from evaluator.uploads.watcher import Examiner
from evaluator.uploads.folder import PROGRESS, UploadFolder
folder = UploadFolder(Path(sys.argv[1]))
Examiner().start(folder, "check", 1000, lambda: None)
while folder.read(PROGRESS)["stage"] != "reading":
    time.sleep(0.01)
os._exit(9)
"""


def test_an_examination_ends_with_its_server(tmp_path: Path) -> None:
    folder = upload_that_hangs(tmp_path / "upload")
    died = subprocess.run([sys.executable, "-c", SERVER_THAT_DIES, folder.path], check=False, timeout=30)
    assert died.returncode == 9
    eventually(lambda: processes(folder) == [])
    assert folder.read(ERROR) is None  # nobody is there to say it: the state of the upload says "interrupted"


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "600")
        monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "600")
        yield


def fetch_that_hangs(path: Path) -> UploadFolder:
    """An upload whose files come from a hub that never answers."""
    folder = UploadFolder(path)
    folder.files.mkdir(parents=True)
    folder.write(SOURCE, {"source": "hf:made/up"})
    return folder


@pytest.mark.usefixtures("silent_hub")
def test_fetches_from_hubs_do_not_delay_examinations(tmp_path: Path) -> None:
    """Before, two fetches from a hub that does not answer kept all uploads waiting, two hours at most."""
    examiner = Examiner(at_once=1)
    fetches = [fetch_that_hangs(tmp_path / name) for name in ("a", "b", "c")]
    for folder in fetches:
        examiner.start(folder, "fetch", LIMIT, lambda: None)
    eventually(lambda: stage(fetches[0]) == "fetching")
    other = UploadFolder(tmp_path / "other")
    other.files.mkdir(parents=True)
    (other.files / "notes.txt").write_text("a note")
    examiner.start(other, "recognise", LIMIT, lambda: None)
    eventually(lambda: other.read(RECOGNISED) is not None)
    assert all(examiner.is_busy(folder) for folder in fetches)
    for folder in fetches:
        examiner.stop(folder)


@pytest.mark.usefixtures("silent_hub")
def test_what_a_hubs_library_downloads_counts_and_is_gone_with_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, it filled the cache in the operator's home folder, without a limit and for ever."""
    monkeypatch.setenv(COLD, "1")  # the environment of a fork is not the one that `psutil` tells
    examiner, folder = Examiner(), fetch_that_hangs(tmp_path / "upload")
    examiner.start(folder, "fetch", LIMIT, lambda: None)
    eventually(lambda: stage(folder) == "fetching")
    (process,) = processes(folder)
    assert Path(process.environ()["HF_HUB_CACHE"]).parent == folder.scratch
    assert Path(process.environ()["TMPDIR"]) == folder.scratch
    (folder.scratch / "download").write_bytes(bytes(LIMIT + 1))
    eventually(lambda: not examiner.is_busy(folder))
    assert folder.read(ERROR) == {
        "error": "the dataset is larger than 1,000,000 bytes; raise EVALUATOR_UPLOAD_LIMIT"
    }
    assert not folder.scratch.exists()
