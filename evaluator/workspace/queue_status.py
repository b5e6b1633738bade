"""The queue's state: workers and their jobs in words, jobs by state, unrecorded results."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import psutil
from rq import Queue, SimpleWorker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.registry import (
    BaseRegistry,
    DeferredJobRegistry,
    FailedJobRegistry,
    ScheduledJobRegistry,
    StartedJobRegistry,
)
from rq.serializers import JSONSerializer

from evaluator.domain.access import Action
from evaluator.domain.experiment import encoder_label
from evaluator.jobs.processes.orphan import SUPERVISOR_VARIABLE
from evaluator.jobs.processes.supervisor import WORKER
from evaluator.jobs.queue import QUEUES, open_queues
from evaluator.jobs.results.stream import ResultStream
from evaluator.jobs.stages import STAGES, task_name
from evaluator.settings import QueueName
from evaluator.store import experiments
from evaluator.workspace.acting import may
from evaluator.workspace.queue_connection import reachable
from evaluator.workspace.workspace import Workspace

SILENT_AFTER = 60.0
"""Seconds without a heartbeat after which a worker counts as gone; an idle one sends one every 5."""

ELSEWHERE = "a job of another project"

WorkerState = Literal["busy", "idle", "gone"]


@dataclass(frozen=True)
class WorkerStatus:
    """A worker process.

    Attributes:
        queues: those it takes jobs from.
        job: what it does now, in words; None while it does nothing.
        done, failed: jobs since it started.
        heartbeat_age: seconds since its last sign of life; None if it never gave one.
        memory: bytes resident; None where that cannot be seen (another machine, a worker that is gone).
    """

    name: str
    host: str
    pid: int
    state: WorkerState
    queues: tuple[QueueName, ...]
    job: str | None
    done: int
    failed: int
    heartbeat_age: float | None
    memory: int | None


@dataclass(frozen=True)
class QueueStatus:
    """The queue at one moment: its workers, its jobs by state, and unrecorded results."""

    workers: tuple[WorkerStatus, ...]
    waiting: Mapping[QueueName, int]
    started: int
    deferred: int
    scheduled: int
    failed: int
    unrecorded: int

    @property
    def queued(self) -> int:
        """Jobs that are ready, in all queues."""
        return sum(self.waiting.values())

    @property
    def unserved(self) -> tuple[QueueName, ...]:
        """Queues in which jobs wait though no worker takes them."""
        served = {name for worker in self.present for name in worker.queues}
        return tuple(name for name, number in self.waiting.items() if number and name not in served)

    @property
    def present(self) -> tuple[WorkerStatus, ...]:
        """The workers that are not gone."""
        return tuple(worker for worker in self.workers if worker.state != "gone")


def without_workers(workspace: Workspace) -> str | None:
    """The warning that this instance starts workers and none runs; None if one runs, or it starts none.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    settings = workspace.settings
    if not settings.workers or SUPERVISOR_VARIABLE not in os.environ:
        return None
    with reachable(workspace) as connection:
        if SimpleWorker.count(connection=connection):
            return None
    return (
        f"this instance starts {settings.workers} workers, and none runs yet; if that stays so, none can start, and "
        f"{settings.logs_path / f'{WORKER}1.log'} says why"
    )


def queue_status(workspace: Workspace) -> QueueStatus:
    """The queue now.

    Raises:
        QueueUnavailableError: it does not answer.
    """
    with reachable(workspace) as connection:
        queues = open_queues(connection)
        workers = SimpleWorker.all(connection=connection, serializer=JSONSerializer)
        rows = experiments.all_experiments(workspace.database)
        names = {row.id: row.name if may(Action.SEE, row.project) else None for row in rows}
        return QueueStatus(
            workers=tuple(sorted((_worker(w, names) for w in workers), key=lambda w: (w.host, w.pid))),
            waiting={
                name: queue.count + len(queue.intermediate_queue.get_job_ids())
                for name, queue in zip(QUEUES, queues, strict=True)
            },
            started=_count(StartedJobRegistry, queues),
            deferred=_count(DeferredJobRegistry, queues),
            scheduled=_count(ScheduledJobRegistry, queues),
            failed=_count(FailedJobRegistry, queues),
            unrecorded=len(ResultStream(connection)),
        )


def job_in_words(task: str, args: Sequence[Any], experiments: Mapping[str, str | None]) -> str:
    """What a job does, such as `encode documents, shard 4, with all-MiniLM-L6-v2`.

    Args:
        task: a function's name in `evaluator.jobs.tasks`.
        args: its arguments; the first is the experiment's id.
        experiments: names of experiments by id; None where nothing may be told of one.
    """
    if args and experiments.get(args[0], "") is None:
        return ELSEWHERE
    stage = STAGES.get(task)
    if stage is None or len(args) != len(stage.arguments):
        return f"{task} of {experiments.get(args[0], args[0])}"
    values = dict(zip(stage.arguments, args, strict=True))
    return stage.words.format_map(
        {name: _argument_in_words(name, value, experiments) for name, value in values.items()}
    )


def _argument_in_words(name: str, value: Any, experiments: Mapping[str, str | None]) -> str:
    match name:
        case "experiment":
            return experiments.get(value) or str(value)
        case "encoder":
            reference, _, precision = value.partition("|")
            # Without the organisation on the hub: the line is long enough.
            return encoder_label(reference.rsplit("/", 1)[-1], precision)
        case "role":
            return "queries" if value == "query" else "documents"
        case "number" | "shard":
            return str(value + 1)
        case "query_ids":
            return "1 query" if len(value) == 1 else f"{len(value)} queries"
    return str(value)


def _count(kind: type[BaseRegistry], queues: Iterable[Queue]) -> int:
    # Without RQ's cleanup, which moves abandoned jobs: only workers do that.
    return sum(int(kind(queue=queue).get_job_count(cleanup=False)) for queue in queues)


def _worker(worker: SimpleWorker, experiments: Mapping[str, str | None]) -> WorkerStatus:
    age = None
    if worker.last_heartbeat is not None:
        age = (datetime.now(UTC) - worker.last_heartbeat.replace(tzinfo=UTC)).total_seconds()
    state: WorkerState = "busy" if worker.get_state() == "busy" else "idle"
    if age is None or age > SILENT_AFTER:
        state = "gone"
    host, pid = worker.hostname or "unknown", worker.pid or 0
    return WorkerStatus(
        name=worker.name,
        host=host,
        pid=pid,
        state=state,
        queues=tuple(name for name, rq_name in QUEUES.items() if rq_name in worker.queue_names()),
        job=_current_job(worker, experiments) if state == "busy" else None,
        done=worker.successful_job_count,
        failed=worker.failed_job_count,
        heartbeat_age=age,
        memory=_memory(pid) if state != "gone" and host == socket.gethostname() else None,
    )


def _current_job(worker: SimpleWorker, experiments: Mapping[str, str | None]) -> str | None:
    id_ = worker.get_current_job_id()
    if id_ is None:
        return None
    try:
        job = Job.fetch(id_, connection=worker.connection, serializer=JSONSerializer)
    except NoSuchJobError:  # the job ended meanwhile
        return None
    return job_in_words(task_name(job), job.args, experiments)


def _memory(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None
