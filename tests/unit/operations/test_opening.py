"""Opening a workspace: nothing in the stream keeps a server from starting, and no other instance is disturbed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from evaluator.errors import InstanceRunningError, QueueUnavailableError
from evaluator.experiments.plan_cache import planner
from evaluator.experiments.progress import progress_reader
from evaluator.jobs.processes.claim import CLAIM
from evaluator.jobs.results.dead_letters import count_dead_letters
from evaluator.jobs.results.stream import FIELD, STREAM, ResultStream
from evaluator.operations.dead_letters import dead_letters, drop_dead_letters, with_queue
from evaluator.operations.monitoring import Monitor, monitor
from evaluator.settings import Settings
from evaluator.store.file.database import Database
from evaluator.store.instance import identity
from evaluator.store.results import recorded_queries
from evaluator.workspace.workspace import Workspace
from tests.unit.store.rows import save, scored
from tests.unit.store.test_recorder import eventually


@pytest.fixture
def settings(valkey: Settings, connection: Redis, tmp_path: Path) -> Settings:
    """A home of the test's own, and an empty queue."""
    return Settings(home=tmp_path / "one", redis_url=valkey.queue_url)


@pytest.fixture
def other(valkey: Settings, tmp_path: Path) -> Settings:
    """Another home, and the same queue."""
    return Settings(home=tmp_path / "two", redis_url=valkey.queue_url)


def test_what_cannot_be_read_keeps_no_server_from_starting(settings: Settings, connection: Redis) -> None:
    with Workspace.open_local(settings) as workspace:
        id_ = save(workspace.database)
    stream = ResultStream(connection)
    connection.xadd(STREAM, {FIELD: b"not JSON"})
    stream.append([scored(id_, "q0", 1.0)])
    connection.xadd(STREAM, {"else": "where"})
    stream.append([scored(id_, "q1", 1.0)])
    with Workspace.open(settings) as workspace:
        assert recorded_queries(workspace.database, id_) == {"bm25": {"q0", "q1"}}
        assert len(stream) == 0
        readiness = Monitor(workspace).readiness()
        assert readiness.ready
        assert readiness.warnings == (
            "2 results could not be read or recorded; `evaluator dead-letters list` says why",
        )
        assert len(dead_letters(workspace)) == 2
        assert drop_dead_letters(workspace) == 2
        assert Monitor(workspace).readiness().warnings == ()
    assert count_dead_letters(connection).total == 2


def test_a_stream_that_is_none_keeps_no_server_from_starting(settings: Settings, connection: Redis) -> None:
    connection.set(STREAM, "somebody's own")
    with Workspace.open(settings) as workspace:
        watching = Monitor(workspace)
        eventually(lambda: not watching.readiness().ready)
        connection.delete(STREAM)
        eventually(lambda: watching.readiness().ready)


def test_a_database_has_an_identity_that_stays(tmp_path: Path) -> None:
    first, second = Database(tmp_path / "first.duckdb"), Database(tmp_path / "second.duckdb")
    found = identity(first)
    assert len(found) == 36
    assert identity(second) != found
    first.close()
    second.close()
    again = Database(tmp_path / "first.duckdb")
    assert identity(again) == found
    again.close()


def test_a_second_instance_on_one_queue_is_refused_and_leaves_all_as_it_was(
    settings: Settings, other: Settings, connection: Redis
) -> None:
    with Workspace.open(settings) as first:
        id_ = save(first.database)
        ResultStream(connection).append([scored(id_, "q0", 1.0)])
        held = connection.get(CLAIM)
        for _ in range(3):
            with pytest.raises(
                InstanceRunningError, match=f"used by another instance: {settings.home_path} on "
            ):
                Workspace.open(other)
        with Workspace.open_local(other) as second:  # its database is free again
            with pytest.raises(InstanceRunningError):
                with_queue(second)
            assert identity(second.database) != identity(first.database)
        assert connection.get(CLAIM) == held
    assert connection.get(CLAIM) is None
    with Workspace.open_local(settings) as first:
        assert recorded_queries(first.database, id_) == {"bm25": {"q0"}}
    with Workspace.open(other) as second:
        assert second.connection.ping()


def test_an_instance_whose_queue_another_has_claimed_records_nothing_and_says_so(
    settings: Settings, other: Settings, connection: Redis
) -> None:
    with Workspace.open(settings) as first:
        assert first.claim is not None
        connection.flushall()  # by hand, say
        with Workspace.open(other) as second:
            id_ = save(second.database)
            first.claim._confirmed = 0.0  # its next renewal would be in seconds
            with pytest.raises(QueueUnavailableError):
                first.claim.confirm()
            readiness = Monitor(first).readiness()
            assert not readiness.ready
            assert f"used by another instance: {other.home_path}" in readiness.reasons[0]
            with pytest.raises(QueueUnavailableError):
                _ = first.connection
            ResultStream(connection).append([scored(id_, f"q{number}", 1.0) for number in range(3)])
            assert second.recorder is not None
            second.recorder.stop()
            assert recorded_queries(second.database, id_) == {"bm25": {"q0", "q1", "q2"}}


def test_dead_letters_can_be_seen_without_an_instance(settings: Settings, connection: Redis) -> None:
    connection.xadd(STREAM, {FIELD: b"not JSON"})
    Workspace.open(settings).close()
    with Workspace.open_local(settings) as workspace:
        assert [letter.content for letter in dead_letters(with_queue(workspace))] == ["not JSON"]
    assert connection.get(CLAIM) is None


@pytest.mark.parametrize("one_of", [planner, monitor, progress_reader])
def test_what_is_kept_for_a_workspace_goes_with_it(
    tmp_path: Path, one_of: Callable[[Workspace], object]
) -> None:
    """Before, each workspace that anybody had planned in was kept for ever: its planner knew it."""
    settings = Settings(home=tmp_path, redis_url=None)
    with Workspace.open_local(settings) as first:
        kept = one_of(first)
        assert one_of(first) is kept
    with Workspace.open_local(settings) as second:
        assert one_of(second) is not kept
    closed = weakref.ref(first)
    del first, kept
    gc.collect()
    assert closed() is None
