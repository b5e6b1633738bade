"""Instances: a supervised queue and workers, with or without the server."""

from __future__ import annotations

import json
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from evaluator.artifacts.store import ArtifactStore
from evaluator.errors import EvaluatorError, InstanceRunningError
from evaluator.home import make_home
from evaluator.jobs.connection import connect, require
from evaluator.jobs.processes.recovery import release_dead_worker
from evaluator.jobs.processes.supervisor import WORKER, Child, Supervisor
from evaluator.jobs.queue import forget_all
from evaluator.location import app_path
from evaluator.proxies import direct_client
from evaluator.settings import Settings

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from evaluator.experiments.lifecycle import Submitted
    from evaluator.workspace.workspace import Workspace

ENOUGH_FOR_ONE = 100
"""Queries that one worker evaluates before a second one has started."""


@dataclass(frozen=True)
class Headless:
    """A workspace with workers of its own; a small experiment needs no more than the first."""

    workspace: Workspace
    supervisor: Supervisor
    workers: int

    def start_workers(self, submitted: Submitted) -> None:
        """Start the other workers, if there is work for them."""
        encodes = submitted.planning or any(stage.to_encode for stage in submitted.encoding)
        if encodes or submitted.to_evaluate > ENOUGH_FOR_ONE:
            self.supervisor.add_workers(self.workers - 1)


@contextmanager
def headless(settings: Settings, workers: int) -> Iterator[Headless]:
    """Valkey and a first worker for one command; the caller's process owns the database.

    On the way out workers stop first, then what they handed over is recorded, then Valkey stops.

    Raises:
        InstanceRunningError, StoreLockedError: another process uses the home folder, or another instance the queue.
    """
    with Supervisor(settings, on_death=partial(_give_back, settings)) as supervisor:
        supervisor.lock_home()
        _clear_leftovers(settings)
        supervisor.add_valkey()
        _forget_old_jobs(settings)
        with _claimed(settings):
            supervisor.add_workers(1)
            # Imported while the worker starts.
            from evaluator.operations.keeper import Keeper  # noqa: PLC0415
            from evaluator.workspace.workspace import Workspace  # noqa: PLC0415

            with Workspace.open(settings) as workspace, Keeper(workspace):
                try:
                    yield Headless(workspace, supervisor, workers)
                finally:
                    supervisor.stop_clients()


@dataclass(frozen=True)
class Served:
    """An instance whose server answers at an address."""

    address: str
    supervisor: Supervisor


@contextmanager
def served(settings: Settings, workers: int) -> Iterator[Served]:
    """Valkey, workers and the server, supervised, once the server answers.

    Raises:
        InstanceRunningError: another process uses the home folder or the port, or another instance the queue.
        InvalidInputError: it would listen beyond this machine, and nobody said under which names.
        StoreUnavailableError: the database cannot be opened.
    """
    from evaluator.workspace.workspace import require_database  # noqa: PLC0415  DuckDB; commands of others do without

    _ = settings.trusted_hosts
    _require_free_port(settings)
    with Supervisor(settings, on_death=partial(_give_back, settings)) as supervisor:
        supervisor.lock_home()
        require_database(settings)
        _clear_leftovers(settings)
        supervisor.add_valkey()
        _forget_old_jobs(settings)
        with _claimed(settings):
            supervisor.add_workers(workers)
            supervisor.add(Child("server", _server_command(settings), _server_environment(settings, workers)))
            supervisor.announce(address(settings))
            _wait_for_server(settings, supervisor)
        yield Served(address(settings), supervisor)


@contextmanager
def workers_only(settings: Settings, count: int) -> Iterator[Supervisor]:
    """Workers for a queue that runs elsewhere.

    Raises:
        QueueUnavailableError: it does not answer.
    """
    require(settings)
    make_home(settings.home_path)
    _clear_leftovers(settings)
    with Supervisor(settings, on_death=partial(_give_back, settings)) as supervisor:
        supervisor.add_workers(count)
        yield supervisor


def _give_back(settings: Settings, child: str, pid: int) -> None:
    """Give a dead worker's job to another one at once. If that fails, its missing heartbeat does it in a minute."""
    if child.startswith(WORKER):
        try:
            release_dead_worker(connect(settings), pid)
        except RedisError as error:
            logger.warning("the job of %s is not given back yet: %s", child, error)


@contextmanager
def _claimed(settings: Settings) -> Iterator[None]:
    """Claim an external queue before the first worker takes a job from it; the workspace takes the claim over.

    An embedded queue is nobody else's: it belongs to the home folder, which is locked.
    """
    if settings.embedded_queue:
        yield
        return
    from evaluator.workspace.workspace import claim_queue  # noqa: PLC0415  DuckDB; not needed where it is embedded

    claim = claim_queue(settings)
    try:
        yield
    finally:
        claim.release()  # if no workspace took the claim over


def _clear_leftovers(settings: Settings) -> None:
    """Remove half-written files of killed writers."""
    ArtifactStore(settings.artifacts_url, settings.home_path / "cache").clear_temporary()


def _forget_old_jobs(settings: Settings) -> None:
    """Drop the jobs of an embedded queue: no earlier worker runs, and DuckDB says what is missing."""
    if settings.embedded_queue:
        forget_all(require(settings))


def address(settings: Settings) -> str:
    """The server's address, for people and for programs on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  what is bound to all
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _server_command(settings: Settings) -> list[str]:
    return [
        sys.executable, "-m", "streamlit", "run", str(app_path()),
        "--server.address", settings.host,
        "--server.port", str(settings.port),
        "--server.headless", "true",
        "--logger.hideWelcomeMessage", "true",
    ]  # fmt: skip


def _server_environment(settings: Settings, workers: int) -> dict[str, str]:
    environment = {"EVALUATOR_WORKERS": str(workers), "EVALUATOR_HOST": settings.host}
    if settings.allowed_hosts:
        environment["EVALUATOR_ALLOWED_HOSTS"] = json.dumps(settings.allowed_hosts)
    return environment


def _require_free_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "that is no host's name"
            raise InstanceRunningError(
                f"{settings.host}:{settings.port} cannot be listened on ({why}); choose another --host or --port"
            ) from error


def _wait_for_server(settings: Settings, supervisor: Supervisor) -> None:
    import httpx  # noqa: PLC0415  only where there is a server

    url = f"{address(settings)}/api/health/live"
    with direct_client(timeout=2) as client:  # whatever its host is called, it runs on this machine
        for _ in range(600):
            try:
                if client.get(url).is_success:
                    return
            except httpx.TransportError:
                pass
            if supervisor.deaths("server") >= 3:
                break
            supervisor.pause(0.1)
    raise EvaluatorError(f"the server does not start; see {supervisor.log_path('server')}")
