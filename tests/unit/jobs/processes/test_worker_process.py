"""A worker as a process: how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rq import Queue
from rq.job import JobStatus

from evaluator.jobs.queue import enqueue, job_data
from evaluator.settings import Settings
from tests.conftest import ROOT

ENDS_NEVER = "import atexit, threading\natexit.register(threading.Event().wait)\n"
"""Stands for what Python does at its end with all that PyTorch has made: seconds of collecting garbage."""


@pytest.mark.usefixtures("toys")
def test_a_worker_that_is_done_ends_at_once(queue: Queue, valkey: Settings, tmp_path: Path) -> None:
    enqueue(queue.connection, [job_data(valkey, "say_hello", (), "hello-a")])
    (tmp_path / "sitecustomize.py").write_text(ENDS_NEVER)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("EVALUATOR_")},
        "EVALUATOR_HOME": str(valkey.home_path),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
    }
    process = subprocess.Popen([sys.executable, "-m", "evaluator.jobs.processes.worker"], env=environment)
    try:
        while (done := queue.fetch_job("hello-a")) is None or done.get_status() != JobStatus.FINISHED:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
    assert not queue.connection.scard("rq:workers")
