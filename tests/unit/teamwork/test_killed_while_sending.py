"""A server that is killed before it sends, or while it sends: nothing is lost, and ids tell what comes twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.store.teamwork import notifications as store
from evaluator.teamwork import preferences
from evaluator.teamwork.notices import notice
from evaluator.teamwork.outbox import deliver
from evaluator.teamwork.preferences import Wanted
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.teamwork_instance import ended, somebody
from tests.webhook_receiver import receiver

SERVER = """
import sys
from evaluator.settings import Settings
from evaluator.teamwork.notices import notice
from evaluator.teamwork.outbox import deliver
from evaluator.workspace.workspace import Workspace

with Workspace.open_local(Settings.read()) as workspace:
    print(notice(workspace), flush=True)
    sys.stdin.readline()
    deliver(workspace)
"""


def server(home: Path) -> subprocess.Popen[str]:
    """A process that makes notifications, says so, and sends them once it reads a line."""
    environment = {
        **os.environ,
        "EVALUATOR_HOME": str(home),
        "EVALUATOR_WEBHOOK_HOSTS": '["127.0.0.1"]',
        "TESTS_START_COLD": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-c", SERVER],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("killed", ["before it sends", "while it sends"])
def test_nothing_is_lost_or_made_twice(killed: str, home: Path, write_dataset: WriteDataset) -> None:
    processes: list[subprocess.Popen[str]] = []

    def kill() -> None:
        if killed == "while it sends" and processes[0].poll() is None:
            processes[0].send_signal(signal.SIGKILL)
            processes[0].wait()

    settings = Settings.read(home=home, webhook_hosts=("127.0.0.1",))
    with receiver(on_post=kill) as there:
        with Workspace.open_local(settings) as workspace:
            catalog.import_folder(workspace, write_dataset())
            with acting_as(somebody(workspace, "ann")):
                preferences.save(workspace, Wanted(("finished",), everybodys=True, webhook_url=there.url))
            ended(workspace)
        processes.append(server(home))
        (process,) = processes
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "1\n"
        if killed == "before it sends":
            process.send_signal(signal.SIGKILL)
        else:
            process.stdin.write("go on\n")
            process.stdin.flush()
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.close()
        with Workspace.open_local(settings) as workspace:
            assert notice(workspace) == 0  # it was noticed, and is not noticed again
            with workspace.database.transaction() as cursor:
                cursor.execute("UPDATE deliveries SET next_at = TIMESTAMP '2026-01-05 00:00:00'")
            assert deliver(workspace) == 1
            assert deliver(workspace) == 0
            (sent,) = store.deliveries(workspace.database, "id-ann", 10)
            assert len(store.notifications(workspace.database, "id-ann", None, 10)) == 1
    ids = [posted.record["id"] for posted in there.posted]
    assert ids == [sent.id] * (1 if killed == "before it sends" else 2)
    assert sent.sent_at is not None
