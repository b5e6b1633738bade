"""The recorder: from the stream into rows; what is not committed is not acknowledged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import duckdb
import pytest
from redis import Redis

from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult, Record, Spending
from evaluator.jobs.results.codec import encode
from evaluator.jobs.results.dead_letters import DeadLetterCounts, count_dead_letters, dead_letters
from evaluator.jobs.results.stream import FIELD, STREAM, ResultStream
from evaluator.store import recorder as recorder_module
from evaluator.store.experiments import experiment
from evaluator.store.file.database import Database
from evaluator.store.recorder import Recorder
from evaluator.store.results import failures, recorded_counts, recorded_queries
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


def test_an_entry_that_cannot_be_read_stops_no_other(
    connection: Redis, database: Database, stream: ResultStream, recorder: Recorder
) -> None:
    """It may come from a worker of another version, or from anybody who reaches Redis."""
    id_ = save(database)
    recorder.start()
    stream.append([scored(id_, "q0", 1.0)])
    connection.xadd(STREAM, {FIELD: b'{"version": 9}'})
    connection.xadd(STREAM, {"something": "else"})
    stream.append([scored(id_, "q1", 1.0)])
    eventually(lambda: recorded_queries(database, id_) == {"bm25": {"q0", "q1"}})
    eventually(lambda: len(stream) == 0)
    assert recorder.trouble is None
    assert count_dead_letters(connection) == DeadLetterCounts(kept=2, total=2)


@pytest.mark.parametrize("place", range(7))
def test_a_record_that_the_database_refuses_stops_no_other(
    place: int, connection: Redis, database: Database, stream: ResultStream
) -> None:
    id_ = save(database, n_queries=6)
    entries: list[Record] = [scored(id_, f"q{number}", 1.0) for number in range(6)]
    entries.insert(place, Spending(id_, "s1", "there", 2**64 - 1, 0, 0))  # one that int64 does not hold
    stream.append(entries)
    Recorder(database, stream, batch=10).drain()
    assert recorded_queries(database, id_) == {"bm25": {f"q{number}" for number in range(6)}}
    assert len(stream) == 0
    (letter,) = dead_letters(connection)
    assert letter.reason.startswith("Conversion Error: ")
    assert experiment(database, id_).status == "finished"


def test_of_many_records_that_the_database_refuses_each_is_found(
    connection: Redis, database: Database, stream: ResultStream
) -> None:
    id_ = save(database, n_queries=100)
    too_high = Ranking(("d1",), (1e300,))  # no float32
    stream.append(
        QueryResult(id_, "bm25", f"q{number}", too_high)
        if number % 10 == 3
        else scored(id_, f"q{number}", 1.0)
        for number in range(100)
    )
    Recorder(database, stream, batch=100).drain()
    assert len(stream) == 0
    assert count_dead_letters(connection).kept == 10
    # Nobody waits for ever: each of them has failed, and says why.
    (counts,) = recorded_counts(database, id_)
    assert (counts.recorded, counts.failed) == (100, 10)
    assert set(failures(database, id_)["error"]) == {
        "what the worker handed over cannot be recorded: a score is not a finite float32 number"
    }
    assert experiment(database, id_).status == "finished"


def test_a_result_of_a_newer_version_is_a_failure_until_it_is_evaluated_again(
    connection: Redis, database: Database, stream: ResultStream
) -> None:
    id_ = save(database, n_queries=1)
    newer = encode(scored(id_, "q0", 1.0)).replace(b'"version":1', b'"version":2')
    connection.xadd(STREAM, {FIELD: newer})
    recorder = Recorder(database, stream, batch=10)
    recorder.drain()
    assert "a worker is newer than the server" in failures(database, id_)["error"][0]
    assert count_dead_letters(connection).total == 1
    stream.append([scored(id_, "q0", 1.0)])
    recorder.drain()
    assert failures(database, id_).empty
    assert recorded_counts(database, id_)[0].scored == 1


def test_text_that_a_terminal_would_obey_is_only_text(database: Database, stream: ResultStream) -> None:
    id_ = save(database, n_queries=1)
    stream.append([scored(id_, "nul \0, escape \x1b[2J", 1.0)])
    Recorder(database, stream, batch=10).drain()
    assert recorded_queries(database, id_) == {"bm25": {"nul \0, escape \x1b[2J"}}


def test_what_the_database_refuses_for_now_is_no_dead_letter(
    connection: Redis, database: Database, stream: ResultStream
) -> None:
    id_ = save(database)
    stream.append([scored(id_, "q0", 1.0)])
    connection.xadd(STREAM, {FIELD: b"not JSON"})
    with database.transaction() as cursor:
        cursor.execute("ALTER TABLE variants RENAME TO variants_elsewhere")
    recorder = Recorder(database, stream, batch=10)
    with pytest.raises(duckdb.CatalogException):
        recorder.drain()
    assert (len(stream), count_dead_letters(connection).total) == (2, 0)
    with database.transaction() as cursor:
        cursor.execute("ALTER TABLE variants_elsewhere RENAME TO variants")
    recorder.drain()
    assert (len(stream), count_dead_letters(connection).total) == (0, 1)
    assert recorded_queries(database, id_) == {"bm25": {"q0"}}


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
