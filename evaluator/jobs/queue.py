"""The queue: one RQ queue with the JSON serializer, and jobs under deterministic ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from redis import Redis
from rq import Callback, Queue, Retry
from rq.defaults import RQ_KEY_PREFIX
from rq.job import Dependency, Job, JobStatus
from rq.registry import DeferredJobRegistry, ScheduledJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from evaluator.settings import Settings

QUEUE_NAME = "evaluator"
RESULT_TTL = 3600
"""Seconds that a finished job's record is kept; its effect is an artifact or a row, not the record."""
FAILURE_TTL = 7 * 24 * 3600
"""Seconds that a failed job's record is kept."""

LIVE = (JobStatus.QUEUED, JobStatus.STARTED, JobStatus.DEFERRED, JobStatus.SCHEDULED)
"""States of a job that will still do its work."""

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
    """Every job that waits, runs, or is going to."""
    ids: set[str] = set(queue.get_job_ids())
    ids.update(queue.intermediate_queue.get_job_ids())
    for registry in (StartedJobRegistry, DeferredJobRegistry, ScheduledJobRegistry):
        ids.update(registry(queue=queue).get_job_ids(cleanup=False))
    return ids


def enqueue(queue: Queue, jobs: Iterable[Any]) -> list[str]:
    """Enqueue jobs that are not live already; returns the ids of those enqueued.

    The record of an earlier, ended job under the same id is dropped first, with its place in registries.
    """
    described = {data.job_id: data for data in jobs}
    if not described:
        return []
    for job in Job.fetch_many(list(described), connection=queue.connection, serializer=JSONSerializer):
        if job is None:
            continue
        if job.get_status(refresh=False) in LIVE:
            del described[job.id]
        else:
            job.delete(remove_from_queue=False)
    if described:
        queue.enqueue_many(list(described.values()))
    return list(described)


def forget_all(connection: Redis) -> None:
    """Drop every job and all of RQ's records; results in the stream stay.

    Only for the owner of a queue without workers: what is missing is enqueued anew from DuckDB.
    """
    keys = list(connection.scan_iter(f"{RQ_KEY_PREFIX}:*", count=1000))
    for start in range(0, len(keys), 1000):
        connection.unlink(*keys[start : start + 1000])


def cancel_experiment(queue: Queue, experiment: str) -> int:
    """Remove an experiment's waiting jobs; those that run end by themselves within seconds."""
    cancelled = 0
    for id_ in all_live_ids(queue):
        if experiment in id_.split("-"):
            job = queue.fetch_job(id_)
            if job is not None and job.get_status() != JobStatus.STARTED:
                job.delete()
                cancelled += 1
    return cancelled
