"""Nobody records: workers wait, and the results stream does not grow without bound."""

from __future__ import annotations

import time

import pytest

from evaluator.experiments import lifecycle
from evaluator.jobs.connection import require
from evaluator.jobs.processes.supervisor import Supervisor
from evaluator.jobs.results.stream import ResultStream
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.integration.conftest import Row, follow, stored_rows
from tests.integration.faults.conftest import Describe
from tests.integration.faults.faults import Faults, wait_until

LIMIT = 10
"""Results that may wait. Of 40; with two workers and two queries a job, at most four more can be on their way."""


def test_without_a_recorder_workers_wait_and_nothing_is_lost(
    settings: Settings,
    faults: Faults,
    describe: Describe,
    undisturbed_rows: list[Row],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVALUATOR_STREAM_LIMIT", str(LIMIT))
    with Supervisor(settings) as supervisor:
        supervisor.add_valkey()
        supervisor.add_workers(2)
        with Workspace.open_local(settings) as unrecorded, require(settings) as connection:
            unrecorded.queue = connection
            submitted = lifecycle.submit(unrecorded, describe(), allow_paths=True)
            stream = ResultStream(connection)
            wait_until(lambda: len(stream) >= LIMIT and faults.searched().total() == len(stream) + 4)
            full = time.monotonic()
            wait_until(lambda: time.monotonic() - full > 1.5)  # each worker has looked again by now
            assert LIMIT <= len(stream) <= LIMIT + 4
        with Workspace.open(settings) as recorded:
            assert follow(recorded, submitted).status == "finished"
    assert set(faults.searched().values()) == {1}
    assert stored_rows(settings) == undisturbed_rows
