"""Sessions of browsers, tokens of programs, and the delay after wrong passwords."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from redis import Redis

from evaluator.domain.access import MAIN, Action, Person, Role, Way
from evaluator.errors import ForbiddenError, InvalidInputError, SignedOutError, TooManyError, UnknownNameError
from evaluator.people import accounts, passwords, sessions, throttle, tokens
from evaluator.people.secrets import is_token, new_token
from evaluator.store.people import sessions as store
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import Workspace
from tests.unit.people.conftest import PASSWORD
from tests.unit.people.test_accounts import PHRASE, joined


def later(monkeypatch: pytest.MonkeyPatch, **passed: float) -> None:
    """Let time pass."""
    now = sessions._now() + timedelta(**passed)
    monkeypatch.setattr(sessions, "_now", lambda: now)
    monkeypatch.setattr(tokens, "_now", lambda: now)


def test_the_right_password_begins_a_session(shared: Workspace) -> None:
    secret = sessions.sign_in(shared, "Ann", PASSWORD, "a browser")
    found = sessions.person_of_session(shared, secret)
    assert found is not None
    assert (found.name, found.way, found.is_admin) == ("ann", Way.PASSWORD, True)
    with acting_as(found):
        assert [(each.agent, each.way) for each in sessions.own_sessions(shared)] == [
            ("a browser", "PASSWORD")
        ]
    sessions.sign_out(shared, secret)
    assert sessions.person_of_session(shared, secret) is None


@pytest.mark.parametrize("name", ["ann", "nobody", "", "x" * 300])
def test_a_wrong_password_and_an_unknown_name_are_refused_alike(
    shared: Workspace, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []

    def matches(hash_: str | None, password: str) -> bool:
        verified.append(password)
        return passwords.matches(hash_, password)

    monkeypatch.setattr(sessions, "matches", matches)
    with pytest.raises(SignedOutError, match=r"^the name or the password is wrong$"):
        sessions.sign_in(shared, name, "wrong", "")
    assert verified == ["wrong"]  # one verification, whatever the account


def test_a_session_ends_when_it_is_not_used(shared: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = sessions.sign_in(shared, "ann", PASSWORD, "")
    later(monkeypatch, hours=shared.settings.session_idle_hours, minutes=1)
    assert sessions.person_of_session(shared, secret) is None
    sessions.clear_ended(shared)
    assert shared.database.cursor.execute("SELECT count(*) FROM sessions").fetchall() == [(0,)]


def test_a_session_ends_even_if_it_is_used(shared: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = sessions.sign_in(shared, "ann", PASSWORD, "")
    shared.database.cursor.execute("UPDATE sessions SET seen_at = seen_at + INTERVAL 400 DAY")
    later(monkeypatch, hours=shared.settings.session_hours, minutes=1)
    assert sessions.person_of_session(shared, secret) is None


def test_it_is_noted_that_a_session_is_used(shared: Workspace) -> None:
    secret = sessions.sign_in(shared, "ann", PASSWORD, "")
    shared.database.cursor.execute("UPDATE sessions SET seen_at = seen_at - INTERVAL 2 MINUTE")
    assert sessions.person_of_session(shared, secret) is not None
    (seen_at,) = shared.database.cursor.execute("SELECT seen_at FROM sessions").fetchall()[0]
    assert abs(seen_at - sessions._now()) < timedelta(minutes=1)


@pytest.mark.parametrize("end", ["close", "reset", "change", "all"])
def test_what_ends_all_sessions_of_an_account(shared: Workspace, end: str) -> None:
    bob = joined(shared, "bob")
    mine, other = (
        sessions.sign_in(shared, name, word, "") for name, word in (("bob", PHRASE), ("ann", PASSWORD))
    )
    with acting_as(bob):
        if end == "change":
            accounts.change_password(shared, PHRASE, "a third good phrase")
        if end == "all":
            sessions.end_own(shared)
    if end == "close":
        accounts.disable(shared, "bob")
    if end == "reset":
        accounts.accept(shared, accounts.reset(shared, "bob").secret, "a third good phrase")
    assert sessions.person_of_session(shared, mine) is None
    assert sessions.person_of_session(shared, other) is not None


def test_what_changes_is_seen_at_once(shared: Workspace) -> None:
    joined(shared, "bob")
    secret = sessions.sign_in(shared, "bob", PHRASE, "")
    accounts.grant(shared, "bob", Role.EDITOR)
    found = sessions.person_of_session(shared, secret)
    assert found is not None
    assert found.may(Action.RUN, MAIN)


def test_after_five_wrong_passwords_people_wait_longer_and_longer(shared: Workspace) -> None:
    with acting_as(None, at="192.0.2.7"):
        for _ in range(throttle.FREE + 1):
            with pytest.raises(SignedOutError):
                sessions.sign_in(shared, "ann", "wrong", "")
        with pytest.raises(TooManyError, match="try again in 1 seconds"):
            sessions.sign_in(shared, "ann", PASSWORD, "")
        with pytest.raises(TooManyError):  # and so for another name from there
            sessions.sign_in(shared, "bob", "wrong", "")
    waits = []
    for _ in range(12):
        throttle.note_try(shared.connection, "account:ann")
        with pytest.raises(TooManyError) as refused:
            throttle.require_patience(shared.connection, "account:ann")
        waits.append(int(str(refused.value).split()[-2]))
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_the_right_password_makes_up_for_the_wrong_ones(shared: Workspace) -> None:
    for _ in range(2):
        for _ in range(throttle.FREE - 1):
            with pytest.raises(SignedOutError):
                sessions.sign_in(shared, "ann", "wrong", "")
        sessions.sign_in(shared, "ann", PASSWORD, "")
    queue: Redis = shared.connection
    assert not [*queue.scan_iter(throttle.KEY.format("*"))]


def test_a_team_signs_in_at_once_from_one_address(shared: Workspace) -> None:
    """As behind a proxy or an office's router: right passwords that come together are no wrong ones."""
    names = [f"member {number}" for number in range(4 * throttle.FREE)]
    for name in names:
        joined(shared, name)

    def begin(name: str) -> str:
        with acting_as(None, at="192.0.2.1"):
            return sessions.sign_in(shared, name, PHRASE, "")

    with ThreadPoolExecutor(len(names)) as together:
        secrets = [*together.map(begin, names)]
    assert [getattr(sessions.person_of_session(shared, secret), "name", None) for secret in secrets] == names


def test_wrong_passwords_that_come_together_are_counted(
    shared: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody tries many at once for the price of none."""
    monkeypatch.setattr(throttle, "FIRST", throttle.LONGEST)

    def tried(number: int) -> type[Exception] | None:
        with (
            acting_as(None, at=f"192.0.2.{number % 2}"),
            pytest.raises((SignedOutError, TooManyError)) as refused,
        ):
            sessions.sign_in(shared, "ann", f"wrong {number}", "")
        return refused.type

    with ThreadPoolExecutor(20) as together:
        outcomes = [*together.map(tried, range(20))]
    assert outcomes.count(SignedOutError) == throttle.FREE + 1


def test_a_token_stands_for_its_owner(shared: Workspace, ann: Person) -> None:
    with acting_as(ann):
        made = tokens.create(shared, "CI", Role.VIEWER)
        listed = tokens.tokens(shared)
    assert is_token(made.secret)
    assert [(each.name, each.shown, each.used_at) for each in listed] == [("CI", made.secret[:11], None)]
    found = tokens.person_of_token(shared, made.secret)
    assert found is not None
    assert (found.name, found.way, found.is_admin, found.roles) == (
        "ann",
        Way.TOKEN,
        False,
        {MAIN: Role.VIEWER},
    )
    assert isinstance(store.tokens(shared.database)[0].used_at, datetime)


def test_a_token_is_made_by_somebody_who_signed_in(shared: Workspace, ann: Person) -> None:
    with pytest.raises(ForbiddenError, match="only somebody who signed in"):
        tokens.create(shared, "CI")
    with acting_as(ann):
        made = tokens.create(shared, "CI")
        with pytest.raises(InvalidInputError, match="for 1 to 3,660 days, not 0"):
            tokens.create(shared, "CI", days=0)
    with acting_as(tokens.person_of_token(shared, made.secret)), pytest.raises(ForbiddenError):
        tokens.create(shared, "CI")


@pytest.mark.parametrize("end", ["expires", "is revoked", "its account is closed"])
def test_a_token_ends(shared: Workspace, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = joined(shared, "bob")
    with acting_as(bob):
        made = tokens.create(shared, "CI")
        if end == "is revoked":
            tokens.revoke(shared, made.id)
    if end == "expires":
        later(monkeypatch, days=91)
    if end == "its account is closed":
        accounts.disable(shared, "bob")
    assert tokens.person_of_token(shared, made.secret) is None


def test_tokens_of_others_are_seen_and_revoked_by_administrators_only(shared: Workspace, ann: Person) -> None:
    bob = joined(shared, "bob", Role.ADMIN)
    with acting_as(ann):
        made = tokens.create(shared, "CI")
    with acting_as(bob):
        assert tokens.tokens(shared) == []
        with pytest.raises(ForbiddenError):
            tokens.tokens(shared, everybody=True)
        with pytest.raises(UnknownNameError):
            tokens.revoke(shared, made.id)
    with acting_as(ann):
        assert len(tokens.tokens(shared, everybody=True)) == 1
        tokens.revoke(shared, made.id)
        assert tokens.tokens(shared) == []


@pytest.mark.parametrize("text", ["", "ev_", "ev_" + "0" * 49, "ev_" + "é" * 49])
def test_what_is_no_token_is_not_looked_up(text: str) -> None:
    assert not is_token(text)


def test_a_token_with_a_mistake_is_none() -> None:
    token = new_token()
    assert is_token(token)
    assert not is_token(token[:-1])
    assert not is_token(f"{token}0")
    assert not is_token(token[:10] + ("a" if token[10] != "a" else "b") + token[11:])
