"""Chaos: evaluate while processes are killed at random, then compare every row with an undisturbed run's.

An instance (`evaluator up`) runs experiments with several numbers of workers and sizes of jobs. Meanwhile SIGKILL
meets, chosen by a seeded generator, a worker, the server, Valkey, or the recorder between reading and acknowledging.
After each kill the next waits until the victim is back and something was recorded: progress is part of the claim.

Prints kills, retries, seconds lost, rows lost and doubled; both must be 0, and rows equal bit for bit. On failure it
names its seed.

    python -m benchmarks.chaos [--kills 100] [--seed 1]
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from redis import Redis
from redis.exceptions import RedisError

from evaluator.domain.lifecycle import ACTIVE
from evaluator.errors import EvaluatorError
from evaluator.jobs.connection import connect
from evaluator.jobs.queue import RETRIES
from evaluator.jobs.stream import GROUP, STREAM
from evaluator.services.client import Client
from evaluator.services.workspace import Workspace
from evaluator.settings import Settings

VICTIMS = {"worker": 6, "server": 1, "valkey": 2, "recorder": 1}
"""Who is killed, and how often in proportion: a server takes seconds to come back, a worker one."""
MARKS = {"worker": "evaluator.jobs.worker", "server": "streamlit", "valkey": "valkey-server"}
"""What a process's command line holds."""
CONFIGURATIONS = ((2, 1), (1, "auto"), (3, 25))
"""Workers, and queries per job."""
PATIENCE = 60.0
"""Seconds in which something must be recorded after a kill."""
VARIANTS = {
    "bm25": {"bm25": {}},
    "plain": {"bm25": {"stemmer": "none", "k1": 1.5}},
    "fused": {"fuse": {"of": ["bm25", "plain"]}},
}


class ChaosError(Exception):
    """Something was lost, doubled, or stood still."""


@dataclass
class Report:
    """What happened."""

    kills: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    experiments: int = 0
    rows: int = 0
    seconds: float = 0.0
    undisturbed_seconds: float = 0.0

    def __str__(self) -> str:
        kills = ", ".join(f"{count} {victim}" for victim, count in sorted(self.kills.items()))
        lost = self.seconds - self.undisturbed_seconds
        return (
            f"{self.kills.total()} kills ({kills}) in {self.experiments} experiments, {self.retries} retries, "
            f"{lost:.0f} s lost ({self.seconds:.0f} s instead of {self.undisturbed_seconds:.0f} s), "
            f"{self.rows} rows, rows lost: 0, rows doubled: 0, all equal to the undisturbed run's"
        )


def main() -> None:
    """Run until the kills are done; exit with 1 and the seed if anything is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="evaluator-chaos-") as folder:
        try:
            print(run_chaos(Path(folder), arguments.seed, arguments.kills, arguments.queries))
        except (ChaosError, EvaluatorError) as error:
            sys.exit(f"failed with --seed {arguments.seed} --kills {arguments.kills}: {error}")


def run_chaos(folder: Path, seed: int, kills: int, queries: int) -> Report:
    """Experiments under fire until there were enough kills.

    Raises:
        ChaosError: rows are lost, doubled or different, or nothing moves any more.
    """
    write_dataset(folder / "made", queries)
    expected, undisturbed = reference(folder)
    chance, report = random.Random(seed), Report()
    for round_, (workers, queries_per_job) in enumerate(itertools.cycle(CONFIGURATIONS)):
        home = folder / f"home-{round_}"
        with instance(home, folder / "made", workers) as running:
            started = time.monotonic()
            experiment = running.submit(queries_per_job)
            while not running.finished(experiment):
                if report.kills.total() < kills:
                    report.kills[running.kill_one(chance)] += 1
                    running.wait_for_progress(experiment)
                    time.sleep(chance.uniform(0.0, 0.5))
                else:
                    time.sleep(0.1)
            report.seconds += time.monotonic() - started
            report.retries += running.retries()
        compare(stored_rows(home), expected, queries)
        report.experiments += 1
        report.rows += len(expected)
        report.undisturbed_seconds += undisturbed
        if report.kills.total() >= kills:
            return report
    raise AssertionError("the configurations never end")


def reference(folder: Path) -> tuple[list[tuple[Any, ...]], float]:
    """The rows of an undisturbed run, and the seconds it took."""
    with instance(folder / "home-reference", folder / "made", 2) as running:
        started = time.monotonic()
        experiment = running.submit("auto")
        while not running.finished(experiment):
            time.sleep(0.05)
        elapsed = time.monotonic() - started
    return stored_rows(folder / "home-reference"), elapsed


def compare(rows: list[tuple[Any, ...]], expected: list[tuple[Any, ...]], queries: int) -> None:
    """Hold rows against the undisturbed run's."""
    keys, wanted = Counter(row[:2] for row in rows), {row[:2] for row in expected}
    if len(wanted) != queries * len(VARIANTS):
        raise ChaosError(f"the undisturbed run has {len(wanted)} rows, not {queries * len(VARIANTS)}")
    if lost := wanted - set(keys):
        raise ChaosError(f"{len(lost)} rows lost, such as {next(iter(lost))}")
    if doubled := [key for key, count in keys.items() if count > 1]:
        raise ChaosError(f"{len(doubled)} rows doubled, such as {doubled[0]}")
    for row, other in zip(rows, expected, strict=True):
        if row != other:
            raise ChaosError(f"a row differs: {row[:2]}: {row[2:]} instead of {other[2:]}")


class Running:
    """An instance that runs, and ways to hurt it."""

    def __init__(self, supervisor: subprocess.Popen[bytes], address: str, settings: Settings) -> None:
        self._supervisor, self._settings, self._address = supervisor, settings, address
        self._recorded = 0

    def submit(self, queries_per_job: object, described: Mapping[str, object] = VARIANTS) -> str:
        """Start an experiment of these variants; returns its id."""
        variants = [{"name": name, "retrieve": retrieve} for name, retrieve in described.items()]
        experiment = {
            "name": "chaos",
            "dataset": "made",
            "queries_per_job": queries_per_job,
            "variants": variants,
        }
        with Client(self._address) as client:
            return str(client.submit(yaml.safe_dump(experiment))["id"])

    def finished(self, experiment: str) -> bool:
        """Whether all is recorded; a server that is away says nothing."""
        progress = self._progress(experiment)
        return progress is not None and progress["status"] == "finished"

    def recorded(self, experiment: str) -> int:
        """How many rows there are; none while the server is away."""
        progress = self._progress(experiment)
        return 0 if progress is None else count_recorded(progress)

    def wait_for_progress(self, experiment: str) -> None:
        """Wait until the server answers and has recorded something new, or all of it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            progress = self._progress(experiment)
            if progress is not None:
                recorded = count_recorded(progress)
                if recorded > self._recorded or progress["status"] not in ACTIVE:
                    self._recorded = recorded
                    return
            time.sleep(0.05)
        raise ChaosError(
            f"nothing was recorded for {PATIENCE:.0f} s after a kill; see {self._settings.logs_path}"
        )

    def kill_one(self, chance: random.Random) -> str:
        """Kill somebody; returns what it was."""
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
        """Wait, not for ever, until the recorder has read what it has not acknowledged yet."""
        client = Redis.from_url(self._settings.queue_url)
        for _ in range(2000):
            try:
                pending: Any = client.xpending(STREAM, GROUP)
                if pending["pending"]:
                    return
            except RedisError:
                time.sleep(0.01)

    def children(self, mark: str) -> list[psutil.Process]:
        """The instance's processes whose command line holds this."""
        found = []
        for process in psutil.Process(self._supervisor.pid).children(recursive=True):
            try:
                if mark in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue  # it ended while we looked
        return found

    def _progress(self, experiment: str) -> dict[str, Any] | None:
        try:
            with Client(self._address) as client:
                return client.progress(experiment)
        except EvaluatorError:
            return None


def count_recorded(progress: Mapping[str, Any]) -> int:
    """Rows over all variants."""
    return sum(variant["recorded"] for variant in progress["variants"])


@contextmanager
def instance(home: Path, dataset: Path, workers: int) -> Iterator[Running]:
    """`evaluator up` in a home of its own, with the dataset imported."""
    settings = Settings(home=home, redis_url=None)
    environment = {**os.environ, "EVALUATOR_HOME": str(home), "EVALUATOR_ATTEMPTS": "1000"}
    environment["EVALUATOR_RETRY_INTERVALS"] = "[0]"  # kills are ours, not the jobs' fault: no need to wait
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


def stored_rows(home: Path) -> list[tuple[Any, ...]]:
    """Every row that is recorded, but for what time it took."""
    with Workspace.open_local(Settings(home=home, redis_url=None)) as workspace:
        return workspace.database.cursor.execute(
            "SELECT variant, query_id, doc_ids, scores, measures, error FROM results ORDER BY variant, query_id"
        ).fetchall()


def write_dataset(folder: Path, queries: int) -> None:
    """A made dataset: 200 documents of common words, and as many queries as asked for."""
    import json

    words = (
        "wing",
        "flow",
        "heat",
        "shock",
        "panel",
        "drag",
        "lift",
        "cone",
        "plate",
        "nozzle",
        "shell",
        "wave",
    )
    chance = random.Random(0)
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": f"d{n}", "text": " ".join(chance.choices(words, k=30))} for n in range(200)]
    asked = [{"_id": f"q{n}", "text": " ".join(chance.choices(words, k=4))} for n in range(queries)]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, asked)))
    (folder / "qrels" / "test.tsv").write_text("\n".join(f"q{n}\td{n % 200}\t1" for n in range(queries)))


if __name__ == "__main__":
    main()
