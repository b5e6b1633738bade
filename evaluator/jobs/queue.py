"""The queue: two RQ queues with the JSON serializer, one for encoding and one for the rest; deterministic ids."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError
from rq import Callback, Queue, Retry
from rq.defaults import RQ_KEY_PREFIX
from rq.exceptions import DequeueTimeout
from rq.job import Dependency, Job, JobStatus, parse_job_id
from rq.queue import EnqueueData
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
from evaluator.jobs.fair_order import note_owners, remove_waiting, take_turns
from evaluator.jobs.stages import JobId, parse_id, queue_of
from evaluator.settings import QueueName, Settings

QUEUES: dict[QueueName, str] = {"encode": "evaluator-encode", "evaluate": "evaluator"}
"""RQ's names of the queues. Jobs that need a model have a queue, so that it can have workers of its own (ADR 0013)."""
GLANCE = 0.05
"""Seconds that a worker of both queues waits for a job of one before it looks at the other."""
RESULT_TTL = 3600
"""Seconds that a finished job's record is kept; its effect is an artifact or a row, not the record."""
FAILURE_TTL = 7 * 24 * 3600
"""Seconds that a failed job's record is kept."""

LIVE = (
    JobStatus.QUEUED,
    JobStatus.STARTED,
    JobStatus.DEFERRED,
    JobStatus.SCHEDULED,
    JobStatus.READY_TO_ENQUEUE,
)
"""States of a job that will run, or runs."""
LIVE_REGISTRIES = (StartedJobRegistry, DeferredJobRegistry, ScheduledJobRegistry, ReadyJobRegistry)
"""Where a live job is when it is not in the queue."""

DROPPED_AT_ONCE = 1000
"""Jobs that are removed at once: other changes of the queue wait while that runs (about 0.1 s)."""

RETRIES = "evaluator:retries"
"""Counter in Redis: attempts that failed and were followed by another."""

CHANGES = threading.Lock()
"""Submitting and cancelling take turns: both read the queue before they change it."""
YIELD = 0.03
"""Seconds between two lots of jobs: a lock that is taken again at once keeps all others out. Longer than
`evaluator.jobs.planning.POLL`."""

TASKS = "evaluator.jobs.tasks"
"""Jobs are enqueued by dotted name, so that whoever enqueues never imports an encoder."""


class CarefulQueue(Queue):  # type: ignore[misc]  # rq is untyped
    """An RQ queue that loses no job if a worker dies between taking and beginning it, and that holds each job once.

    A worker of one queue moves what it takes to that queue's intermediate list until the job begins. From several
    queues RQ takes jobs without that note; this class takes from one queue after the other, with the note.
    """

    def enqueue_once(self, described: Sequence[EnqueueData]) -> None:
        """Enqueue jobs; those that wait for others are deferred until the others have ended.

        RQ's `enqueue_many` also puts a job into the queue if the last job that it waits for ends meanwhile, as does the
        worker of that job: the job would run twice.
        """
        self.enqueue_many([data for data in described if not data.depends_on])
        jobs: list[Job] = []
        with self.connection.pipeline() as pipeline:
            for data in described:
                if data.depends_on:  # it says, too, whether the job goes to the front
                    fields = {name: value for name, value in data._asdict().items() if name != "at_front"}
                    jobs.append(self.create_job(**fields, status=JobStatus.DEFERRED))
                    jobs[-1].save(pipeline=pipeline)
            pipeline.execute()
        for job in jobs:
            job.register_dependency()
            self.enqueue_if_met(job)

    def enqueue_if_met(self, job: Job) -> None:
        """Enqueue a deferred job if all that it waits for has ended, unless a worker does.

        A worker that ends a job watches who waits for that job, and changes the record of whoever need not wait any
        more; this watches the record, and changes who waits. So one of the two starts over, and finds it done.
        """
        with self.connection.pipeline() as pipeline:
            while True:
                with suppress(WatchError):
                    pipeline.watch(job.key)
                    deferred = job.get_status() == JobStatus.DEFERRED
                    if not deferred or not job.dependencies_are_met(pipeline=pipeline):
                        return
                    pipeline.multi()
                    for dependency in job._dependency_ids:
                        pipeline.srem(Job.dependents_key_for(dependency), job.id)
                    self._enqueue_job(job, pipeline=pipeline, at_front=job.should_enqueue_at_front())
                    pipeline.execute()
                    return

    @classmethod
    def dequeue_any(
        cls, queues: Iterable[Queue], timeout: float | None, connection: Redis, **options: Any
    ) -> tuple[Job, Queue] | None:
        """Take a job from the first queue that has one, and wait for one for at most `timeout` seconds.

        Redis waits at one list only. So a worker of `evaluate` and `encode` looks at `evaluate`, then at `encode`,
        waits `GLANCE` seconds at `evaluate`, and begins again.

        Args:
            timeout: seconds; None to look once, and to return None if no job waits.

        Raises:
            DequeueTimeout: no job came.
        """
        queues = list(queues)
        if len(queues) == 1:
            return cls._take(queues[0], timeout, connection, options)
        deadline = time.monotonic() + (timeout or 0.0)
        while True:
            for queue in queues:
                if (taken := cls._take(queue, None, connection, options)) is not None:
                    return taken
            if timeout is None:
                return None
            if time.monotonic() >= deadline:
                raise DequeueTimeout(timeout, [queue.key for queue in queues])
            with suppress(DequeueTimeout):
                return cls._take(queues[0], GLANCE, connection, options)

    @classmethod
    def _take(
        cls, queue: Queue, timeout: float | None, connection: Redis, options: dict[str, Any]
    ) -> tuple[Job, Queue] | None:
        """Take a job from one queue, with RQ's note of it."""
        taken: tuple[Job, Queue] | None = super().dequeue_any([queue], timeout, connection, **options)
        return taken


def open_queue(connection: Redis, name: QueueName = "evaluate") -> Queue:
    """A queue. With pickle, whoever reaches Redis could run code on every worker; hence JSON."""
    return CarefulQueue(QUEUES[name], connection=connection, serializer=JSONSerializer)


def open_queues(connection: Redis, names: Iterable[QueueName] = tuple(QUEUES)) -> list[Queue]:
    """Several queues, all by default."""
    return [open_queue(connection, name) for name in names]


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
    """Every job that waits, runs, or will; read at once, so that no job is missed that moves meanwhile."""
    with connection.pipeline(transaction=True) as pipeline:
        for queue in open_queues(connection):
            pipeline.lrange(queue.key, 0, -1)
            pipeline.lrange(queue.intermediate_queue_key, 0, -1)
            for registry in LIVE_REGISTRIES:
                pipeline.zrange(registry(queue=queue).key, 0, -1)
        return {parse_job_id(entry.decode()) for entries in pipeline.execute() for entry in entries}


def experiments_with_jobs(connection: Redis) -> set[str]:
    """Experiments of which a job of their own waits or runs, by their ids."""
    parsed = filter(None, map(parse_id, all_live_ids(connection)))
    return {job.experiment for job in parsed if job.experiment is not None}


def is_active(connection: Redis, experiment: str) -> bool:
    """Whether jobs of an experiment wait or run."""
    return experiment in experiments_with_jobs(connection)


def enqueue(connection: Redis, jobs: Iterable[Any]) -> list[str]:
    """Enqueue jobs that are not live already; returns the ids of those enqueued.

    A job is live if its record says so, and a queue or registry lists it: a process that ended half-way may have left
    the record alone. It may also have left a job deferred that waits for nothing any more; such a job is enqueued now.
    The record of an earlier job with the same id is dropped first; jobs that still wait for that id then wait for the
    new job.
    """
    described = {data.job_id: data for data in jobs}
    ids = list(described)
    with connection.pipeline(transaction=False) as pipeline:
        for id_ in ids:
            pipeline.exists(Job.key_for(id_))
            pipeline.hget(Job.key_for(id_), "status")
            pipeline.smembers(Job.dependents_key_for(id_))
        answers = pipeline.execute()
    records = list(zip(ids, answers[::3], answers[1::3], answers[2::3], strict=True))
    # The whole queue is read only where a record says that it is in there: most jobs are new.
    live = all_live_ids(connection) if any(exists for _, exists, _, _ in records) else set()
    deferred: list[str] = []
    with connection.pipeline(transaction=True) as pipeline:
        for id_, exists, status, dependents in records:
            if id_ in live and status is not None and status.decode() in LIVE:
                del described[id_]
                if status.decode() == JobStatus.DEFERRED:
                    deferred.append(id_)
                # This submission wants the job, even if another experiment with it was cancelled.
                forget_stop(pipeline, id_)
            elif exists:
                _drop(pipeline, connection, [id_])
                waiting = [dependent for dependent in dependents if dependent.decode() in live]
                if waiting:
                    pipeline.sadd(Job.dependents_key_for(id_), *waiting)
        pipeline.execute()
    note_owners(connection, described.values())
    for name in QUEUES:  # encoding first: evaluation's jobs wait for its jobs, which must be known by then
        if data := [data for id_, data in described.items() if queue_of(id_) == name]:
            queue = open_queue(connection, name)
            queue.enqueue_once(data)
            take_turns(connection, queue.key)
    for job in filter(None, Job.fetch_many(deferred, connection, JSONSerializer)):
        open_queue(connection, queue_of(job.id)).enqueue_if_met(job)
    return list(described)


def _drop(pipeline: Pipeline, connection: Redis, ids: Sequence[str]) -> None:
    """Remove jobs' records and their places in every registry.

    Not by `Job.delete`, which fails for a minute on a job whose worker died: it looks for the execution's record.
    """
    for name in QUEUES:
        if here := [id_ for id_ in ids if queue_of(id_) == name]:
            queue = open_queue(connection, name)
            for registry in (*LIVE_REGISTRIES, FinishedJobRegistry, FailedJobRegistry):
                pipeline.zrem(registry(queue=queue).key, *here)
    jobs = (Job(id_, connection=connection, serializer=JSONSerializer) for id_ in ids)
    keys = (
        (
            job.key,
            job.dependents_key,
            job.dependencies_key,
            job.execution_registry.key,
            Result.get_key(job.id),
        )
        for job in jobs
    )
    pipeline.delete(*itertools.chain.from_iterable(keys))


def forget_all(connection: Redis) -> None:
    """Drop every job and all of RQ's records; results in the stream stay.

    Only for the owner of a queue without workers: what DuckDB lacks is enqueued again.
    """
    keys = list(connection.scan_iter(f"{RQ_KEY_PREFIX}:*", count=1000))
    for start in range(0, len(keys), 1000):
        connection.unlink(*keys[start : start + 1000])


def cancel_experiment(connection: Redis, experiment: str, is_over: Callable[[], bool] = lambda: True) -> int:
    """Remove an experiment's waiting jobs and those that no other experiment needs; returns how many.

    Workers stop the running ones within seconds.

    Args:
        is_over: whether nobody has started the experiment again; called before each part of the jobs is removed, while
            nobody enqueues anything. If somebody has, the other jobs stay.
    """
    # First the experiment's own jobs, which are most. Jobs that it may share with others come last, all at once.
    parsed = _parsed(all_live_ids(connection))
    own = sorted(id_ for id_, job in parsed.items() if job.belongs_to(experiment))
    cancelled = 0
    for start in range(0, len(own), DROPPED_AT_ONCE):
        with CHANGES:
            if not is_over():
                return cancelled
            cancelled += _cancel(connection, experiment, own[start : start + DROPPED_AT_ONCE])
        if len(own) > DROPPED_AT_ONCE:
            time.sleep(YIELD)
    with CHANGES:
        if is_over():
            cancelled += _cancel(connection, experiment, _unneeded(connection, experiment))
    return cancelled


def _parsed(ids: Iterable[str]) -> dict[str, JobId]:
    """What these ids say, without those of an unknown stage."""
    parsed = {id_: parse_id(id_) for id_ in ids}
    return {id_: job for id_, job in parsed.items() if job is not None}


def _unneeded(connection: Redis, experiment: str) -> set[str]:
    """Live jobs that no other experiment needs: none of its final jobs waits for them."""
    live = all_live_ids(connection)
    parsed = _parsed(live)
    waiting = [id_ for id_ in live if id_ not in parsed or parsed[id_].stage.waits]
    with connection.pipeline(transaction=False) as pipeline:
        for id_ in waiting:
            pipeline.hget(Job.key_for(id_), "dependency_ids")
        answers = pipeline.execute()
    after = {id_: json.loads(answer) for id_, answer in zip(waiting, answers, strict=True) if answer}
    needed: set[str] = set()
    others = [id_ for id_, job in parsed.items() if job.stage.final and not job.belongs_to(experiment)]
    while others:
        id_ = others.pop()
        if id_ in live and id_ not in needed:
            needed.add(id_)
            others.extend(after.get(id_, ()))
    return live - needed


def _cancel(connection: Redis, experiment: str, ids: Iterable[str]) -> int:
    """Remove waiting jobs, and have the workers of running ones stop them; returns how many were removed."""
    ordered_ids = sorted(ids)
    with connection.pipeline(transaction=False) as pipeline:
        for id_ in ordered_ids:
            pipeline.hget(Job.key_for(id_), "status")
        statuses = pipeline.execute()
    running = [
        id_
        for id_, status in zip(ordered_ids, statuses, strict=True)
        if status is not None and status.decode() == JobStatus.STARTED
    ]
    mark_cancelled(connection, experiment, running)
    waiting = sorted(set(ordered_ids) - set(running))
    for name in QUEUES if waiting else ():
        remove_waiting(connection, open_queue(connection, name).key, waiting)
    if waiting:
        with connection.pipeline(transaction=True) as pipeline:
            _drop(pipeline, connection, waiting)
            pipeline.execute()
    return len(waiting)
