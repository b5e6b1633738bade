"""What a full disk, a kill and a power loss do to what is stored: nothing lost, nothing doubled, nothing half.

The full disks are real ones, of a few megabytes (tmpfs); where one may not be mounted, these tests are skipped.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from redis import Redis

from evaluator.domain.measures.scoring import score_queries
from evaluator.domain.result import Rejected
from evaluator.errors import (
    EvaluatorError,
    StoreUnavailableError,
)
from evaluator.jobs.connection import require
from evaluator.jobs.results.stream import ResultStream
from evaluator.judging.judgments import edit
from evaluator.library import catalog
from evaluator.operations.keeper import Keeper
from evaluator.settings import Settings
from evaluator.store import recorder as recorder_module
from evaluator.store.file import database as database_module
from evaluator.store.file.database import Database
from evaluator.store.recorder import Recorder
from evaluator.store.results import record
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.integration.disks.small_disk import SEED, Disk, python, read_until
from tests.unit.finished import finished
from tests.unit.jobs.embedded import embedded_valkey
from tests.unit.judging.shared_runs import LISTS, rows_in
from tests.unit.store.rows import numbered, ranked, save


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "WAIT", 0.01)
    monkeypatch.setattr(recorder_module, "LONGEST_PAUSE", 0.2)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with embedded_valkey(tmp_path_factory.mktemp("valkey")) as settings, require(settings) as client:
        yield client


@pytest.fixture
def stream(valkey: Redis) -> ResultStream:
    valkey.flushall()
    return ResultStream(valkey)


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something holds, twenty seconds at most."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def has(seen: Sequence[object], count: int) -> bool:
    return len(seen) >= count


def recorded(database: Database) -> list[str]:
    """Ids of all rows, in order; each row is whole."""
    rows = database.cursor.execute("SELECT query_id, doc_ids, len(scores) FROM results ORDER BY 1").fetchall()
    assert all((docs[0], len(docs), n_scores) == (query_id, 100, 100) for query_id, docs, n_scores in rows)
    return [query_id for query_id, _, _ in rows]


@contextmanager
def readers(database: Database, count: int = 3) -> Iterator[list[object]]:
    """Threads that read all the time, as pages do; gives what they saw: numbers of rows, and errors."""
    seen: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                rows = database.cursor.execute("SELECT query_id, doc_ids FROM results").fetchall()
                seen.append(len(rows))
                database.cursor.execute("SELECT query_id FROM results").fetchone()  # and leaves the rest
            except (duckdb.Error, EvaluatorError) as error:
                seen.append(error)
            time.sleep(0.001)

    threads = [threading.Thread(target=read) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        done.set()
        for thread in threads:
            thread.join()


@contextmanager
def running(recorder: Recorder) -> Iterator[None]:
    recorder.start()
    try:
        yield
    finally:
        recorder.stop()


COMMIT, MERGE = (0, "64MB"), (1_500_000, "1MB")
"""Bytes left on the disk, and when the log is merged: a commit finds no room, or the merge after it."""


@pytest.mark.parametrize(("leave", "merge_at"), [COMMIT, MERGE], ids=["in the commit", "in the merge"])
def test_recording_stops_on_a_full_disk_and_goes_on_when_there_is_room(
    disk: Disk, stream: ResultStream, monkeypatch: pytest.MonkeyPatch, leave: int, merge_at: str
) -> None:
    monkeypatch.setattr(database_module, "CHECKPOINT_AT", merge_at)
    database = Database(disk.folder / "evaluator.duckdb")
    id_ = save(database, n_queries=2000)
    record(database, ranked(id_, numbered(0, 200)))
    disk.fill(leave)
    stream.append(ranked(id_, numbered(200, 2000)))
    recorder = Recorder(database, stream, batch=300)

    with readers(database) as seen, running(recorder):
        eventually(lambda: recorder.trouble)
        for _ in range(3):  # the trouble stays, attempt after attempt
            enough = len(seen) + 30
            eventually(partial(has, seen, enough))
            assert recorder.trouble is not None
            assert recorder.trouble.startswith(
                f"results are not being recorded: the disk is full: {database.path}"
            )
            assert recorder.trouble.endswith("make room there")
        assert len(stream) == 1800
        # What fails to be merged may be seen for a moment; it is recorded again, as it was.
        assert set(seen) == {200} if (leave, merge_at) == COMMIT else set(seen) <= {200, 500}

        disk.make_room()
        eventually(lambda: len(stream) == 0)
        eventually(lambda: recorder.trouble is None)
    assert not [what for what in seen if not isinstance(what, int)]
    assert recorded(database) == numbered(0, 2000)
    database.close()
    again = Database(database.path)
    assert recorded(again) == numbered(0, 2000)
    again.close()


def test_what_else_is_written_on_a_full_disk_says_so_and_leaves_nothing(disk: Disk) -> None:
    database = Database(disk.folder / "evaluator.duckdb")
    disk.fill()
    many = [f"v{n}" for n in range(200)]  # more than the page that the log ends in has room for
    with pytest.raises(
        StoreUnavailableError, match=r"the disk is full: .*, 0\.0 of 25 MB are free; make room"
    ):
        save(database, many)
    assert database.cursor.execute("SELECT count(*) FROM variants").fetchall() == [(0,)]
    disk.make_room()
    save(database, many)
    database.close()


def test_experiments_follow_an_edit_once_there_is_room_again(
    disk: Disk, write_dataset: WriteDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*arguments: Any) -> dict[str, dict[str, float]]:
        disk.fill()
        return score_queries(*arguments)

    with Workspace.open_local(Settings(home=disk.folder / "home")) as workspace:
        row = catalog.import_folder(workspace, write_dataset())
        variants = {f"v{n}": LISTS["first"] for n in range(60)}  # more than the log's last page has room for
        finished(workspace, "tiny", variants)
        with monkeypatch.context() as patch:
            patch.setattr("evaluator.judging.rescore.score_queries", fill)
            with pytest.raises(EvaluatorError, match=r"the judgments are saved; .*the disk is full"):
                edit(workspace, row.id, {("q0", "d3"): 1})
        assert catalog.find(workspace, "tiny").version == 2
        Keeper(workspace).look()
        assert rows_in(workspace, "experiments") == 1  # there is no room yet
        disk.make_room()
        Keeper(workspace).look()
        assert rows_in(workspace, "experiments") == rows_in(workspace, "submissions") == 2
        assert rows_in(workspace, "steps") == 0


def test_closing_on_a_full_disk_loses_nothing(disk: Disk) -> None:
    path = disk.folder / "evaluator.duckdb"
    database = Database(path)
    record(database, ranked(save(database), numbered(0, 1000)))
    disk.fill()
    database.close()
    for room in (False, True):
        if room:
            disk.make_room()
        database = Database(path)
        assert recorded(database) == numbered(0, 1000)
        database.close()


@pytest.mark.parametrize("leave", [0, 4096, 12288], ids=["nothing", "half the header", "no migration"])
def test_a_database_that_found_no_room_to_begin_can_begin_later(disk: Disk, leave: int) -> None:
    path = disk.folder / "evaluator.duckdb"
    disk.fill(leave)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="the disk is full"):
            Database(path)
    disk.make_room()
    database = Database(path)
    save(database)
    database.close()


class PowerCutError(BaseException):
    """The end of a process, as far as its own code can tell."""


class DiesBeforeAcknowledging(ResultStream):
    def acknowledge(self, ids: Sequence[bytes], dead: Mapping[bytes, Rejected] | None = None) -> None:
        raise PowerCutError


def test_what_was_committed_but_not_acknowledged_is_read_again_and_changes_nothing(
    tmp_path: Path, stream: ResultStream, valkey: Redis
) -> None:
    database = Database(tmp_path / "evaluator.duckdb")
    id_ = save(database, n_queries=5)
    stream.append(ranked(id_, numbered(0, 5)))
    with pytest.raises(PowerCutError):
        Recorder(database, DiesBeforeAcknowledging(valkey), batch=3).drain()
    everything = "SELECT * FROM results ORDER BY query_id"
    committed = database.cursor.execute(everything).fetchall()
    assert (len(committed), len(stream)) == (3, 5)
    database.close()

    database = Database(database.path)
    Recorder(database, stream, batch=3).drain()
    assert len(stream) == 0
    assert recorded(database) == numbered(0, 5)
    assert database.cursor.execute(everything).fetchall()[:3] == committed  # when they were recorded, too
    database.close()


RECORD_ON_AND_ON = """
import os, sys
from pathlib import Path
import pandas, pyarrow.dataset  # DuckDB imports them when it is first given a table
from evaluator.store.file import database as database_module
from evaluator.store.results import record
from tests.unit.store.rows import numbered, ranked
database_module.CHECKPOINT_AT = "400KB"
path, experiment, batch = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for line in sys.stdin:  # each asks for another process that begins with this batch
    if process := os.fork():
        print(process, flush=True)
        os.waitpid(process, 0)
        print("dead", flush=True)
        continue
    database = database_module.Database(path)
    for number in range(int(line), int(line) + 1000):
        record(database, ranked(experiment, numbered(number * batch, (number + 1) * batch)))
        print(number, flush=True)
"""


BATCH = 50
"""Rows in a batch; every third commit or so is followed by a merge of the log."""


KILLS = 15


def test_a_kill_in_the_middle_of_a_commit_leaves_whole_batches(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    path = tmp_path / "evaluator.duckdb"
    database = Database(path)
    id_ = save(database, n_queries=10**9)
    database.close()
    batches = 0
    with python(RECORD_ON_AND_ON, path, id_, BATCH) as owners:
        assert owners.stdin is not None
        assert owners.stdout is not None
        for kill in range(KILLS):
            print(batches, file=owners.stdin, flush=True)
            process = int(
                owners.stdout.readline()
            )  # it opens the file now, and replays what the last kill left
            if kill % 4:
                read_until(owners, str(batches))
            time.sleep(moments.uniform(0, 0.2))
            os.kill(process, signal.SIGKILL)
            committed = list(iter(owners.stdout.readline, "dead\n"))
            database = Database(path)
            ids = recorded(database)
            database.close()
            batches = len(ids) // BATCH
            assert ids == numbered(0, batches * BATCH), f"kill {kill}, seed {SEED}"
            assert not committed or batches > int(committed[-1]), f"kill {kill}, seed {SEED}"
    print(f"{KILLS} kills, {batches} batches")
