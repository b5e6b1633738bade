"""The supervisor: starts Valkey, workers and server as processes, restarts what dies, stops all cleanly."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from evaluator.errors import InstanceRunningError, StoreUnavailableError, WorkersFailedError
from evaluator.home import make_home
from evaluator.jobs.processes import valkey
from evaluator.jobs.processes.orphan import SUPERVISOR_VARIABLE
from evaluator.settings import Settings

logger = logging.getLogger(__name__)

GRACE = 10.0
"""Seconds a child has to end after SIGTERM; then it is killed."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 15.0
"""Seconds before a dead child is started again; doubled while it keeps dying at once."""
HEALTHY_AFTER = 20.0
"""Seconds after which a child's earlier deaths are forgotten."""
FAILED_STARTS = 5
"""Number of failures soon after a start, one after the other, that show that a worker cannot start."""
POLL = 0.1
"""Seconds between looks at the children."""
LOG_TAIL = 65_536
"""Bytes at the end of a log in which the reason of a failure is searched."""
VALKEY = "valkey"
WORKER = "worker-"
"""Beginning of the workers' names; a number follows."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass
class Child:
    """A process to keep running."""

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    deaths: int = 0
    failed_starts: int = 0
    log_from: int = 0

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Keeps children running from `start` (or entering it as a context) to `stop`.

    Args:
        on_death: called with a child's name and process id when it dies unasked.
    """

    def __init__(self, settings: Settings, *, on_death: Callable[[str, int], None] | None = None) -> None:
        self._settings = settings
        self._children: list[Child] = []
        self._on_death = on_death
        self._stopping = threading.Event()
        self._monitor = threading.Thread(target=self._keep_alive, name="supervisor", daemon=True)
        self._lock: IO[str] | None = None

    def __enter__(self) -> Supervisor:
        self._monitor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def children(self) -> tuple[Child, ...]:
        """The children, in the order they were added."""
        return tuple(self._children)

    def lock_home(self) -> None:
        """Make this the only supervisor that starts services on this home folder.

        Raises:
            InstanceRunningError: another one is; names it and says what to do.
            StoreUnavailableError: this user may not write the home folder, or the lock's place is taken.
        """
        make_home(self._settings.home_path)
        path = lock_path(self._settings)
        lock = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = path.read_text(encoding="utf-8").partition("\n")[0] or "unknown"
            lock.close()
            raise InstanceRunningError(
                f"{self._settings.home_path} is in use by process {holder}; use its web page, stop it, "
                "or set EVALUATOR_HOME to another folder"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def announce(self, address: str) -> None:
        """Tell other processes of this machine where the server answers: in the lock's file, as its second line."""
        if self._lock is not None:
            self._lock.write(f"\n{address}")
            self._lock.flush()

    def add_valkey(self) -> None:
        """Start the embedded Valkey and wait until it answers; does nothing if `REDIS_URL` names another."""
        if not self._settings.embedded_queue:
            return
        valkey.stop_orphan(self._settings)
        self.add(Child(VALKEY, valkey.valkey_command(self._settings)))
        valkey.wait_until_ready(self._settings)

    def add_workers(self, count: int) -> None:
        """Start workers besides those there are, each with the configured number of threads and its queues.

        Raises:
            InvalidInputError: one would serve no queue.
        """
        first = 1 + sum(child.name.startswith(WORKER) for child in self._children)
        threads = str(self._settings.threads_per_worker)
        environment = {**dict.fromkeys(THREAD_VARIABLES, threads), "TOKENIZERS_PARALLELISM": "false"}
        for number in range(first, first + count):
            queues = {"EVALUATOR_QUEUES": json.dumps(self._settings.queues_of(number))}
            self.add(
                Child(
                    f"{WORKER}{number}",
                    [sys.executable, "-m", "evaluator.jobs.processes.worker"],
                    {**environment, **queues},
                )
            )

    def add(self, child: Child) -> None:
        """Start a child and keep it running."""
        self._spawn(child)
        self._children.append(child)

    def stop_clients(self) -> None:
        """Stop everything but Valkey; nobody waits longer than the grace period."""
        self._stopping.set()
        if self._monitor.is_alive() and threading.current_thread() is not self._monitor:
            self._monitor.join()
        _stop([child for child in self._children if child.name != VALKEY])

    def stop(self) -> None:
        """Stop the children, Valkey last, so that the others can hand over what they finished. Safe to call twice."""
        self.stop_clients()
        _stop([child for child in self._children if child.name == VALKEY])
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def pause(self, seconds: float) -> bool:
        """Wait; returns whether the supervisor was told to stop meanwhile."""
        return self._stopping.wait(seconds)

    def deaths(self, name: str) -> int:
        """How often a child died lately."""
        return sum(child.deaths for child in self._children if child.name == name)

    def require_workers(self) -> None:
        """Check that not every worker ends as soon as it has started: no job would ever run.

        Raises:
            WorkersFailedError: they do; says where to read why.
        """
        workers = [child for child in self._children if child.name.startswith(WORKER)]
        if workers and all(child.failed_starts >= FAILED_STARTS for child in workers):
            log = self.log_path(workers[0].name)
            raise WorkersFailedError(
                f"no worker starts: each of the last {FAILED_STARTS} ended with an error at once; {log} "
                "says why. What is evaluated is kept; run the same command again once that is mended"
            )

    def log_path(self, name: str) -> Path:
        """A child's log file."""
        return self._settings.logs_path / f"{name}.log"

    def _spawn(self, child: Child) -> None:
        self._settings.logs_path.mkdir(parents=True, exist_ok=True)
        with self.log_path(child.name).open("ab") as log:
            child.log_from = log.tell()
            child.process = subprocess.Popen(  # noqa: S603  our own commands only
                list(child.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._environment(), **child.environment},
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops the others in order
            )
        child.started_at = time.monotonic()

    def _said(self, child: Child) -> str:
        """What a child has written to its log since its start, or the end of that if it is long."""
        with self.log_path(child.name).open("rb") as log:
            log.seek(max(child.log_from, log.seek(0, os.SEEK_END) - LOG_TAIL))
            return log.read().decode(errors="replace")

    def _environment(self) -> dict[str, str]:
        """The settings that children share, so that they mean the same folders wherever they run."""
        environment = {
            "EVALUATOR_HOME": str(self._settings.home_path),
            "EVALUATOR_ARTIFACTS": self._settings.artifacts_url,
            SUPERVISOR_VARIABLE: str(os.getpid()),
        }
        if not self._settings.embedded_queue:
            environment["REDIS_URL"] = self._settings.queue_url
        return environment

    def _keep_alive(self) -> None:
        while not self._stopping.wait(POLL):
            for child in self._children:
                if not child.alive:
                    self._restart(child)

    def _restart(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            status, pid = child.process.returncode, child.process.pid
            if now - child.started_at > HEALTHY_AFTER:
                child.deaths = child.failed_starts = 0
            elif status > 0:  # by itself, unlike one that was killed
                child.failed_starts += 1
            if status > 0 and child.name == VALKEY:
                valkey.set_damaged_aside(self._settings, self._said(child))
            pause = min(FIRST_PAUSE * 2 ** min(child.deaths, 16), LONGEST_PAUSE)  # no float holds 2**1024
            child.process, child.deaths, child.restart_at = None, child.deaths + 1, now + pause
            logger.warning("%s ended with status %s; starting it again in %.1f s", child.name, status, pause)
            if self._on_death is not None:
                self._on_death(child.name, pid)
        elif now >= child.restart_at:
            try:
                self._spawn(child)
            except OSError as error:  # no memory, no process left, no disk: it may pass
                child.restart_at = now + LONGEST_PAUSE
                logger.warning(
                    "%s cannot be started: %s; trying again in %.1f s", child.name, error, LONGEST_PAUSE
                )


def announced(settings: Settings) -> str | None:
    """Where the server of the instance that runs on a home folder answers; None if there is none."""
    try:
        lock = lock_path(settings).open(encoding="utf-8")
    except FileNotFoundError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return lock.read().partition("\n")[2] or None
    return None


def lock_path(settings: Settings) -> Path:
    """The file that is locked while an instance runs.

    Raises:
        StoreUnavailableError: something else lies in its place, such as a pipe, for which whoever opens it would wait.
    """
    path = settings.home_path / "instance.lock"
    if os.path.lexists(path) and not path.is_file():
        raise StoreUnavailableError(f"{path} is no file; remove it: it only tells that an instance runs")
    return path


def _stop(children: Sequence[Child]) -> None:
    """SIGTERM to all, and SIGKILL to those that still run after the grace period."""
    running = [(child.name, child.process) for child in children if child.process is not None]
    for _, process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    for name, process in running:
        try:
            process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            logger.warning("%s does not stop; killing it", name)
            process.kill()
            process.wait()
