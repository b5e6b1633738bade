"""A worker that stays warm: RQ's SimpleWorker with heartbeats while a job runs, and housekeeping of the queue.

RQ's forking worker would load the model for every job; its SimpleWorker sends no heartbeat while one runs
(ADR 0003). Never imports DuckDB.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Sequence
from types import FrameType
from typing import Any

import psutil
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, FinishedJobRegistry, ReadyJobRegistry, StartedJobRegistry
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from rq.utils import now
from rq.worker_registration import clean_worker_registry

from evaluator import logs
from evaluator.errors import InvalidInputError, JobCancelled, QueueUnavailableError, WorkerStopping
from evaluator.home import keep_private
from evaluator.jobs import context
from evaluator.jobs.cancellation import take_stop
from evaluator.jobs.connection import ANSWER_TIMEOUT, require
from evaluator.jobs.fair_order import take_turns
from evaluator.jobs.processes.orphan import stop_without_supervisor
from evaluator.jobs.queue import QUEUES, CarefulQueue, open_queue, open_queues
from evaluator.jobs.stages import EVALUATIONS_PER_TURN, log_fields, parse_id, queue_of
from evaluator.settings import QueueName, Settings

logger = logging.getLogger(__name__)

HEARTBEAT_INTERVAL = 5.0
"""Seconds between heartbeats while a job runs."""
HEARTBEAT_TTL = 45
"""Seconds without a heartbeat after which a job counts as abandoned, and another worker tries it again."""
WORKER_TTL = 60
"""Seconds that RQ keeps a silent worker's record."""
DEQUEUE_TIMEOUT = 5
"""Seconds that an idle worker waits in Redis for a job before it sends a heartbeat and waits again. Less than
`evaluator.jobs.connection.ANSWER_TIMEOUT`, so that a waiting connection is not taken for a dead one."""
TAKEN_TOO_LONG = 5.0
"""Seconds that a living worker takes at most from taking a job to beginning it."""
FINISH_WITHIN = 3.0
"""Seconds that the running job has left when its worker is told to stop; then it goes back to the queue. The supervisor
kills a worker that takes longer than `evaluator.jobs.processes.supervisor.GRACE`."""
TICK = 1.0
"""Seconds between rounds of housekeeping."""
ROUND_TTL = 5
"""Seconds that a worker which ends in the middle of a round keeps others from housekeeping."""


class WarmWorker(SimpleWorker):  # type: ignore[misc]  # rq is untyped
    """Works in its own process and thread, so that encoders and indexes stay loaded between jobs."""

    log_result_lifespan = False
    max_connection_wait_time = 5.0  # seconds between attempts to reach a queue that is away

    queue_class = CarefulQueue

    def __init__(
        self, connection: Redis, name: str | None = None, queues: Sequence[QueueName] = tuple(QUEUES)
    ) -> None:
        super().__init__(
            open_queues(connection, queues),
            name=name or f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}",
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL,
            maintenance_interval=15,
            log_job_description=False,
        )
        self._running: tuple[Job, Execution] | None = None
        self._background = threading.Thread(target=self._watch, name="heartbeat", daemon=True)
        self._ended = threading.Event()
        self._to_stop: str | None = None
        self._stop_requested_at: float | None = None
        self._ending = False
        self._evaluations_in_a_row = 0
        self._take_first_from("evaluate")

    @property
    def dequeue_timeout(self) -> int:
        """Seconds that one wait for a job takes; RQ's own 45 are longer than a dead connection may go unnoticed."""
        return DEQUEUE_TIMEOUT

    @property
    def connection_timeout(self) -> float:
        """Seconds until Redis must answer; RQ lengthens what is shorter."""
        return ANSWER_TIMEOUT

    def reorder_queues(self, reference_queue: Queue) -> None:
        """Choose which queue the next job comes from; the last one came from `reference_queue`.

        People wait for finished queries, so evaluation comes first; encoding has its turn after every
        `EVALUATIONS_PER_TURN` evaluations. With 10 jobs to evaluate and 2 to encode, a worker runs 8 evaluations,
        1 encoding, 2 evaluations, 1 encoding.
        """
        encoded = reference_queue.name == QUEUES["encode"]
        self._evaluations_in_a_row = 0 if encoded else self._evaluations_in_a_row + 1
        self._take_first_from("encode" if self._evaluations_in_a_row >= EVALUATIONS_PER_TURN else "evaluate")

    def _take_first_from(self, first: QueueName) -> None:
        self._ordered_queues = sorted(self.queues, key=lambda queue: queue.name != QUEUES[first])

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """Seconds until the next heartbeat is overdue."""
        return HEARTBEAT_TTL

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = True) -> None:
        """Begin a job, and remove the note that it was taken, which RQ keeps if a worker serves several queues."""
        super().prepare_job_execution(job, remove_from_intermediate_queue=True)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job in this process, with heartbeats from the background thread."""
        execution = self.prepare_execution(job)
        self._running = (job, execution)
        try:
            with logs.bound(log_fields(job)):
                self.perform_job(job, queue, execution)
        finally:
            self._running = None
        parsed = parse_id(job.id)
        if parsed is not None and parsed.stage.frees_many:  # RQ has put them behind all others, as a block
            take_turns(self.connection, open_queue(self.connection).key)
        self.set_state("idle")

    def clean_registries(self) -> None:
        """Leave RQ's own housekeeping to `tidy`: if two tried an abandoned job again, it would run twice."""
        self.last_cleaned_at = now()

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Work until told to stop."""
        signal.signal(signal.SIGUSR1, self._interrupt)
        self._background.start()
        try:
            return bool(super().work(*args, **kwargs))
        finally:
            self._ended.set()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """End soon: take no other job, and give the running one back."""
        # First of all: what RQ raises here may come while Python drops exceptions, in a finalizer.
        self._stop_requested, self._stop_requested_at = True, time.monotonic()
        super().request_stop(signum, frame)

    @property
    def _overdue(self) -> bool:
        """Whether the worker should have ended by now."""
        requested_at = self._stop_requested_at
        return (
            requested_at is not None and not self._ending and time.monotonic() - requested_at > FINISH_WITHIN
        )

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """Interrupt the main thread; the background thread sends this signal."""
        running = self._running
        if running is not None and running[0].id == self._to_stop:
            raise JobCancelled(f"the job {self._to_stop} was cancelled")
        if self._overdue:
            if running is None:
                raise StopRequested
            raise WorkerStopping(f"the worker of the job {running[0].id} is told to end")

    def _finalize_failure(self, job: Job, queue: Queue, execution: Execution, exc_info: Any) -> None:
        """Finish a failed job as RQ does; if the worker is ending, put the job back to the front of the queue."""
        if not issubclass(exc_info[0], WorkerStopping):
            super()._finalize_failure(job, queue, execution, exc_info)
            return
        self._ending = True
        if job.get_status(refresh=True) != JobStatus.STARTED:
            return  # it has just been done
        with self.connection.pipeline(transaction=True) as pipeline:
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            queue._enqueue_job(job, pipeline=pipeline, at_front=True)
            pipeline.execute()
        logger.warning("the worker ends; given back: %s", job.id)

    def teardown(self) -> None:
        """Sign off; nothing interrupts that."""
        self._ending = True
        super().teardown()

    def _watch(self) -> None:
        """Heartbeats and housekeeping, until the worker ends."""
        since_heartbeat = 0.0
        scheduler = RQScheduler(
            [*QUEUES.values()],
            connection=self.connection,
            logging_level=logging.WARNING,
            serializer=JSONSerializer,
            name=f"scheduler-{self.name}",
        )
        taken_since: dict[str, float] = {}
        while not self._ended.wait(TICK):
            since_heartbeat += TICK
            running = self._running
            if self._overdue:
                os.kill(os.getpid(), signal.SIGUSR1)
            try:
                if running is not None and since_heartbeat >= HEARTBEAT_INTERVAL:
                    self.connection.hset(self.key, "rss", psutil.Process().memory_info().rss)
                    self.maintain_heartbeats(*running)
                    since_heartbeat = 0.0
                if running is not None and take_stop(self.connection, running[0].id):
                    self._to_stop = running[0].id
                    os.kill(os.getpid(), signal.SIGUSR1)
                tidy(scheduler, taken_since)
            except RedisError as error:
                logger.warning("no heartbeat: %s", error)
            except Exception:  # without heartbeats, the job that runs would count as abandoned
                logger.exception("housekeeping failed; trying again")


def tidy(scheduler: RQScheduler, taken_since: dict[str, float]) -> None:
    """One round of housekeeping, by one worker at a time.

    Enqueues retries that are due, tries abandoned jobs again, puts back jobs that a worker took but never began, puts
    waiting jobs in order where that was put off when they were added, and drops old records.

    Args:
        taken_since: jobs seen between queue and worker, and since when; kept from round to round.
    """
    acquired = scheduler.acquire_locks()
    if not acquired:
        return
    # RQ holds its locks for a minute beyond the round: long enough to leave a dead worker's job waiting.
    for name in acquired:
        scheduler.connection.expire(RQScheduler.get_locking_key(name), ROUND_TTL)
    try:
        scheduler.enqueue_scheduled_jobs()
        for queue in open_queues(scheduler.connection):
            if queue.name not in acquired:
                continue
            # The timer, not SIGALRM: this runs beside the main thread.
            StartedJobRegistry(queue=queue, death_penalty_class=TimerDeathPenalty).cleanup()
            for registry in (FinishedJobRegistry, FailedJobRegistry, ReadyJobRegistry):
                registry(queue=queue).cleanup()
            clean_worker_registry(queue)
            put_back(queue, taken_since)
            take_turns(scheduler.connection, queue.key, added=False)
    finally:
        scheduler.release_locks()


def put_back(queue: Queue, taken_since: dict[str, float]) -> None:
    """Put jobs back at the front of the queue whose worker took them seconds ago and died before it began them.

    Notes of jobs that have begun since, or that are gone, are dropped.
    """
    waiting = set(queue.intermediate_queue.get_job_ids()) - set(
        queue.started_job_registry.get_job_ids(cleanup=False)
    )
    now = time.monotonic()
    for id_ in [id_ for id_ in taken_since if QUEUES[queue_of(id_)] == queue.name and id_ not in waiting]:
        del taken_since[id_]
    for id_ in waiting:
        if now - taken_since.setdefault(id_, now) > TAKEN_TOO_LONG:
            with queue.connection.pipeline(transaction=True) as pipeline:
                pipeline.lrem(queue.intermediate_queue_key, 1, id_)
                if queue.connection.hget(Job.key_for(id_), "status") == JobStatus.QUEUED.value.encode():
                    pipeline.lpush(queue.key, id_)
                pipeline.execute()
            del taken_since[id_]


def wait_for_queue(settings: Settings) -> Redis:
    """A connection to the queue; waits until the queue answers."""
    pause = 0.2
    while True:
        try:
            return require(settings)
        except QueueUnavailableError as error:
            logger.warning("%s; trying again in %.1f s", error, pause)
            time.sleep(pause)
            pause = min(pause * 2, WarmWorker.max_connection_wait_time)


def main() -> int:
    """Entry point of a worker process: `python -m evaluator.jobs.processes.worker`."""
    try:
        settings = Settings.read()
    except InvalidInputError as error:
        raise SystemExit(f"error: {error}") from None
    keep_private(settings)
    logs.configure(settings, "json")
    stop_without_supervisor()
    context.enter(context.WorkerContext.open(settings))
    worker = WarmWorker(wait_for_queue(settings), queues=settings.queues)
    logs.bind(worker=worker.name)
    worker.work(logging_level="WARNING")
    return 0


if __name__ == "__main__":
    exit_status = main()
    logging.shutdown()
    # Not `sys.exit`: Python would collect all objects of PyTorch and the like, which takes more than a second of a
    # core, and on a busy machine more than the supervisor waits. Nothing is left to do.
    os._exit(exit_status)
