"""The queue: each piece of work once, whatever became of the last attempt."""

from __future__ import annotations

import json
import pickletools
import zlib
from collections.abc import Sequence
from typing import Any, cast

import pytest
from redis import Redis
from rq import Queue
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.registry import DeferredJobRegistry, ScheduledJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from evaluator.domain.result import QueryResult
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.jobs.queue import CarefulQueue, all_live_ids, cancel_experiment, enqueue, forget_all, job_data
from evaluator.jobs.results.stream import ResultStream
from evaluator.settings import Settings
from tests.unit.jobs.conftest import run_all, run_next

pytestmark = pytest.mark.usefixtures("toys")

SETTINGS = Settings(attempts=1)


def toy(task: str, id_: str, *args: Any, after: Sequence[str] = (), at_front: bool = False) -> Any:
    return job_data(SETTINGS, task, args, id_, after=after, at_front=at_front)


def fetch(queue: Queue, id_: str) -> Job:
    job = queue.fetch_job(id_)
    assert job is not None
    return job


def state(queue: Queue, id_: str) -> JobStatus:
    return fetch(queue, id_).get_status()


def test_the_same_job_is_enqueued_once(queue: Queue, worker: WarmWorker) -> None:
    assert enqueue(queue.connection, [toy("say_hello", "hello-1"), toy("say_hello", "hello-2")]) == [
        "hello-1",
        "hello-2",
    ]
    assert enqueue(queue.connection, [toy("say_hello", "hello-2"), toy("say_hello", "hello-3")]) == [
        "hello-3"
    ]
    assert run_all(worker) == ["hello-1", "hello-2", "hello-3"]


def test_nothing_to_enqueue(queue: Queue) -> None:
    assert enqueue(queue.connection, []) == []


@pytest.mark.parametrize(("task", "end"), [("say_hello", JobStatus.FINISHED), ("fail", JobStatus.FAILED)])
def test_an_ended_job_is_enqueued_again(queue: Queue, worker: WarmWorker, task: str, end: JobStatus) -> None:
    enqueue(queue.connection, [toy(task, "toy-1")])
    run_all(worker)
    assert state(queue, "toy-1") == end
    assert enqueue(queue.connection, [toy("say_hello", "toy-1", "again")]) == ["toy-1"]
    assert run_all(worker) == ["toy-1"]
    assert fetch(queue, "toy-1").return_value() == "hello again"
    assert queue.failed_job_registry.get_job_ids() == []


def test_jobs_at_the_front_are_done_first_the_last_of_them_before_all(
    queue: Queue, worker: WarmWorker
) -> None:
    enqueue(queue.connection, [toy("say_hello", "slow-1")])
    enqueue(queue.connection, [toy("say_hello", f"quick-{n}", at_front=True) for n in (1, 2)])
    assert run_all(worker) == ["quick-2", "quick-1", "slow-1"]


def test_a_dependent_job_goes_to_the_front_when_its_turn_comes(queue: Queue, worker: WarmWorker) -> None:
    jobs = [toy("say_hello", f"shard-{n}") for n in (1, 2, 3)]
    enqueue(
        queue.connection,
        [*jobs, toy("tell_dependencies", "index-1", after=["shard-1", "shard-2"], at_front=True)],
    )
    assert run_all(worker) == ["shard-1", "shard-2", "index-1", "shard-3"]


def test_a_job_learns_that_one_it_waited_for_failed(queue: Queue, worker: WarmWorker) -> None:
    enqueue(
        queue.connection,
        [
            toy("fail", "shard-1"),
            toy("say_hello", "shard-2"),
            toy("tell_dependencies", "index-1", after=["shard-1", "shard-2"]),
        ],
    )
    run_all(worker)
    assert sorted(fetch(queue, "index-1").return_value()) == ["failed", "finished"]


def test_who_waits_for_a_failed_job_waits_for_its_successor(queue: Queue, worker: WarmWorker) -> None:
    """Two experiments share an encoder: one shard failed, others run, the second experiment arrives."""
    index = toy("tell_dependencies", "index-1", after=["shard-1", "shard-2"])
    enqueue(queue.connection, [toy("fail", "shard-1"), toy("say_hello", "shard-2"), index])
    assert run_next(worker) == "shard-1"
    assert enqueue(queue.connection, [toy("say_hello", "shard-1"), index]) == ["shard-1"]
    assert run_all(worker) == ["shard-2", "shard-1", "index-1"]
    assert fetch(queue, "index-1").return_value() == ["finished", "finished"]


@pytest.mark.parametrize("status", [JobStatus.DEFERRED, JobStatus.SCHEDULED, JobStatus.QUEUED])
def test_a_record_that_has_no_place_in_the_queue_is_not_alive(
    queue: Queue, worker: WarmWorker, status: JobStatus
) -> None:
    """It is what a process left that was killed while it enqueued."""
    queue.create_job("tests.unit.jobs.toys.say_hello", job_id="hello-1", status=status).save()
    assert enqueue(queue.connection, [toy("say_hello", "hello-1")]) == ["hello-1"]
    assert run_all(worker) == ["hello-1"]


def test_half_a_record_is_no_obstacle(connection: Redis, queue: Queue, worker: WarmWorker) -> None:
    connection.hset(Job.key_for("hello-1"), "meta", "{}")
    assert enqueue(queue.connection, [toy("say_hello", "hello-1")]) == ["hello-1"]
    assert run_all(worker) == ["hello-1"]


def test_a_job_whose_worker_has_just_died_can_be_enqueued_again(
    connection: Redis, queue: Queue, worker: WarmWorker
) -> None:
    """For a minute RQ still lists an execution whose record is gone."""
    enqueue(queue.connection, [toy("say_hello", "hello-1")])
    job = fetch(queue, "hello-1")
    with connection.pipeline() as pipeline:
        execution = Execution.create(job, ttl=45, pipeline=pipeline)
        pipeline.execute()
    connection.delete(execution.key, queue.key, StartedJobRegistry(queue=queue).key)
    job.set_status(JobStatus.FAILED)
    assert enqueue(queue.connection, [toy("say_hello", "hello-1")]) == ["hello-1"]
    assert run_all(worker) == ["hello-1"]


def test_live_jobs_are_those_that_wait_run_or_are_going_to(queue: Queue, worker: WarmWorker) -> None:
    enqueue(
        queue.connection,
        [
            toy("say_hello", "done-1"),
            toy("say_hello", "taken-1"),
            toy("say_hello", "queued-1"),
            toy("say_hello", "deferred-1", after=["queued-1"]),
        ],
    )
    run_next(worker)
    Queue.dequeue_any([queue], None, connection=queue.connection, serializer=JSONSerializer)
    started = queue.create_job("tests.unit.jobs.toys.say_hello", job_id="started-1", status=JobStatus.STARTED)
    started.save()
    worker.prepare_execution(started)
    scheduled = queue.create_job("tests.unit.jobs.toys.say_hello", job_id="scheduled-1")
    ScheduledJobRegistry(queue=queue).add(scheduled, 100)
    assert all_live_ids(queue.connection) == {"taken-1", "queued-1", "deferred-1", "started-1", "scheduled-1"}


def test_forgetting_leaves_the_results(connection: Redis, queue: Queue, worker: WarmWorker) -> None:
    enqueue(queue.connection, [toy("say_hello", "hello-1"), toy("say_hello", "hello-2", after=["hello-1"])])
    run_next(worker)
    ResultStream(connection).append([QueryResult("e", "v", "q")])
    forget_all(connection)
    assert connection.keys("*") == [b"evaluator:results"]
    assert enqueue(queue.connection, [toy("say_hello", "hello-1")]) == ["hello-1"]


def test_cancelling_removes_the_waiting_jobs_of_one_experiment(queue: Queue, worker: WarmWorker) -> None:
    enqueue(
        queue.connection,
        [
            toy("say_hello", "evaluate-aa-0-b1"),
            toy("say_hello", "evaluate-bb-0-b1"),
            toy("say_hello", "dispatch-aa-1", after=["evaluate-bb-0-b1"]),
            toy("say_hello", "evaluate-aa-0-b2"),
        ],
    )
    assert cancel_experiment(queue.connection, "aa") == 3
    assert run_all(worker) == ["evaluate-bb-0-b1"]
    assert DeferredJobRegistry(queue=queue).get_job_ids() == []
    assert enqueue(queue.connection, [toy("say_hello", "evaluate-aa-0-b1")]) == ["evaluate-aa-0-b1"]


def test_cancelling_leaves_what_another_experiment_needs(queue: Queue, worker: WarmWorker) -> None:
    enqueue(
        queue.connection,
        [
            toy("say_hello", "encode-minilm-1"),
            toy("say_hello", "encode-e5-1"),
            toy("say_hello", "index-minilm", after=["encode-minilm-1"]),
            toy("say_hello", "index-e5", after=["encode-e5-1"]),
            toy("say_hello", "dispatch-aa-0", after=["index-minilm"]),
            toy("say_hello", "dispatch-aa-1", after=["index-e5"]),
            toy("say_hello", "dispatch-bb-0", after=["index-minilm"]),
        ],
    )
    assert cancel_experiment(queue.connection, "aa") == 4
    assert run_all(worker) == ["encode-minilm-1", "index-minilm", "dispatch-bb-0"]


def test_cancelling_leaves_what_runs(queue: Queue, worker: WarmWorker) -> None:
    enqueue(queue.connection, [toy("say_hello", "evaluate-aa-0-b1")])
    found = Queue.dequeue_any([queue], None, connection=queue.connection, serializer=JSONSerializer)
    assert found is not None
    execution = worker.prepare_execution(found[0])
    worker.prepare_job_execution(found[0], remove_from_intermediate_queue=True)
    assert cancel_experiment(queue.connection, "aa") == 0
    worker.perform_job(*found, execution)
    assert state(queue, "evaluate-aa-0-b1") == JobStatus.FINISHED


@pytest.mark.parametrize(
    ("attempts", "intervals", "expected"),
    [(1, (1, 5), None), (2, (1, 5), [1]), (4, (1, 5), [1, 5, 5]), (3, (7,), [7, 7])],
)
def test_each_attempt_has_its_pause(
    queue: Queue, attempts: int, intervals: tuple[int, ...], expected: list[int] | None
) -> None:
    settings = Settings(attempts=attempts, retry_intervals=intervals)
    enqueue(queue.connection, [job_data(settings, "say_hello", (), "hello-1")])
    job = fetch(queue, "hello-1")
    pauses = []
    while job.should_retry:
        pauses.append(job.get_retry_interval())
        job.retries_left -= 1
    assert pauses == (expected or [])


def test_nothing_in_redis_is_a_pickle(connection: Redis, queue: Queue, worker: WarmWorker) -> None:
    enqueue(queue.connection, [toy("say_hello", "hello-1", "you"), toy("fail", "fail-1")])
    data = connection.hget(Job.key_for("hello-1"), "data")
    assert isinstance(data, bytes)
    assert json.loads(zlib.decompress(data)) == ["tests.unit.jobs.toys.say_hello", None, ["you"], {}]
    run_all(worker)
    for key in connection.keys("rq:job:*"):
        for value in cast("dict[bytes, bytes]", connection.hgetall(key)).values():
            for part in (value, _decompressed(value)):
                assert not _is_pickle(part)


def _decompressed(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


def _is_pickle(value: bytes) -> bool:
    try:
        return value.startswith(b"\x80") and bool(list(pickletools.genops(value)))
    except ValueError:
        return False


def test_a_job_that_a_killed_submission_left_deferred_for_nothing_runs_when_it_is_submitted_again(
    queue: Queue, worker: WarmWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(queue.connection, [toy("say_hello", "index-1")])
    run_all(worker)

    def die(_queue: Queue, _job: Job) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(CarefulQueue, "enqueue_if_met", die)
        enqueue(queue.connection, [toy("say_hello", "search-1", after=["index-1"])])
    assert state(queue, "search-1") == JobStatus.DEFERRED
    assert enqueue(queue.connection, [toy("say_hello", "search-1", after=["index-1"])]) == []
    assert run_all(worker) == ["search-1"]


def test_a_job_whose_dependency_ends_while_it_is_enqueued_is_enqueued_once(
    queue: Queue, worker: WarmWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RQ's own `enqueue_many` and the worker that ended the dependency both put it into the queue."""
    enqueue(queue.connection, [toy("say_hello", "index-1")])
    register = Job.register_dependency

    def register_then_end(job: Job, *args: Any, **kwargs: Any) -> None:
        register(job, *args, **kwargs)
        run_next(worker)

    monkeypatch.setattr(Job, "register_dependency", register_then_end)
    enqueue(queue.connection, [toy("say_hello", "search-1", after=["index-1"])])
    assert queue.connection.lrange(queue.key, 0, -1) == [b"search-1"]
    assert run_all(worker) == ["search-1"]
