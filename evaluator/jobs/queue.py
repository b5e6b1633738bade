"""The queue: two RQ queues with the JSON serializer, one for encoding and one for the rest; deterministic ids."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from redis import Redis
from rq import Callback, Queue, Retry
from rq.defaults import RQ_KEY_PREFIX
from rq.exceptions import DequeueTimeout
from rq.job import Dependency, Job, JobStatus, parse_job_id
from rq.registry import (
    DeferredJobRegistry,
    FailedJobRegistry,
    FinishedJobRegistry,
    ReadyJobRegistry,
    ScheduledJobRegistry,
    StartedJobRegistry,
)
from rq.results import Result
from rq.serializers import JSONSerializer

from evaluator.jobs.cancellation import forget_stop, mark_cancelled
from evaluator.jobs.fairness import take_turns
from evaluator.settings import QueueName, Settings

QUEUES: dict[QueueName, str] = {"encode": "evaluator-encode", "evaluate": "evaluator"}
"""RQ's names. What needs a model is apart, so that it can have workers of its own (ADR 0013)."""
ENCODING_STAGES = ("prepare-", "encode-", "measure-", "ask-")
"""Beginnings of the ids of jobs in the queue `encode`; all others are in `evaluate`."""
GLANCE = 0.05
"""Seconds that a worker of both queues waits at one before it looks at the other."""
RESULT_TTL = 3600
"""Seconds that a finished job's record is kept; its effect is an artifact or a row, not the record."""
FAILURE_TTL = 7 * 24 * 3600
"""Seconds that a failed job's record is kept."""

LIVE = (
    JobStatus.QUEUED, JobStatus.STARTED, JobStatus.DEFERRED, JobStatus.SCHEDULED, JobStatus.READY_TO_ENQUEUE,
)  # fmt: skip
"""States of a job that will still do its work."""
LIVE_REGISTRIES = (StartedJobRegistry, DeferredJobRegistry, ScheduledJobRegistry, ReadyJobRegistry)
"""Where such a job is when it is not in the queue."""

FINAL_STAGES = ("plan-", "dispatch-", "evaluate-", "measure-", "ask-")
"""Beginnings of the ids of jobs that belong to one experiment alone; all others serve these."""

RETRIES = "evaluator:retries"
"""Counter in Redis: attempts that failed and were followed by another."""

CHANGES = threading.Lock()
"""Submitting and cancelling take turns: both look at the queue before they change it."""

TASKS = "evaluator.jobs.tasks"
"""Jobs are enqueued by dotted name, so that whoever enqueues never imports an encoder."""


class CarefulQueue(Queue):  # type: ignore[misc]  # rq is untyped
    """An RQ queue whose workers lose no job that they die with, also when they serve several queues.

    RQ notes what a worker takes from its only queue until the job has begun. From several queues it takes jobs
    without a note: what a worker held that died just then would be gone.
    """

    @classmethod
    def dequeue_any(
        cls, queues: Iterable[Queue], timeout: float | None, connection: Redis, **options: Any
    ) -> tuple[Job, Queue] | None:
        """Take a job from the first queue that has one, with a note of it; wait for one for `timeout` seconds.

        Raises:
            DequeueTimeout: none came.
        """
        first, *others = queues
        if not others:
            return cls._take(first, timeout, connection, options)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            for queue in (first, *others):
                found = cls._take(queue, None, connection, options)
                if found is not None:
                    return found
            if deadline is None:
                return None
            if time.monotonic() >= deadline:
                raise DequeueTimeout(timeout, [queue.key for queue in (first, *others)])
            with suppress(DequeueTimeout):
                return cls._take(first, GLANCE, connection, options)

    @classmethod
    def _take(
        cls, queue: Queue, timeout: float | None, connection: Redis, options: dict[str, Any]
    ) -> tuple[Job, Queue] | None:
        found: tuple[Job, Queue] | None = super().dequeue_any([queue], timeout, connection, **options)
        return found


def open_queue(connection: Redis, name: QueueName = "evaluate") -> Queue:
    """A queue. With pickle, whoever reaches Redis could run code on every worker; hence JSON."""
    return CarefulQueue(QUEUES[name], connection=connection, serializer=JSONSerializer)


def open_queues(connection: Redis, names: Iterable[QueueName] = tuple(QUEUES)) -> list[Queue]:
    """Several queues, all by default."""
    return [open_queue(connection, name) for name in names]


def job_id(stage: str, *parts: str | int) -> str:
    """A deterministic id: the same work has the same id, so it is never queued twice."""
    return "-".join((stage, *map(str, parts)))


def job_data(
    settings: Settings,
    task: str,
    args: Sequence[Any],
    id_: str,
    *,
    after: Sequence[str] = (),
    at_front: bool = False,
) -> Any:
    """Describe a job for `Queue.enqueue_many`.

    Args:
        task: function in `evaluator.jobs.tasks`.
        args: ids and numbers, never data.
        after: ids of jobs that must have ended, well or badly; the task finds out which.
        at_front: before all that waits.
    """
    # RQ counts intervals from the end, so there must be one for each retry.
    retries = settings.attempts - 1
    intervals = ([*settings.retry_intervals] + [settings.retry_intervals[-1]] * retries)[:retries]
    return Queue.prepare_data(
        f"{TASKS}.{task}",
        args=tuple(args),
        job_id=id_,
        description=id_,
        timeout=settings.job_timeout,
        result_ttl=RESULT_TTL,
        failure_ttl=FAILURE_TTL,
        retry=Retry(max=retries, interval=intervals) if retries else None,
        on_failure=Callback(f"{TASKS}.on_failure"),
        depends_on=(
            Dependency(jobs=list(after), allow_failure=True, enqueue_at_front=at_front) if after else None
        ),
        at_front=at_front,
    )


def all_live_ids(connection: Redis) -> set[str]:
    """Every job that waits, runs, or is going to; in one look, so that none is missed that moves on meanwhile."""
    with connection.pipeline(transaction=True) as pipeline:
        for queue in open_queues(connection):
            pipeline.lrange(queue.key, 0, -1)
            pipeline.lrange(queue.intermediate_queue_key, 0, -1)
            for registry in LIVE_REGISTRIES:
                pipeline.zrange(registry(queue=queue).key, 0, -1)
        return {parse_job_id(entry.decode()) for entries in pipeline.execute() for entry in entries}


def experiments_with_jobs(connection: Redis) -> set[str]:
    """Parts of the ids of all live jobs: an experiment's id is among them if a job of its own waits or runs."""
    return {part for id_ in all_live_ids(connection) for part in id_.split("-")}


def is_active(connection: Redis, experiment: str) -> bool:
    """Whether jobs of an experiment wait or run."""
    return experiment in experiments_with_jobs(connection)


def queue_of(id_: str) -> QueueName:
    """The queue that a job belongs to, by its id."""
    return "encode" if id_.startswith(ENCODING_STAGES) else "evaluate"


def enqueue(connection: Redis, jobs: Iterable[Any]) -> list[str]:
    """Enqueue jobs that are not live already; returns the ids of those enqueued.

    A job is live if its record says so and it has its place in the queue or a registry: a record alone is what a
    process left that ended half-way. The record of an earlier job under the same id is dropped first; jobs that
    still wait for that id then wait for the new one.
    """
    described = {data.job_id: data for data in jobs}
    live = all_live_ids(connection)
    ids = list(described)
    with connection.pipeline(transaction=False) as pipeline:
        for id_ in ids:
            pipeline.exists(Job.key_for(id_))
            pipeline.hget(Job.key_for(id_), "status")
            pipeline.smembers(Job.dependents_key_for(id_))
        answers = pipeline.execute()
    with connection.pipeline(transaction=True) as pipeline:
        for id_, known, status, dependents in zip(
            ids, answers[::3], answers[1::3], answers[2::3], strict=True
        ):
            if id_ in live and status is not None and status.decode() in LIVE:
                del described[id_]
                forget_stop(pipeline, id_)  # somebody wants it, whoever cancelled what it was for
            elif known:
                _drop(pipeline, connection, id_)
                waiting = [dependent for dependent in dependents if dependent.decode() in live]
                if waiting:
                    pipeline.sadd(Job.dependents_key_for(id_), *waiting)
        pipeline.execute()
    for name in QUEUES:  # encoding first: evaluation's jobs wait for its jobs, which must be known by then
        if data := [data for id_, data in described.items() if queue_of(id_) == name]:
            queue = open_queue(connection, name)
            queue.enqueue_many(data)
            take_turns(connection, queue.key)
    return list(described)


def _drop(pipeline: Any, connection: Redis, id_: str) -> None:
    """Remove a job's record and its place in every registry.

    Not by `Job.delete`, which fails for a minute on a job whose worker died: it looks for the execution's record.
    """
    job = Job(id_, connection=connection, serializer=JSONSerializer)
    queue = open_queue(connection, queue_of(id_))
    for registry in (*LIVE_REGISTRIES, FinishedJobRegistry, FailedJobRegistry):
        pipeline.zrem(registry(queue=queue).key, id_)
    pipeline.delete(
        job.key, job.dependents_key, job.dependencies_key, job.execution_registry.key, Result.get_key(id_)
    )


def forget_all(connection: Redis) -> None:
    """Drop every job and all of RQ's records; results in the stream stay.

    Only for the owner of a queue without workers: what is missing is enqueued anew from DuckDB.
    """
    keys = list(connection.scan_iter(f"{RQ_KEY_PREFIX}:*", count=1000))
    for start in range(0, len(keys), 1000):
        connection.unlink(*keys[start : start + 1000])


def cancel_experiment(connection: Redis, experiment: str) -> int:
    """Remove an experiment's waiting jobs and those that no other experiment needs; returns how many.

    Those that run are stopped by their workers within seconds.
    """
    with CHANGES:
        fetched = Job.fetch_many(all_live_ids(connection), connection=connection, serializer=JSONSerializer)
        jobs = {job.id: job for job in fetched if job is not None}
        # Encoding and indexing may serve several experiments: what another one's dispatch waits for stays.
        needed: set[str] = set()
        others = [id_ for id_ in jobs if id_.startswith(FINAL_STAGES) and experiment not in id_.split("-")]
        while others:
            id_ = others.pop()
            if id_ in jobs and id_ not in needed:
                needed.add(id_)
                others.extend(jobs[id_]._dependency_ids)
        unneeded = {id_: job for id_, job in jobs.items() if id_ not in needed}
        running = {id_ for id_, job in unneeded.items() if job.get_status(refresh=False) == JobStatus.STARTED}
        cancelled = [id_ for id_ in unneeded if id_ not in running]
        mark_cancelled(connection, experiment, running)
        with connection.pipeline(transaction=True) as pipeline:
            for id_ in cancelled:
                pipeline.lrem(open_queue(connection, queue_of(id_)).key, 1, id_)
                _drop(pipeline, connection, id_)
            pipeline.execute()
    return len(cancelled)
