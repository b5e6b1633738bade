from __future__ import annotations

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from evaluator.jobs import queue as job_queue
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.jobs.queue import open_queue


@pytest.fixture
def queue(connection: Redis) -> Queue:
    return open_queue(connection)


@pytest.fixture
def worker(connection: Redis) -> WarmWorker:
    """A worker that is told what to do next; nothing runs in its background."""
    return WarmWorker(connection)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are those of `tests.unit.jobs.toys`."""
    monkeypatch.setattr(job_queue, "TASKS", "tests.unit.jobs.toys")


def run_next(worker: WarmWorker) -> str | None:
    """Let a worker do one job; returns its id, or None if none waits."""
    found = worker.queue_class.dequeue_any(
        worker._ordered_queues, None, connection=worker.connection, serializer=JSONSerializer
    )
    if found is None:
        return None
    worker.reorder_queues(found[1])
    worker.execute_job(*found)
    return str(found[0].id)


def run_all(worker: WarmWorker) -> list[str]:
    """Let a worker do all that waits; returns the ids in order."""
    ids = []
    while (id_ := run_next(worker)) is not None:
        ids.append(id_)
    return ids
