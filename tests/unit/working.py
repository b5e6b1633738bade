"""Experiments that really run in a test: submitted to a queue, done by a worker of the test's own process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from evaluator.domain.experiment import Experiment
from evaluator.domain.status import Status
from evaluator.experiments.file_reader import parse_experiment
from evaluator.jobs import context
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.store import experiments
from evaluator.workspace.workspace import Workspace
from tests.unit.jobs.conftest import run_all

PATIENCE = 20.0
"""Seconds until what should come true counts as never coming true."""


def words(name: str = "look", dataset: str = "tiny") -> Experiment:
    """An experiment that needs no encoder."""
    return parse_experiment(
        f"name: {name}\ndataset: {dataset}\nvariants: [{{name: bm25, retrieve: {{bm25: {{}}}}}}]"
    )


def vectors_of(model: Path, name: str = "vectors") -> Experiment:
    """An experiment with an encoder in a folder."""
    return parse_experiment(
        f"name: {name}\ndataset: tiny\nvariants: [{{name: dense, retrieve: {{dense: {{encoder: {model}}}}}}}]"
    )


def work(workspace: Workspace) -> list[str]:
    """Do all jobs that wait; their ids in order."""
    before = context._current
    context.enter(context.WorkerContext.open(workspace.settings))
    try:
        return run_all(WarmWorker(workspace.connection))
    finally:
        context._current = before


def wait_for(look: Callable[[], bool]) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, "nothing came of it"
        time.sleep(0.005)


def wait_for_status(workspace: Workspace, experiment: str, status: Status) -> None:
    """Wait until an experiment has a status."""
    wait_for(lambda: experiments.experiment(workspace.database, experiment).status == status)
