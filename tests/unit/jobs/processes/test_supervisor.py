"""The supervisor, with children that are one line of Python each."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evaluator.errors import InstanceRunningError, StoreUnavailableError, WorkersFailedError
from evaluator.jobs.processes import supervisor as supervisor_module
from evaluator.jobs.processes.supervisor import (
    FAILED_STARTS,
    LONGEST_PAUSE,
    VALKEY,
    Child,
    Supervisor,
    announced,
)
from evaluator.settings import Settings

DIE_AT_ONCE = "raise SystemExit(3)"
SLEEP = "import time; open({ready!r}, 'w').close(); time.sleep(600)"
IGNORE_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP
TELL_ITS_END = (
    "import signal, sys, time\n"
    "def end(*_):\n    open({log!r}, 'a').write({name!r} + '\\n'); sys.exit()\n"
    "signal.signal(signal.SIGTERM, end); open({ready!r}, 'w').close(); time.sleep(600)"
)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(supervisor_module, "POLL", 0.01)
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE", 0.01)
    return Settings(home=tmp_path / "home", redis_url=None)


@pytest.fixture
def supervisor(settings: Settings) -> Iterator[Supervisor]:
    with Supervisor(settings) as supervisor:
        yield supervisor


def python(code: str, **values: str) -> list[str]:
    return [sys.executable, "-S", "-c", code.format(**values) if values else code]


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something holds, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def start(supervisor: Supervisor, name: str, code: str, tmp_path: Path) -> Child:
    """Add a child and wait until it is ready."""
    ready = tmp_path / f"{name}.ready"
    child = Child(name, python(code, ready=str(ready), name=name, log=str(tmp_path / "log")))
    supervisor.add(child)
    eventually(ready.exists)
    return child


def test_a_child_that_dies_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    child = start(supervisor, "worker-1", SLEEP, tmp_path)
    assert child.process is not None
    first = child.process.pid
    (tmp_path / "worker-1.ready").unlink()
    child.process.kill()
    eventually((tmp_path / "worker-1.ready").exists)
    assert child.process.pid != first
    assert supervisor.deaths("worker-1") == 1


def test_a_death_is_told_with_its_process_id(settings: Settings) -> None:
    deaths: list[tuple[str, int]] = []
    with Supervisor(settings, on_death=lambda name, pid: deaths.append((name, pid))) as supervisor:
        child = Child("worker-1", python(DIE_AT_ONCE))
        supervisor.add(child)
        process = child.process
        eventually(lambda: deaths)
    assert process is not None
    assert deaths[0] == ("worker-1", process.pid)


def test_a_child_that_keeps_dying_is_started_more_and_more_seldom(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        supervisor.add(Child("server", python(DIE_AT_ONCE)))
        eventually(lambda: supervisor.deaths("server") >= 5)
        supervisor.stop()
    pauses = re.findall(r"server ended with status 3; starting it again in (\S+) s", caplog.text)
    assert pauses[:5] == ["0.0", "0.0", "0.0", "0.1", "0.2"]  # 0.01, 0.02, 0.04, 0.08, 0.16


def test_a_child_may_die_more_often_than_a_float_can_count(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    dead = subprocess.Popen(python(DIE_AT_ONCE))
    dead.wait()
    child = Child("server", python(DIE_AT_ONCE), process=dead, started_at=time.monotonic(), deaths=5000)
    Supervisor(settings)._restart(child)
    assert f"starting it again in {LONGEST_PAUSE} s" in caplog.text
    assert child.deaths == 5001


def test_a_child_that_has_lived_long_is_forgiven(settings: Settings) -> None:
    dead = subprocess.Popen(python(DIE_AT_ONCE))
    dead.wait()
    long_ago = time.monotonic() - supervisor_module.HEALTHY_AFTER - 1
    child = Child("server", python(DIE_AT_ONCE), process=dead, started_at=long_ago, deaths=7)
    Supervisor(settings)._restart(child)
    assert child.deaths == 1


def test_a_child_that_cannot_be_started_now_is_tried_later(settings: Settings, tmp_path: Path) -> None:
    child = Child("server", [str(tmp_path / "not-there")], restart_at=0.0)
    Supervisor(settings)._restart(child)
    assert child.process is None
    assert child.restart_at > time.monotonic()


def test_workers_that_cannot_start_are_told(supervisor: Supervisor) -> None:
    supervisor.require_workers()  # there are none
    supervisor.add(Child("worker-1", python(DIE_AT_ONCE)))
    supervisor.require_workers()
    eventually(lambda: supervisor.deaths("worker-1") >= FAILED_STARTS)
    with pytest.raises(WorkersFailedError, match=r"no worker starts: .*logs/worker-1\.log says why"):
        supervisor.require_workers()


def test_one_worker_that_starts_is_enough(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add(Child("worker-1", python(DIE_AT_ONCE)))
    start(supervisor, "worker-2", SLEEP, tmp_path)
    eventually(lambda: supervisor.deaths("worker-1") >= FAILED_STARTS)
    supervisor.require_workers()


def test_workers_that_are_killed_can_start(settings: Settings) -> None:
    """A job may take too much memory each time; the queue gives it up after some attempts."""
    with Supervisor(settings) as supervisor:
        supervisor.add(Child("worker-1", python("import os; os.kill(os.getpid(), 9)")))
        eventually(lambda: supervisor.deaths("worker-1") >= FAILED_STARTS)
        supervisor.require_workers()


def test_stopping_kills_a_child_that_does_not_stop(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "GRACE", 0.2)
    child = start(supervisor, "worker-1", IGNORE_SIGTERM, tmp_path)
    assert child.process is not None
    supervisor.stop()
    assert child.process.returncode == -9
    supervisor.stop()  # twice is no error


def test_valkey_is_stopped_last(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for name in (VALKEY, "worker-1", "server"):
        start(supervisor, name, TELL_ITS_END, tmp_path)
    supervisor.stop_clients()
    assert sorted(log.read_text().split()) == ["server", "worker-1"]
    supervisor.stop()
    assert log.read_text().split()[-1] == VALKEY


def test_nothing_is_started_again_while_stopping(supervisor: Supervisor, tmp_path: Path) -> None:
    child = start(supervisor, "worker-1", SLEEP, tmp_path)
    supervisor.stop()
    assert child.process is not None
    assert not alive(child.process.pid)
    assert child.deaths == 0
    assert supervisor.pause(0)


def test_children_mean_the_same_folders(supervisor: Supervisor, settings: Settings, tmp_path: Path) -> None:
    code = (
        "import os, time; open({ready!r} + '.env', 'w').write(repr(dict(os.environ)))\n"
        "open({ready!r}, 'w').close(); time.sleep(600)"
    )
    start(supervisor, "worker-1", code, tmp_path)
    environment = (tmp_path / "worker-1.ready.env").read_text()
    assert f"'EVALUATOR_HOME': '{settings.home_path}'" in environment
    assert f"'EVALUATOR_ARTIFACTS': '{settings.artifacts_url}'" in environment


def test_what_a_child_says_is_in_its_log(supervisor: Supervisor) -> None:
    supervisor.add(Child("server", python("print('to be read', flush=True); import time; time.sleep(600)")))
    eventually(lambda: "to be read" in supervisor.log_path("server").read_text())


def test_a_home_folder_has_one_instance(settings: Settings) -> None:
    with Supervisor(settings) as first:
        first.lock_home()
        with (
            Supervisor(settings) as second,
            pytest.raises(
                InstanceRunningError, match=f"is in use by process {os.getpid()}; .*EVALUATOR_HOME"
            ),
        ):
            second.lock_home()
    with Supervisor(settings) as third:
        third.lock_home()


@pytest.mark.parametrize("what", ["a pipe", "a folder", "a link to nowhere"])
def test_what_is_no_file_in_the_locks_place_is_named(settings: Settings, what: str) -> None:
    """Whoever opened a pipe would wait for ever."""
    lock = settings.home_path / "instance.lock"
    settings.home_path.mkdir(exist_ok=True)
    match what:
        case "a pipe":
            os.mkfifo(lock)
        case "a folder":
            lock.mkdir()
        case _:
            lock.symlink_to("nowhere/at all")
    with (
        Supervisor(settings) as supervisor,
        pytest.raises(StoreUnavailableError, match="is no file; remove it"),
    ):
        supervisor.lock_home()
    with pytest.raises(StoreUnavailableError, match="is no file; remove it"):
        announced(settings)


def test_others_learn_where_the_instance_answers_while_it_runs(settings: Settings) -> None:
    assert announced(settings) is None
    with Supervisor(settings) as supervisor:
        supervisor.lock_home()
        assert announced(settings) is None  # such as `evaluator run`: it serves nothing
        supervisor.announce("http://127.0.0.1:8501")
        assert announced(settings) == "http://127.0.0.1:8501"
        with Supervisor(settings) as second, pytest.raises(InstanceRunningError, match=rf"{os.getpid()};"):
            second.lock_home()
    assert announced(settings) is None
