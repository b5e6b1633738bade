"""Give back at once the jobs of a dead worker, without waiting until its heartbeat is overdue."""

from __future__ import annotations

import logging
import socket

from redis import Redis
from rq import SimpleWorker
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from evaluator.jobs.queue import open_queue
from evaluator.jobs.stages import queue_of

logger = logging.getLogger(__name__)

EXPIRED = 1
"""A time long past (Unix): the next housekeeping finds the execution abandoned."""


def release_dead_worker(connection: Redis, pid: int) -> list[str]:
    """Declare the executions of a worker of this machine abandoned; returns the ids of their jobs.

    The next round of housekeeping (`evaluator.jobs.processes.worker.tidy`) tries them again, or fails them if it was
    their last attempt: a job that kills its worker every time ends there.
    """
    released = []
    for worker in SimpleWorker.all(connection=connection, serializer=JSONSerializer):
        if worker.pid != pid or worker.hostname != socket.gethostname():
            continue
        for execution in worker.get_current_executions(refresh=True):
            registry = StartedJobRegistry(queue=open_queue(connection, queue_of(execution.job_id)))
            connection.zadd(registry.key, {execution.composite_key: EXPIRED}, xx=True)
            released.append(execution.job_id)
        worker.register_death()
    if released:
        logger.warning("the worker with process id %d died; given back: %s", pid, ", ".join(released))
    return released
