"""Monitoring: whether an instance is ready, and its metrics in Prometheus' text format."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from rq import SimpleWorker

from evaluator import __version__
from evaluator.domain.status import STATUSES
from evaluator.errors import QueueUnavailableError
from evaluator.experiments.progress import WINDOW
from evaluator.jobs.connection import connect
from evaluator.jobs.queue import RETRIES
from evaluator.jobs.results.dead_letters import DeadLetterCounts
from evaluator.jobs.results.stream import STREAM
from evaluator.operations.dead_letters import count_dead_letters, warning
from evaluator.store.file.database import require_writable
from evaluator.store.results import Totals, totals
from evaluator.workspace.memory import Kind
from evaluator.workspace.queue_connection import reachable
from evaluator.workspace.queue_status import QueueStatus, WorkerStatus, queue_status
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.workspace import Workspace

PATIENCE = 1.0
"""Seconds to wait for the queue; a probe needs an answer soon, even a negative one."""
RSS = "rss"
"""Field of a worker's record in Redis: bytes resident, at its last heartbeat."""
MOST_WORKERS = 200
"""Workers with metrics of their own in one scrape; further workers are only counted."""

JOB_STATES = ("queued", "started", "deferred", "scheduled", "failed")
WORKER_STATES = ("busy", "idle", "gone")

MONITOR = Kind("monitor", 1)


@dataclass(frozen=True)
class Readiness:
    """Whether an instance works now.

    Attributes:
        reasons: why not, for people; empty if it is ready.
        warnings: what is not as it should be, for people, though the instance does its work.
        workers: how many are known; None if that cannot be told. Without any, an instance is ready all the same.
    """

    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    workers: int | None

    @property
    def ready(self) -> bool:
        """Whether there is no reason against it."""
        return not self.reasons


class Monitor:
    """Looks at a workspace through a connection of its own: it gives up at once where work waits for the queue."""

    def __init__(self, workspace: Workspace) -> None:
        # Once more: the queue may have restarted since the last look.
        queue = connect(workspace.settings, timeout=PATIENCE, attempts=1)
        self._workspace = dataclasses.replace(workspace, queue=queue)

    def readiness(self) -> Readiness:
        """Whether the queue answers, the recorder works, and the database takes writes."""
        reasons: list[str] = []
        warnings: list[str] = []
        workers = None
        try:
            with reachable(self._workspace) as connection:
                workers = int(SimpleWorker.count(connection=connection))
            warnings += filter(None, [warning(count_dead_letters(self._workspace))])
        except QueueUnavailableError as error:
            reasons.append(str(error))
        recorder = self._workspace.recorder
        if recorder is not None and recorder.trouble:
            reasons.append(recorder.trouble)
        try:
            require_writable(self._workspace.database)
        except Exception as error:  # noqa: BLE001  whatever it is, it is the answer
            reasons.append(f"{self._workspace.database.path} cannot be written: {_first_line(error)}")
        return Readiness(tuple(map(without_paths, reasons)), tuple(warnings), workers)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """All metrics, and their content type.

        Args:
            accept: what the scraper accepts, as in the HTTP header.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Scrape(self._workspace))
        ProcessCollector(registry=registry)
        try:
            encode, content_type = choose_encoder(accept)
        except TypeError:  # it compares a version that is no number with one
            encode, content_type = choose_encoder("")
        return encode(registry), content_type


def monitor(workspace: Workspace) -> Monitor:
    """The only monitor of a workspace, so that its connection is kept."""
    return workspace.memory.get(MONITOR, None, lambda: Monitor(workspace))


class _Scrape(Collector):
    """Reads every value from the database and the queue at each scrape; keeps no counters of its own."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def collect(self) -> Iterator[Metric]:
        """All families; those whose source does not answer are missing."""
        yield _gauge(
            "evaluator_build_info", "Always 1; its label is the version.", {__version__: 1}, "version"
        )
        recorder = self._workspace.recorder
        trouble = recorder is not None and recorder.trouble is not None
        yield _gauge("evaluator_recorder_trouble", "1 while results are not being recorded.", trouble)
        try:
            recorded = totals(self._workspace.database, WINDOW)
        except Exception:  # noqa: BLE001  whatever it is, this is how it shows
            yield _gauge("evaluator_database_up", "1 if the database answers.", False)
            return  # what the queue's state says is told with the database's help
        yield _gauge("evaluator_database_up", "1 if the database answers.", True)
        yield from _recorded(recorded)
        try:
            families = list(self._queue())
        except QueueUnavailableError:
            families = [_gauge("evaluator_queue_up", "1 if the queue answers.", False)]
        yield from families

    def _queue(self) -> Iterator[Metric]:
        status = queue_status(self._workspace)
        with reachable(self._workspace) as connection, connection.pipeline(transaction=True) as pipeline:
            pipeline.get(RETRIES)
            pipeline.xrange(STREAM, count=1)
            pipeline.time()
            for worker in status.present[:MOST_WORKERS]:
                pipeline.hget(f"{SimpleWorker.redis_worker_namespace_prefix}{worker.name}", RSS)
            retries, oldest, now, *memory = pipeline.execute()
        yield _gauge("evaluator_queue_up", "1 if the queue answers.", True)
        yield from _jobs(status, int(retries or 0))
        yield _gauge("evaluator_stream_entries", "Results that wait to be recorded.", status.unrecorded)
        yield _gauge(
            "evaluator_recorder_lag_seconds",
            "Age of the oldest result that waits to be recorded; 0 if none does.",
            _age(oldest, now),
        )
        yield from _dead_letters(count_dead_letters(self._workspace))
        yield from _workers(status, memory)


def _recorded(recorded: Totals) -> Iterator[Metric]:
    yield _gauge(
        "evaluator_experiments",
        "Experiments by status.",
        {status: recorded.experiments.get(status, 0) for status in STATUSES},
        "status",
    )
    yield _gauge(
        "evaluator_queries_recorded",
        "Queries recorded, over all experiments and variants; failed ones leave when they are tried again.",
        {"completed": recorded.completed, "failed": recorded.failed},
        "outcome",
    )
    yield _gauge(
        "evaluator_queries_per_second",
        "Queries recorded a second, over the last half minute.",
        recorded.lately / WINDOW,
    )
    yield _gauge("evaluator_variants_failed", "Variants that failed as a whole.", recorded.broken_variants)


def _jobs(status: QueueStatus, retries: int) -> Iterator[Metric]:
    yield _gauge(
        "evaluator_jobs",
        "Jobs by state.",
        {state: getattr(status, state) for state in JOB_STATES},
        "state",
    )
    waiting = {str(queue): number for queue, number in status.waiting.items()}
    yield _gauge("evaluator_jobs_waiting", "Jobs that are ready, by queue.", waiting, "queue")
    yield CounterMetricFamily(
        "evaluator_job_retries", "Attempts that failed and were followed by another.", value=retries
    )


def _dead_letters(counts: DeadLetterCounts) -> Iterator[Metric]:
    yield _gauge(
        "evaluator_dead_letters_kept",
        "Results that could not be read or recorded, and are kept to be looked at.",
        counts.kept,
    )
    yield CounterMetricFamily(
        "evaluator_dead_letters", "Results that could not be read or recorded.", value=counts.total
    )


def _workers(status: QueueStatus, reported: Sequence[bytes | None]) -> Iterator[Metric]:
    states: list[str] = [worker.state for worker in status.workers]
    yield _gauge(
        "evaluator_workers",
        "Workers by state.",
        {state: states.count(state) for state in WORKER_STATES},
        "state",
    )
    present = status.present[:MOST_WORKERS]
    yield _gauge(
        "evaluator_worker_heartbeat_age_seconds",
        "Seconds since a worker's last sign of life.",
        {worker.name: worker.heartbeat_age for worker in present},
        "worker",
    )
    yield _gauge(
        "evaluator_worker_resident_memory_bytes",
        "Resident memory of a worker.",
        {worker.name: _memory(worker, rss) for worker, rss in zip(present, reported, strict=True)},
        "worker",
    )


def _memory(worker: WorkerStatus, reported: bytes | None) -> float | None:
    """Bytes: what it reported, else as seen from here, if it is on this machine."""
    return float(reported) if reported else worker.memory


def _age(oldest: Iterable[tuple[bytes, Any]], now: tuple[int, int]) -> float:
    """Seconds since the first entry was added, by the queue's own clock: an entry's id begins with milliseconds."""
    for id_, _fields in oldest:
        return max(0.0, now[0] + now[1] / 1e6 - int(id_.split(b"-")[0]) / 1e3)
    return 0.0


def _gauge(
    name: str, text: str, value: float | Mapping[str, float | None], label: str | None = None
) -> GaugeMetricFamily:
    """A family of one value, or of one by each value of a label; unknown values are left out."""
    if not isinstance(value, Mapping):
        return GaugeMetricFamily(name, text, value=float(value))
    family = GaugeMetricFamily(name, text, labels=[label or ""])
    for key, number in value.items():
        if number is not None:
            family.add_metric([key], float(number))
    return family


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
