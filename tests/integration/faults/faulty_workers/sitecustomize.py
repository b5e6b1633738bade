"""Makes workers fail as a test asks. Python imports this when it starts, where this folder is on PYTHONPATH.

The test's side, and what each file of the folder means: `tests.integration.faults.faults`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluator.domain.ranking import Ranking
    from evaluator.retrieval.pipeline import Retriever

POLL = 0.005
"""Seconds between looks at a file that holds a stage."""


def install(folder: Path) -> None:
    """Put the faults around the stages of a worker that has not begun yet."""
    from rq.scheduler import RQScheduler

    from evaluator.jobs import context, tasks
    from evaluator.retrieval.encoders import sentence_transformer
    from tests.unit.retrieval.fake_encoder import HashEncoder

    original: dict[str, Callable[..., Any]] = {}

    def replace(owner: Any, replacement: Callable[..., Any]) -> None:
        name = replacement.__name__
        original[name] = getattr(owner, name)
        setattr(owner, name, replacement)

    def note(stage: str, items: Sequence[str] = ()) -> None:
        job, pid, at = tasks.running_job().id, os.getpid(), time.monotonic()
        append(
            folder / "journal",
            json.dumps({"stage": stage, "job": job, "items": items, "pid": pid, "at": at}),
        )

    def begin(stage: str, items: Sequence[str] = ()) -> None:
        note(stage, items)
        wait_while(folder / f"hold-{stage}")
        if (seconds := number(folder / f"slow-{stage}")) is not None:
            time.sleep(seconds)

    def load_encoder(_spec: Any, _store: Any, _runtime: Any) -> HashEncoder:
        """Without torch a worker starts in a second; the real encoders are the business of other tests."""
        return HashEncoder()

    def build_passages(*args: Any) -> None:
        begin("cut")
        original["build_passages"](*args)

    def plan(*args: Any) -> Any:
        begin("plan")
        return original["plan"](*args)

    def encode_shard(spec: Any, role: Any, shard: Any, _encoder: Any, store: Any) -> None:
        begin("encode")
        remembering = HashEncoder()
        original["encode_shard"](spec, role, shard, remembering, store)
        note("encoded", [f"{role}: {text}" for role, text in remembering.texts])

    def build_index(*args: Any) -> None:
        begin("index")
        original["build_index"](*args)

    def search_each(retriever: Any, dataset: Any, depth: int, query_ids: Sequence[str]) -> Any:
        begin(tasks.running_job().id.partition("-")[0], query_ids)  # evaluate, or search
        return original["search_each"](Faulty(retriever, dataset, folder), dataset, depth, query_ids)

    def hand_over(*args: Any) -> None:
        original["hand_over"](*args)
        die_once(folder / "die-after-hand-over")

    def enqueue_scheduled_jobs(scheduler: Any) -> None:
        die_once(folder / "die-in-housekeeping")
        original["enqueue_scheduled_jobs"](scheduler)

    def enter(entered: Any) -> None:
        original["enter"](entered)
        if (seconds := number(folder / "silence")) is not None:
            limits = {"HEARTBEAT_TTL": int(seconds), "HEARTBEAT_INTERVAL": 1.0, "ROUND_TTL": int(seconds)}
            vars(sys.modules["__main__"]).update(limits)  # the module evaluator.jobs.processes.worker

    for stage in (build_passages, plan, encode_shard, build_index, search_each, hand_over):
        replace(tasks, stage)
    replace(sentence_transformer, load_encoder)
    replace(RQScheduler, enqueue_scheduled_jobs)
    replace(context, enter)


class Faulty:
    """A retriever that fails, or kills its worker, on certain queries."""

    def __init__(self, retriever: Retriever, dataset: Any, folder: Path) -> None:
        self._retriever, self._dataset, self._folder = retriever, dataset, folder

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        ids = {self._dataset.queries[row].query_id for row in queries}
        if ids & names(self._folder / "kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if failing := ids & names(self._folder / "fail"):
            raise RuntimeError(f"the query {min(failing)} is made to fail")
        return self._retriever.search(queries, depth)


def append(file: Path, line: str) -> None:
    with file.open("ab", buffering=0) as appended:
        appended.write(line.encode() + b"\n")  # whole: one write


def die_once(file: Path) -> None:
    try:
        file.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def wait_while(file: Path) -> None:
    while file.exists():
        time.sleep(POLL)


def names(file: Path) -> set[str]:
    return set(file.read_text().split()) if file.exists() else set()


def number(file: Path) -> float | None:
    return float(file.read_text()) if file.exists() else None


if "evaluator.jobs.processes.worker" in sys.orig_argv and "EVALUATOR_TEST_FAULTS" in os.environ:
    install(Path(os.environ["EVALUATOR_TEST_FAULTS"]))
