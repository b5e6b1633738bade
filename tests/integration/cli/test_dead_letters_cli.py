"""Dead letters on the command line: beside an instance, and without one."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from evaluator.errors import InstanceRunningError, QueueUnavailableError
from evaluator.jobs.results.stream import FIELD, STREAM
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.integration.conftest import Cli, Commands, json_output, served
from tests.unit.jobs.embedded import tcp_valkey
from tests.unit.store.test_recorder import eventually

BELL = b"not JSON \x07\x1b[2J"


def test_beside_an_instance(tmp_path: Path, cli: Cli) -> None:
    home = Settings(home=tmp_path / "home", redis_url=None)
    with served(tmp_path):
        queue = Redis.from_url(home.queue_url)
        queue.xadd(STREAM, {FIELD: BELL})
        eventually(lambda: queue.xlen(STREAM) == 0)
        found = json_output(cli("dead-letters", "list", "--json"))
        assert (found["kept"], found["total"]) == (1, 1)
        shown = cli("dead-letters", "list")
        assert "not JSON" in shown.stdout
        assert "it is not JSON" in shown.stdout
        assert "1 kept; 1 since the queue was set up" in shown.stdout
        assert not set("\x07\x1b") & set(shown.stdout)
        dropped = cli("dead-letters", "drop", "--yes")
        assert (dropped.returncode, dropped.stderr) == (0, "1 dead letters dropped.\n")
        assert json_output(cli("dead-letters", "list", "--json"))["kept"] == 0


@pytest.mark.usefixtures("in_process")
def test_without_an_instance_the_queue_itself_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands("dead-letters")
    with pytest.raises(QueueUnavailableError, match="start `evaluator up`"):
        commands.run("list")
    with tcp_valkey(tmp_path) as port:
        url = f"redis://127.0.0.1:{port}/0"
        monkeypatch.setenv("REDIS_URL", url)
        Redis.from_url(url).xadd(STREAM, {FIELD: BELL})
        Workspace.open(Settings(home=tmp_path / "home", redis_url=url)).close()
        assert commands.json("list")["kept"] == 1
        with (
            Workspace.open(Settings(home=tmp_path / "other", redis_url=url)),
            pytest.raises(InstanceRunningError, match="used by another instance"),
        ):
            commands.run("drop", "--yes")  # they are not this instance's
        assert commands.run("drop", answer="n").exit_code == 1
        assert commands.json("list")["kept"] == 1
        assert commands.run("drop", answer="y").exit_code == 0
        assert commands.json("list") == {"kept": 0, "total": 1, "dead_letters": []}
