"""Signing in to a server: the token is checked there, stored for this user alone, and shown to nobody."""

from __future__ import annotations

import os
import pty
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator.errors import EvaluatorError, InvalidInputError
from tests.integration.conftest import TIMEOUT, Commands, cli_command, cli_environment
from tests.stub_server import Answer, StubServer, stub_server

ANNA = Answer(200, {"name": "Anna", "role": "editor", "project": "search"})


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    for name in ("EVALUATOR_SERVER", "EVALUATOR_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "configuration"


@pytest.fixture
def commands(in_process: None, configuration: Path, tmp_path: Path) -> Iterator[Commands]:
    """Commands that know no token yet; none of them makes a home."""
    yield Commands()
    assert not (tmp_path / "home").exists()


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with stub_server() as server:
        server.answers |= {"/api/whoami": ANNA, "/api/datasets": Answer(200, [])}
        yield server


def stored(configuration: Path) -> list[str]:
    return [path.read_text() for path in configuration.rglob("*") if path.is_file()]


def test_a_token_is_checked_stored_sent_and_removed(
    commands: Commands, stub: StubServer, configuration: Path
) -> None:
    signed_in = commands.run("login", stub.address, "--token-stdin", answer="ev_one\n")
    assert f"Signed in at {stub.address} as Anna, editor in search." in signed_in.stderr
    assert "ev_one" not in signed_in.output
    assert stored(configuration) == ["ev_one\n"]
    commands.run("dataset", "list", "--server", f"{stub.address}/")
    assert "is removed" in commands.run("logout", stub.address).stderr
    commands.run("dataset", "list", "--server", stub.address)
    assert stub.tokens == ["Bearer ev_one", "Bearer ev_one", None]
    assert f"No token for {stub.address}" in commands.run("logout", stub.address).stderr


def test_a_token_that_the_server_does_not_know_is_not_stored(
    commands: Commands, stub: StubServer, configuration: Path
) -> None:
    stub.answers["/api/whoami"] = Answer(401, {"error": "this token is not known"})
    with pytest.raises(EvaluatorError, match="this token is not known; run `evaluator login"):
        commands.run("login", stub.address, "--token-stdin", answer="ev_two\n")
    assert stored(configuration) == []


def test_a_server_without_accounts_needs_none(
    commands: Commands, stub: StubServer, configuration: Path
) -> None:
    for answer in (Answer(404, {"error": "there is no /api/whoami"}), Answer(200, {"name": None})):
        stub.answers["/api/whoami"] = answer
        said = commands.run("login", stub.address, "--token-stdin", answer="ev_one").stderr
        assert "has no accounts and needs no token; none is stored." in said
    assert stored(configuration) == []


def test_where_no_token_may_go_none_is_read(commands: Commands) -> None:
    with pytest.raises(InvalidInputError, match="use https"):
        commands.run("login", "http://example.org", "--token-stdin", answer="ev_one")
    with pytest.raises(InvalidInputError, match="no terminal to type the token into; use --token-stdin"):
        commands.run("login", "https://example.org", answer="ev_one")


def test_what_is_typed_is_not_shown(stub: StubServer, configuration: Path, tmp_path: Path) -> None:
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        cli_command("login", stub.address),
        env=cli_environment(tmp_path, {"XDG_CONFIG_HOME": str(configuration)}),
        stdin=other_end,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + TIMEOUT
    while termios.tcgetattr(terminal)[3] & termios.ECHO:  # it asks, and shows nothing any more
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.write(terminal, b"ev_typed\n")
    shown = process.communicate(timeout=TIMEOUT)[1]
    assert process.returncode == 0, shown
    assert b"as Anna" in shown
    assert stored(configuration) == ["ev_typed\n"]
    os.write(other_end, b"end")
    echoed = os.read(terminal, 1000)
    assert echoed.endswith(b"end")
    assert b"ev_typed" not in shown + echoed
    for end in (terminal, other_end):
        os.close(end)
