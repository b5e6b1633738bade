"""Signals that end a command: none is lost, wherever the command happens to be."""

from __future__ import annotations

import subprocess
import sys

import pytest

from evaluator.cli.main import _report_once
from evaluator.errors import WorkersFailedError

IN_A_FINALIZER = """
import os, signal, time
from evaluator.cli.main import _interrupt
signal.signal(signal.SIGTERM, _interrupt)
class Dies:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)
try:
    Dies()
    time.sleep(30)
except KeyboardInterrupt:
    raise SystemExit(7)
"""


def test_a_signal_within_a_finalizer_is_not_lost() -> None:
    """Python drops what is raised there."""
    done = subprocess.run(
        [sys.executable, "-c", IN_A_FINALIZER], check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 7, done.stderr


IN_A_CALLBACK = """
import os, signal, time, weakref
from evaluator.cli.main import _interrupt, _wait_for_interrupt
signal.signal(signal.SIGHUP, _interrupt)
class Dies: pass
def gone(_reference):
    os.kill(os.getpid(), signal.SIGHUP)
    time.sleep(0)
dies = Dies()
reference = weakref.ref(dies, gone)
del dies
signal.alarm(10)
_wait_for_interrupt()
raise SystemExit(7)
"""


def test_a_signal_within_a_weak_references_callback_is_not_lost() -> None:
    """Python drops it there too, and a second SIGHUP would be ignored: who waits looks whether it came."""
    done = subprocess.run([sys.executable, "-c", IN_A_CALLBACK], check=False, capture_output=True, timeout=60)
    assert done.returncode == 7, done.stderr


def test_that_no_worker_starts_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise WorkersFailedError("no worker starts")

    look = _report_once(fail)
    for _ in range(3):
        look()
    assert capsys.readouterr().err == "error: no worker starts\n"
