"""A running instance whose processes can be killed, for `benchmarks.chaos`."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from redis import Redis
from redis.exceptions import RedisError

from evaluator.domain.status import ACTIVE
from evaluator.errors import EvaluatorError
from evaluator.jobs.connection import connect
from evaluator.jobs.queue import RETRIES, all_live_ids
from evaluator.jobs.results.stream import GROUP, STREAM
from evaluator.remote.client import Client
from evaluator.settings import Settings

VICTIMS = {"worker": 6, "server": 1, "valkey": 2, "recorder": 1}
"""The processes to kill, and their relative frequencies: a server takes seconds to come back, a worker one."""
MARKS = {"worker": "evaluator.jobs.processes.worker", "server": "streamlit", "valkey": "valkey-server"}
"""The part of a command line that identifies a process."""
PATIENCE = 60.0
"""Seconds within which an experiment must progress after a kill."""


class ChaosError(Exception):
    """Something was lost or doubled, or there was no progress."""


class Running:
    """A running instance whose processes can be killed."""

    def __init__(self, supervisor: subprocess.Popen[bytes], address: str, settings: Settings) -> None:
        self._supervisor, self._settings, self.address = supervisor, settings, address
        self._done: tuple[int, ...] = ()

    def submit(self, queries_per_job: object, described: Mapping[str, object]) -> str:
        """Start an experiment of these variants; returns its id."""
        with Client(self.address) as client:
            return str(client.submit(described_as("chaos", "made", queries_per_job, described))["id"])

    def ask(self, method: str, path: str, **body: object) -> Any:
        """Send a request; None if the server is down, or refuses it.

        Raises:
            ChaosError: the answer shows a defect.
        """
        try:
            answer = httpx.request(
                method, f"{self.address}/api/{path}", json=body, timeout=PATIENCE, trust_env=False
            )
        except httpx.TransportError:
            return None
        if answer.status_code == 500:
            raise ChaosError(f"{method} /api/{path} answers {answer.status_code}: {answer.text[:200]}")
        return answer.json() if answer.is_success else None

    def wait_for_the_end(self) -> None:
        """Wait until every experiment has ended, and no job is left."""
        deadline = time.monotonic() + 4 * PATIENCE
        unfinished: object = None
        while time.monotonic() < deadline:
            rows = self.ask("GET", "experiments")
            if rows is not None:
                unfinished = [row["name"] for row in rows if row["status"] in ACTIVE] or sorted(
                    all_live_ids(connect(self._settings))
                )
                if not unfinished:
                    return
            time.sleep(0.2)
        raise ChaosError(f"these did not end: {unfinished}")

    def finished(self, experiment: str) -> bool:
        """Whether all results are recorded; False while the server is down."""
        progress = self._progress(experiment)
        return progress is not None and progress["status"] == "finished"

    def recorded(self, experiment: str) -> int:
        """The number of rows; None while the server is down."""
        progress = self._progress(experiment)
        return 0 if progress is None else count_recorded(progress)

    def wait_for_progress(self, experiment: str) -> None:
        """Wait until the server answers and the experiment has progressed: encoded, searched or recorded."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            progress = self._progress(experiment)
            if progress is not None:
                done = work_done(progress)
                if done != self._done or progress["status"] not in ACTIVE:
                    self._done = done
                    return
            time.sleep(0.05)
        raise ChaosError(f"nothing moved for {PATIENCE:.0f} s after a kill; see {self._settings.logs_path}")

    def kill_one(self, chance: random.Random) -> str:
        """Kill a process; returns its kind."""
        victim = chance.choices(list(VICTIMS), weights=list(VICTIMS.values()))[0]
        if victim == "recorder":
            self._wait_for_unacknowledged()
        mark = MARKS["server" if victim == "recorder" else victim]
        processes = sorted(self.children(mark), key=lambda process: process.pid)
        if processes:
            chance.choice(processes).send_signal(signal.SIGKILL)
        return victim

    def retries(self) -> int:
        """How many attempts were followed by another."""
        count: Any = connect(self._settings).get(RETRIES)  # Valkey may be coming back from the last kill
        return int(count or 0)

    def _wait_for_unacknowledged(self) -> None:
        """Wait for a limited time until the recorder has read entries without acknowledging them."""
        client = Redis.from_url(self._settings.queue_url)
        for _ in range(2000):
            try:
                pending: Any = client.xpending(STREAM, GROUP)
                if pending["pending"]:
                    return
            except RedisError:
                time.sleep(0.01)

    def children(self, mark: str) -> list[psutil.Process]:
        """The instance's processes whose command line contains a mark."""
        return [process for process, command in descendants(self._supervisor.pid) if mark in command]

    def _progress(self, experiment: str) -> dict[str, Any] | None:
        try:
            with Client(self.address) as client:
                return client.progress(experiment)
        except EvaluatorError:
            return None


def descendants(pid: int) -> list[tuple[psutil.Process, str]]:
    """The running processes below one, and their command lines."""
    below = []
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.Error):  # it has just ended
            below.append((process, " ".join(process.cmdline())))
    return below


def described_as(name: str, dataset: str, queries_per_job: object, described: Mapping[str, object]) -> str:
    """An experiment file's text."""
    variants = [{"name": variant, "retrieve": retrieve} for variant, retrieve in described.items()]
    return yaml.safe_dump(
        {"name": name, "dataset": dataset, "queries_per_job": queries_per_job, "variants": variants}
    )


def work_done(progress: Mapping[str, Any]) -> tuple[int, ...]:
    """Texts encoded, queries searched once for several variants, rows recorded."""
    encoded = sum(encoder["done"] for encoder in progress["encoders"])
    searched = sum(search["done"] for search in progress["searches"])
    return encoded, searched, count_recorded(progress)


def count_recorded(progress: Mapping[str, Any]) -> int:
    """Rows over all variants."""
    return sum(variant["recorded"] for variant in progress["variants"])


@contextmanager
def instance(home: Path, dataset: Path, workers: int) -> Iterator[Running]:
    """`evaluator up` in a home of its own, with the dataset imported."""
    settings = Settings(home=home, redis_url=None)
    environment = {**os.environ, "EVALUATOR_HOME": str(home), "EVALUATOR_ATTEMPTS": "1000"}
    environment["EVALUATOR_RETRY_INTERVALS"] = "[0]"  # kills are not the jobs' fault, so retry at once
    evaluator = [sys.executable, "-m", "evaluator.cli"]
    subprocess.run(
        [*evaluator, "dataset", "import", str(dataset)], env=environment, check=True, capture_output=True
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*evaluator, "up", "--port", str(port), "--workers", str(workers)]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.log").open("wb") as log:
        supervisor = subprocess.Popen(command, env=environment, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(supervisor, address)
        yield Running(supervisor, address, settings)
    finally:
        supervisor.send_signal(signal.SIGINT)
        supervisor.wait(timeout=40)


def wait_until_ready(supervisor: subprocess.Popen[bytes], address: str) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + PATIENCE
    while supervisor.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/api/health").json()["ready"]:
                return
        except (httpx.TransportError, ValueError):
            time.sleep(0.1)
    raise ChaosError("the instance did not start")
