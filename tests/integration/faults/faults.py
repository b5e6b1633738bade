"""Faults of workers, and what the workers did: the test's side of `faulty_workers/sitecustomize.py`.

Both talk through a folder, which a test changes while workers run. Its files:

    hold-STAGE           whoever begins that stage (cut, plan, encode, index, search, evaluate) waits while it is there
    slow-STAGE           seconds that each job of that stage takes longer
    fail, kill           ids of queries that cannot be searched, or that kill the worker that tries (SIGKILL)
    die-after-hand-over  the next worker that hands over results kills itself before its job ends; once
    die-in-housekeeping  the next worker that keeps house kills itself in the middle of it; once
    silence              seconds without a sign of life after which a worker's job is given to another, and
                         after which others keep house in its stead
    journal              written by workers: a line for each stage begun, and for each shard encoded
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")

WORKERS = Path(__file__).parent / "faulty_workers"
ROOT = Path(__file__).resolve().parents[3]

PATIENCE = 60.0
"""Seconds until a condition that should come true counts as never coming true."""


@dataclass(frozen=True)
class Call:
    """A stage that a worker began (or a shard that it `encoded`).

    Attributes:
        items: the queries or texts concerned.
        at: when, in seconds of the machine's monotonic clock.
    """

    stage: str
    job: str
    items: tuple[str, ...]
    pid: int
    at: float


class Faults:
    """Hurts workers that are started with its environment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()

    @property
    def environment(self) -> dict[str, str]:
        """What a worker's environment must hold."""
        return {
            "PYTHONPATH": os.pathsep.join(map(str, (WORKERS, ROOT))),
            "EVALUATOR_TEST_FAULTS": str(self._folder),
            "EVALUATOR_RETRY_INTERVALS": "[0]",
        }

    @contextmanager
    def hold(self, stage: str) -> Iterator[None]:
        """Whoever begins the stage waits until the context is left."""
        (self._folder / f"hold-{stage}").touch()
        try:
            yield
        finally:
            self.release(stage)

    def release(self, stage: str) -> None:
        """Those that are held go on."""
        (self._folder / f"hold-{stage}").unlink(missing_ok=True)

    def slow(self, stage: str, seconds: float) -> None:
        """Each job of the stage takes longer."""
        (self._folder / f"slow-{stage}").write_text(str(seconds))

    def fail(self, *query_ids: str) -> None:
        """These queries, and no others, cannot be searched."""
        (self._folder / "fail").write_text(" ".join(query_ids))

    def kill(self, *query_ids: str) -> None:
        """These queries, and no others, kill the worker that searches them."""
        (self._folder / "kill").write_text(" ".join(query_ids))

    def die_after_hand_over(self) -> None:
        """The next worker that hands over results dies before its job ends."""
        (self._folder / "die-after-hand-over").touch()

    def die_in_housekeeping(self) -> None:
        """The next worker that keeps house dies while it keeps others from it."""
        (self._folder / "die-in-housekeeping").touch()

    def silence(self, seconds: int) -> None:
        """Workers that start from now on count as gone after this long without a sign of life."""
        (self._folder / "silence").write_text(str(seconds))

    def calls(self, stage: str) -> list[Call]:
        """What was begun of a stage, in order."""
        journal = self._folder / "journal"
        whole_lines = journal.read_text().rpartition("\n")[0] if journal.exists() else ""
        records = [json.loads(line) for line in whole_lines.splitlines()]
        return [
            Call(stage, record["job"], tuple(record["items"]), record["pid"], record["at"])
            for record in records
            if record["stage"] == stage
        ]

    def wait_for(self, stage: str, count: int = 1) -> list[Call]:
        """Wait until a stage was begun so many times."""
        return wait_until(lambda: calls if len(calls := self.calls(stage)) >= count else None)

    def searched(self) -> Counter[tuple[str, str]]:
        """How often each query was searched, by variant's place (from the job's id) and query id."""
        return Counter(
            (call.job.split("-")[2], query_id) for call in self.calls("evaluate") for query_id in call.items
        )

    def encoded(self) -> Counter[str]:
        """How often each text was encoded in its role."""
        return Counter(text for call in self.calls("encoded") for text in call.items)


def wait_until(look: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + patience
    while not (seen := look()):
        assert time.monotonic() < deadline, f"nothing came of it within {patience:.0f} s"
        time.sleep(0.01)
    return seen


def is_running(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has waited for does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
