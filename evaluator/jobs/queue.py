"""The queue: one RQ queue with the JSON serializer, and jobs under deterministic ids."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

from redis import Redis
from rq import Callback, Queue, Retry
from rq.defaults import RQ_KEY_PREFIX
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

from evaluator.jobs.cancellation import mark_cancelled
from evaluator.jobs.fairness import take_turns
from evaluator.settings import Settings

QUEUE_NAME = "evaluator"
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

FINAL_STAGES = ("dispatch-", "evaluate-")
"""Beginnings of the ids of jobs that belong to one experiment alone; all others serve these."""

RETRIES = "evaluator:retries"
"""Counter in Redis: attempts that failed and were followed by another."""

CHANGES = threading.Lock()
"""Submitting and cancelling take turns: both look at the queue before they change it."""

TASKS = "evaluator.jobs.tasks"
"""Jobs are enqueued by dotted name, so that whoever enqueues never imports an encoder."""


def open_queue(connection: Redis) -> Queue:
    """The queue. With pickle, whoever reaches Redis could run code on every worker; hence JSON."""
    return Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)


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


def all_live_ids(queue: Queue) -> set[str]:
    """Every job that waits, runs, or is going to; in one look, so that none is missed that moves on meanwhile."""
    with queue.connection.pipeline(transaction=True) as pipeline:
        pipeline.lrange(queue.key, 0, -1)
        pipeline.lrange(queue.intermediate_queue_key, 0, -1)
        for registry in LIVE_REGISTRIES:
            pipeline.zrange(registry(queue=queue).key, 0, -1)
        return {parse_job_id(entry.decode()) for entries in pipeline.execute() for entry in entries}


def enqueue(queue: Queue, jobs: Iterable[Any]) -> list[str]:
    """Enqueue jobs that are not live already; returns the ids of those enqueued.

    A job is live if its record says so and it has its place in the queue or a registry: a record alone is what a
    process left that ended half-way. The record of an earlier job under the same id is dropped first; jobs that
    still wait for that id then wait for the new one.
    """
    described = {data.job_id: data for data in jobs}
    live = all_live_ids(queue)
    ids = list(described)
    with queue.connection.pipeline(transaction=False) as pipeline:
        for id_ in ids:
            pipeline.exists(Job.key_for(id_))
            pipeline.hget(Job.key_for(id_), "status")
            pipeline.smembers(Job.dependents_key_for(id_))
        answers = pipeline.execute()
    with queue.connection.pipeline(transaction=True) as pipeline:
        for id_, known, status, dependents in zip(
            ids, answers[::3], answers[1::3], answers[2::3], strict=True
        ):
            if id_ in live and status is not None and status.decode() in LIVE:
                del described[id_]
            elif known:
                _drop(pipeline, queue, id_)
                waiting = [dependent for dependent in dependents if dependent.decode() in live]
                if waiting:
                    pipeline.sadd(Job.dependents_key_for(id_), *waiting)
        pipeline.execute()
    if described:
        queue.enqueue_many(list(described.values()))
        take_turns(queue.connection, queue.key)
    return list(described)


def _drop(pipeline: Any, queue: Queue, id_: str) -> None:
    """Remove a job's record and its place in every registry.

    Not by `Job.delete`, which fails for a minute on a job whose worker died: it looks for the execution's record.
    """
    job = Job(id_, connection=queue.connection, serializer=JSONSerializer)
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


def cancel_experiment(queue: Queue, experiment: str) -> int:
    """Remove an experiment's waiting jobs and those that no other experiment needs; returns how many.

    Those that run are stopped by their workers within seconds.
    """
    with CHANGES:
        fetched = Job.fetch_many(all_live_ids(queue), connection=queue.connection, serializer=JSONSerializer)
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
        mark_cancelled(queue.connection, experiment, running)
        with queue.connection.pipeline(transaction=True) as pipeline:
            for id_ in cancelled:
                pipeline.lrem(queue.key, 1, id_)
                _drop(pipeline, queue, id_)
            pipeline.execute()
    return len(cancelled)
