"""The worker: heartbeats, retries, and what becomes of jobs whose worker died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis
from rq import Queue
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.registry import ScheduledJobRegistry, StartedJobRegistry
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from evaluator.domain.result import QueryResult, VariantFailure
from evaluator.errors import WorkerStopping
from evaluator.jobs.processes import worker as worker_module
from evaluator.jobs.processes.recovery import release_dead_worker
from evaluator.jobs.processes.worker import WarmWorker, put_back, tidy
from evaluator.jobs.queue import enqueue, job_data
from evaluator.jobs.results.stream import ResultStream
from evaluator.settings import Settings
from tests.conftest import ROOT
from tests.unit.jobs.conftest import run_all, run_next

pytestmark = pytest.mark.usefixtures("toys")

TWICE = Settings(attempts=2, retry_intervals=(5,))
ONCE = Settings(attempts=1)


@pytest.fixture
def scheduler(connection: Redis) -> RQScheduler:
    return RQScheduler(["evaluator"], connection=connection, serializer=JSONSerializer, name="scheduler-test")


def recorded(connection: Redis) -> list[object]:
    stream = ResultStream(connection)
    stream.open()
    return [record for _, record in stream.read(100, wait=0)]


def take(worker: WarmWorker) -> tuple[Job, Queue, Execution]:
    """Begin a job, as a worker does before it calls the task."""
    found = Queue.dequeue_any(worker.queues, None, connection=worker.connection, serializer=JSONSerializer)
    assert found is not None
    execution = worker.prepare_execution(found[0])
    worker.prepare_job_execution(found[0], remove_from_intermediate_queue=True)
    return *found, execution


def let_heartbeats_lapse(queue: Queue) -> None:
    registry = StartedJobRegistry(queue=queue)
    for entry in queue.connection.zrange(registry.key, 0, -1):
        queue.connection.zadd(registry.key, {entry: time.time() - 1})


def let_pauses_end(queue: Queue) -> None:
    registry = ScheduledJobRegistry(queue=queue)
    for id_ in registry.get_job_ids():
        queue.connection.zadd(registry.key, {id_: time.time() - 1})


def state(queue: Queue, id_: str) -> JobStatus:
    job = queue.fetch_job(id_)
    assert job is not None
    return job.get_status()


def test_a_failed_job_is_tried_again_after_its_pause(
    queue: Queue, worker: WarmWorker, scheduler: RQScheduler
) -> None:
    enqueue(queue.connection, [job_data(TWICE, "evaluate", ("e", "bm25", ["q1"]), "evaluate-e-0-x")])
    assert run_all(worker) == ["evaluate-e-0-x"]
    assert state(queue, "evaluate-e-0-x") == JobStatus.SCHEDULED
    tidy(scheduler, {})
    assert run_all(worker) == []  # five seconds are not over
    assert recorded(queue.connection) == []
    let_pauses_end(queue)
    tidy(scheduler, {})
    assert run_all(worker) == ["evaluate-e-0-x"]
    assert state(queue, "evaluate-e-0-x") == JobStatus.FAILED
    error = "RuntimeError: bm25 of e cannot be evaluated"
    assert recorded(queue.connection) == [QueryResult("e", "bm25", "q1", error=error)]


def test_an_error_that_is_permanent_is_not_tried_again(queue: Queue, worker: WarmWorker) -> None:
    enqueue(queue.connection, [job_data(TWICE, "fail_for_ever", (), "fail-1")])
    run_all(worker)
    assert state(queue, "fail-1") == JobStatus.FAILED


def test_a_dispatch_that_fails_is_the_variants_failure(queue: Queue, worker: WarmWorker) -> None:
    enqueue(queue.connection, [job_data(ONCE, "dispatch", ("e", "bm25", 8), "dispatch-e-0")])
    run_all(worker)
    error = "RuntimeError: bm25 of e cannot be handed out in batches of 8"
    assert recorded(queue.connection) == [VariantFailure("e", "bm25", error)]


def test_a_job_without_heartbeats_is_tried_again(
    queue: Queue, worker: WarmWorker, scheduler: RQScheduler
) -> None:
    enqueue(queue.connection, [job_data(TWICE, "say_hello", (), "hello-1")])
    take(worker)  # and dies
    tidy(scheduler, {})
    assert state(queue, "hello-1") == JobStatus.STARTED
    let_heartbeats_lapse(queue)
    tidy(scheduler, {})
    let_pauses_end(queue)
    tidy(scheduler, {})
    assert run_all(worker) == ["hello-1"]
    assert state(queue, "hello-1") == JobStatus.FINISHED


def test_an_abandoned_job_is_tried_again_once_though_a_worker_starts_meanwhile(
    queue: Queue, worker: WarmWorker, scheduler: RQScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RQ lets each worker that starts look for abandoned jobs."""
    at_once = Settings(attempts=3, retry_intervals=(0,))
    enqueue(queue.connection, [job_data(at_once, "say_hello", (), "hello-1")])
    take(worker)  # and dies
    let_heartbeats_lapse(queue)
    retry = Job.retry

    def start_another_then_retry(job: Job, *args: Any) -> None:
        monkeypatch.setattr(Job, "retry", retry)
        WarmWorker(queue.connection).run_maintenance_tasks()
        retry(job, *args)

    monkeypatch.setattr(Job, "retry", start_another_then_retry)
    tidy(scheduler, {})
    assert run_all(worker) == ["hello-1"]


def test_a_job_whose_last_worker_died_is_recorded_as_failed(
    queue: Queue, worker: WarmWorker, scheduler: RQScheduler
) -> None:
    enqueue(queue.connection, [job_data(ONCE, "evaluate", ("e", "bm25", ["q1", "q2"]), "evaluate-e-0-x")])
    take(worker)
    let_heartbeats_lapse(queue)
    # Housekeeping is done beside the main thread, where no alarm signal may be set.
    thread = threading.Thread(target=tidy, args=(scheduler, {}))
    thread.start()
    thread.join()
    errors = {
        record.query_id: record.error
        for record in recorded(queue.connection)
        if isinstance(record, QueryResult)
    }
    assert errors == dict.fromkeys(
        ("q1", "q2"), "the worker died, or was cut off from the queue, at every attempt"
    )
    assert state(queue, "evaluate-e-0-x") == JobStatus.FAILED


def test_housekeeping_is_done_by_one_at_a_time(
    queue: Queue, connection: Redis, worker: WarmWorker, scheduler: RQScheduler
) -> None:
    enqueue(queue.connection, [job_data(ONCE, "say_hello", (), "hello-1")])
    take(worker)
    let_heartbeats_lapse(queue)
    connection.set(RQScheduler.get_locking_key("evaluator"), "scheduler-of-another-worker")
    tidy(scheduler, {})
    assert state(queue, "hello-1") == JobStatus.STARTED
    connection.delete(RQScheduler.get_locking_key("evaluator"))
    tidy(scheduler, {})
    assert state(queue, "hello-1") == JobStatus.FAILED
    assert connection.exists(RQScheduler.get_locking_key("evaluator")) == 0


def test_housekeeping_keeps_one_connection(connection: Redis, scheduler: RQScheduler) -> None:
    tidy(scheduler, {})
    received = connection.info("stats")["total_connections_received"]
    for _ in range(5):
        tidy(scheduler, {})
    assert connection.info("stats")["total_connections_received"] == received


def test_a_job_that_a_worker_took_and_never_began_goes_back(queue: Queue, worker: WarmWorker) -> None:
    """The worker was stopped between taking the job and noting that it runs; no attempt was made."""
    enqueue(queue.connection, [job_data(ONCE, "say_hello", (), "hello-1")])
    Queue.dequeue_any([queue], None, connection=queue.connection, serializer=JSONSerializer)
    put_back(queue, {"hello-1": 0.0})
    assert queue.get_job_ids() == ["hello-1"]
    assert queue.intermediate_queue.get_job_ids() == []
    assert run_all(worker) == ["hello-1"]
    assert state(queue, "hello-1") == JobStatus.FINISHED


def test_a_stale_note_that_a_job_was_taken_starts_nothing(queue: Queue, worker: WarmWorker) -> None:
    enqueue(queue.connection, [job_data(TWICE, "say_hello", (), "hello-1")])
    run_all(worker)
    queue.connection.rpush(queue.intermediate_queue_key, "hello-1")
    put_back(queue, {"hello-1": 0.0})
    assert state(queue, "hello-1") == JobStatus.FINISHED
    assert (queue.get_job_ids(), queue.intermediate_queue.get_job_ids()) == ([], [])


def test_a_heartbeat_that_comes_late_brings_no_job_back(queue: Queue, worker: WarmWorker) -> None:
    enqueue(queue.connection, [job_data(ONCE, "say_hello", (), "hello-1")])
    job, _, execution = take(worker)
    worker.perform_job(job, queue, execution)
    job.delete()
    worker.maintain_heartbeats(job, execution)
    assert not Job.exists("hello-1", queue.connection)
    assert len(StartedJobRegistry(queue=queue)) == 0


def test_a_heartbeat_puts_off_the_time_a_job_counts_as_abandoned(queue: Queue, worker: WarmWorker) -> None:
    enqueue(queue.connection, [job_data(ONCE, "say_hello", (), "hello-1")])
    job, _, execution = take(worker)
    let_heartbeats_lapse(queue)
    worker.maintain_heartbeats(job, execution)
    expiry = queue.connection.zscore(StartedJobRegistry(queue=queue).key, execution.composite_key)
    assert expiry == pytest.approx(time.time() + worker_module.HEARTBEAT_TTL, abs=2)


def test_the_background_survives_what_it_meets(worker: WarmWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without heartbeats every job of this worker would be done twice."""
    rounds = threading.Semaphore(0)

    def trip(_scheduler: Any, _taken: Any) -> None:
        rounds.release()
        raise ValueError("a record that nobody can read")

    monkeypatch.setattr(worker_module, "TICK", 0.001)
    monkeypatch.setattr(worker_module, "tidy", trip)
    background = threading.Thread(target=worker._watch)
    background.start()
    try:
        assert all(rounds.acquire(timeout=10) for _ in range(3))
    finally:
        worker._ended.set()
        background.join()


def test_a_worker_runs_one_job_after_another(queue: Queue, worker: WarmWorker) -> None:
    enqueue(queue.connection, [job_data(ONCE, "say_hello", (name,), f"hello-{name}") for name in "ab"])
    assert run_next(worker) == "hello-a"
    assert worker.get_state() == "idle"
    assert run_next(worker) == "hello-b"
    assert run_next(worker) is None


def test_a_job_that_was_taken_but_never_begun_is_put_back(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(queue.connection, [job_data(ONCE, "say_hello", ("a",), "hello-a")])
    taken: dict[str, float] = {}
    queue.connection.lmove(queue.key, queue.intermediate_queue_key)  # and there its worker died
    put_back(queue, taken)
    assert (queue.get_job_ids(), list(taken)) == ([], ["hello-a"])
    monkeypatch.setattr(worker_module, "TAKEN_TOO_LONG", 0.0)
    put_back(queue, taken)
    assert (queue.get_job_ids(), taken) == (["hello-a"], {})


def test_the_job_of_a_dead_process_is_given_back_at_once(queue: Queue, worker: WarmWorker) -> None:
    enqueue(queue.connection, [job_data(ONCE, "say_hello", ("a",), "hello-a")])
    worker.register_birth()
    take(worker)
    assert release_dead_worker(queue.connection, -1) == []
    assert release_dead_worker(queue.connection, os.getpid()) == ["hello-a"]
    assert StartedJobRegistry(queue=queue).get_expired_job_ids() == ["hello-a"]


WORK = """
import sys
from evaluator.jobs.processes import worker as worker_module
from evaluator.jobs.connection import require
from evaluator.settings import Settings
worker_module.TICK, worker_module.FINISH_WITHIN = 0.02, float(sys.argv[2])
worker_module.WarmWorker(require(Settings(home=sys.argv[1], redis_url=None))).work()
"""


@contextmanager
def working(settings: Settings, finish_within: float) -> Iterator[subprocess.Popen[str]]:
    """A running process."""
    command = [sys.executable, "-c", WORK, str(settings.home_path), str(finish_within)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(queue: Queue, id_: str, wanted: JobStatus) -> None:
    deadline = time.monotonic() + 60
    while state(queue, id_) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_worker_that_is_told_to_end_gives_back_what_takes_long(
    queue: Queue, worker: WarmWorker, valkey: Settings
) -> None:
    """As it was: at the front, and no attempt is counted."""
    enqueue(
        queue.connection, [job_data(TWICE, "hang", (), "hang-a"), job_data(ONCE, "say_hello", (), "hello-b")]
    )
    with working(valkey, finish_within=0.1) as process:
        wait_until(queue, "hang-a", JobStatus.STARTED)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "the worker ends; given back: hang-a" in said
    assert queue.get_job_ids() == ["hang-a", "hello-b"]
    assert StartedJobRegistry(queue=queue).get_job_count(cleanup=False) == 0
    given_back = queue.fetch_job("hang-a")
    assert given_back is not None
    assert (given_back.get_status(), given_back.retries_left, given_back.exc_info) == (
        JobStatus.QUEUED,
        1,
        None,
    )
    assert recorded(queue.connection) == []
    found, _, _ = take(worker)  # and another one can have it
    assert found.id == "hang-a"


def test_a_worker_that_waits_ends_though_the_first_word_was_lost(queue: Queue, valkey: Settings) -> None:
    """Python drops what a signal's handler raises within a finalizer; the background says it again."""
    enqueue(queue.connection, [job_data(ONCE, "say_hello", (), "hello-a")])
    lost = WORK.replace(".work()", "").replace(
        "worker_module.WarmWorker(", "worker = worker_module.WarmWorker("
    )
    lost += "worker._shutdown = lambda: None\nworker.work()\n"
    command = [sys.executable, "-c", lost, str(valkey.home_path), "0.1"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_until(queue, "hello-a", JobStatus.FINISHED)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()


def test_a_job_that_has_just_been_done_is_not_given_back(queue: Queue, worker: WarmWorker) -> None:
    enqueue(queue.connection, [job_data(ONCE, "say_hello", (), "hello-a")])
    job, _, execution = take(worker)
    worker._finalize_success(job, queue, execution, "hello you")
    ending = WorkerStopping("the worker is told to end")
    worker._finalize_failure(job, queue, execution, (WorkerStopping, ending, None))
    assert state(queue, "hello-a") == JobStatus.FINISHED
    assert queue.get_job_ids() == []
