"""The recorder: from the stream into rows; what is not committed is not acknowledged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import duckdb
import pytest
from redis import Redis

from evaluator.jobs.stream import FIELD, STREAM, ResultStream
from evaluator.store import recorder as recorder_module
from evaluator.store.database import Database
from evaluator.store.recorder import Recorder
from evaluator.store.results import recorded_queries
from tests.unit.store.rows import save, scored


@pytest.fixture
def stream(connection: Redis) -> ResultStream:
    return ResultStream(connection)


@pytest.fixture
def recorder(database: Database, stream: ResultStream, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setattr(recorder_module, "WAIT", 0.01)
    recorder = Recorder(database, stream, batch=2)
    yield recorder
    recorder.stop()


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something holds, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_results_are_recorded_and_leave_the_stream(
    database: Database, stream: ResultStream, recorder: Recorder
) -> None:
    id_ = save(database)
    recorder.start()
    stream.append([scored(id_, f"q{n}", 1.0) for n in range(5)])
    eventually(lambda: len(stream) == 0)
    assert recorded_queries(database, id_) == {"bm25": {"q0", "q1", "q2", "q3", "q4"}}
    assert recorder.trouble is None


def test_stopping_records_what_is_in_the_stream(
    database: Database, stream: ResultStream, recorder: Recorder
) -> None:
    id_ = save(database)
    recorder.start()
    stream.append([scored(id_, f"q{n}", 1.0) for n in range(25)])
    recorder.stop()
    assert (len(stream), len(recorded_queries(database, id_)["bm25"])) == (0, 25)
    recorder.stop()  # twice is no error


def test_draining_records_without_a_thread(
    database: Database, stream: ResultStream, recorder: Recorder
) -> None:
    id_ = save(database)
    stream.append([scored(id_, f"q{n}", 1.0) for n in range(5)])
    recorder.drain()
    assert (len(stream), len(recorded_queries(database, id_)["bm25"])) == (0, 5)


def test_what_a_recorder_read_before_it_died_is_recorded_by_the_next(
    database: Database, stream: ResultStream, recorder: Recorder
) -> None:
    id_ = save(database)
    stream.open()
    stream.append([scored(id_, "q0", 1.0)])
    assert len(stream.read(10, wait=0)) == 1  # and the power fails
    recorder.drain()
    assert (len(stream), recorded_queries(database, id_)) == (0, {"bm25": {"q0"}})


def test_results_of_an_unknown_experiment_leave_the_stream(stream: ResultStream, recorder: Recorder) -> None:
    stream.append([scored("deleted", "q0", 1.0)])
    recorder.drain()
    assert len(stream) == 0


def test_while_the_database_refuses_nothing_is_lost(
    database: Database, stream: ResultStream, recorder: Recorder
) -> None:
    id_ = save(database)
    with database.transaction() as cursor:
        cursor.execute("ALTER TABLE variants RENAME TO variants_elsewhere")
    recorder.start()
    stream.append([scored(id_, "q0", 1.0)])
    eventually(lambda: recorder.trouble)
    assert recorder.trouble is not None
    assert recorder.trouble.startswith("results are not being recorded: Catalog Error: ")
    assert "\n" not in recorder.trouble
    assert len(stream) == 1
    with database.transaction() as cursor:
        cursor.execute("ALTER TABLE variants_elsewhere RENAME TO variants")
    eventually(lambda: len(stream) == 0)
    eventually(lambda: recorder.trouble is None)
    assert recorded_queries(database, id_) == {"bm25": {"q0"}}


def test_a_recorder_that_cannot_record_can_be_stopped(
    database: Database, stream: ResultStream, recorder: Recorder
) -> None:
    save(database)
    with database.transaction() as cursor:
        cursor.execute("ALTER TABLE variants RENAME TO variants_elsewhere")
    recorder.start()
    stream.append([scored("e", "q0", 1.0)])
    eventually(lambda: recorder.trouble)
    recorder.stop()
    assert len(stream) == 1


def test_an_entry_that_nobody_can_read_is_told(
    connection: Redis, database: Database, stream: ResultStream, recorder: Recorder
) -> None:
    """It may come from a worker of another version; the recorder must not end unseen."""
    id_ = save(database)
    foreign = connection.xadd(STREAM, {FIELD: b'{"version": 9}'})
    recorder.start()
    eventually(lambda: recorder.trouble)
    stream.append([scored(id_, "q0", 1.0)])
    connection.xdel(STREAM, foreign)
    eventually(lambda: recorded_queries(database, id_) == {"bm25": {"q0"}})
    eventually(lambda: recorder.trouble is None)


def test_a_stream_that_is_gone_is_opened_again(
    connection: Redis, database: Database, stream: ResultStream, recorder: Recorder
) -> None:
    id_ = save(database)
    recorder.start()
    eventually(lambda: connection.exists(STREAM))
    connection.flushall()
    eventually(lambda: connection.exists(STREAM))
    stream.append([scored(id_, "q0", 1.0)])
    eventually(lambda: recorded_queries(database, id_) == {"bm25": {"q0"}})


def test_draining_tells_what_is_wrong(database: Database, stream: ResultStream, recorder: Recorder) -> None:
    with database.transaction() as cursor:
        cursor.execute("ALTER TABLE variants RENAME TO variants_elsewhere")
    stream.append([scored("e", "q0", 1.0)])
    with pytest.raises(duckdb.Error):
        recorder.drain()
    assert len(stream) == 1
