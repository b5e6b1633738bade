"""Tokens: one private file an address, sent there and nowhere else, and never where others can read it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from evaluator.errors import InvalidInputError
from evaluator.people.command_key import command_key, make_command_key
from evaluator.remote.instance import client_here
from evaluator.remote.tokens import (
    checked_token,
    forget_token,
    server_address,
    store_token,
    stored_token,
    token_for,
)
from evaluator.settings import Settings

HERE, THERE = "https://here.example.org", "https://there.example.org"
TOKEN = SecretStr("ev_one")


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder for configuration, and no setting from outside."""
    folder = tmp_path / "configuration"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    for name in ("EVALUATOR_SERVER", "EVALUATOR_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://Evaluator.example.org/", "https://evaluator.example.org"),
        ("https://evaluator.example.org:443", "https://evaluator.example.org"),
        (" HTTP://localhost:8501 ", "http://localhost:8501"),
        ("http://[::1]:8501/", "http://[::1]:8501"),
        ("https://example.org/retrieval/", "https://example.org/retrieval"),
    ],
)
def test_an_address_has_one_form(written: str, address: str) -> None:
    assert server_address(written) == address == server_address(address)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "evaluator.example.org",
        "ftp://example.org",
        "https://",
        "https://a/?b=c",
        "https://a#b",
        "https://a:x",
    ],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(InvalidInputError, match=r"https://evaluator\.example\.org"):
        server_address(written)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidInputError, match="holds no user and no password") as refused:
        server_address("https://anna:geheim@example.org")
    assert "geheim" not in str(refused.value)


def test_a_token_is_stored_for_one_address_and_for_this_user_alone(configuration: Path) -> None:
    before = os.umask(0)
    try:
        path = store_token(HERE, TOKEN)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [*configuration.rglob("*.part")] == []
    assert stored_token(HERE) == TOKEN
    assert stored_token(THERE) is None
    assert stored_token(HERE.replace("https", "http")) is None
    store_token(HERE, SecretStr("ev_two"))
    assert stored_token(HERE) == SecretStr("ev_two")
    assert (forget_token(HERE), forget_token(HERE), stored_token(HERE)) == (True, False, None)


def test_a_token_that_others_may_read_is_not_used() -> None:
    store_token(HERE, TOKEN).chmod(0o640)
    with pytest.raises(InvalidInputError, match=r"others may read the token in .* run `chmod 600`"):
        stored_token(HERE)


def test_a_folder_that_cannot_be_written_is_named(configuration: Path) -> None:
    configuration.write_text("a file")
    with pytest.raises(InvalidInputError, match=r"cannot be stored in .* set XDG_CONFIG_HOME"):
        store_token(HERE, TOKEN)


def test_a_folder_that_is_not_absolute_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store_token(HERE, TOKEN).is_relative_to(tmp_path / ".config" / "retrieval-evaluator")


@pytest.mark.parametrize(
    "written", ["", " \n", "two words", "line\nbreak", "ev_\x00", "ev_\u00e4", "e" * 1001]
)
def test_what_is_no_token_is_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(InvalidInputError, match="token") as refused:
        checked_token(written)
    assert not written.strip() or written.strip() not in str(refused.value)


def test_the_variable_overrides_what_is_stored() -> None:
    store_token(HERE, TOKEN)
    assert token_for(Settings(), HERE) == TOKEN
    assert token_for(Settings(token=SecretStr("ev_ci\n")), HERE) == SecretStr("ev_ci")


def test_the_variables_token_is_for_the_variables_server_alone() -> None:
    """A job whose environment has both may be told to ask another server."""
    both = Settings(server=f"{HERE}/", token=SecretStr("ev_ci"))
    assert token_for(both, HERE) == SecretStr("ev_ci")
    assert token_for(both, THERE) is None
    store_token(THERE, TOKEN)
    assert token_for(both, THERE) == TOKEN


@pytest.mark.parametrize(
    "address", ["http://example.org", "http://10.0.0.7:8501", "http://localhost.example.org"]
)
def test_no_token_goes_where_others_can_read_it(address: str) -> None:
    with pytest.raises(InvalidInputError, match="because others could read it on its way; use https"):
        store_token(address, TOKEN)
    with pytest.raises(InvalidInputError, match="use https"):
        token_for(Settings(token=TOKEN), address)
    assert token_for(Settings(), address) is None


@pytest.mark.parametrize("address", ["http://127.0.0.1:8501", "http://[::1]:8501", "http://localhost:8501"])
def test_on_this_machine_nobody_reads_it(address: str) -> None:
    assert token_for(Settings(token=TOKEN), address) == TOKEN


def test_a_token_is_not_shown() -> None:
    assert "ev_one" not in repr(Settings(token=TOKEN))


def test_the_key_of_a_home_folder_stays_on_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    settings = Settings(home=tmp_path)
    make_command_key(settings)
    with (
        client_here(settings, "http://127.0.0.1:8501") as here,
        client_here(settings, "http://192.0.2.7") as there,
    ):
        assert here._http.headers["authorization"] == f"Bearer {command_key(settings)}"
        assert "authorization" not in there._http.headers
