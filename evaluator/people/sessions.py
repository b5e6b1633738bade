"""Signing in and out: sessions of browsers, kept by the server, so that they can be listed and ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock

from evaluator.domain.access import Person, Way
from evaluator.domain.printable import printable
from evaluator.domain.records import Account, Session
from evaluator.errors import SignedOutError
from evaluator.people import throttle
from evaluator.people.accounts import by_id, by_name, key_of, person_of
from evaluator.people.log import note_of
from evaluator.people.passwords import hashed, is_dated, matches
from evaluator.people.secrets import digest, new_secret
from evaluator.store.people import accounts as account_rows
from evaluator.store.people import sessions as store
from evaluator.workspace.acting import acting, address
from evaluator.workspace.workspace import Workspace

COOKIE = "__Host-evaluator"
"""The cookie with a session's secret. Browsers take one of this name only over HTTPS, or from loopback, and send it to
this host alone."""
SEEN_EVERY = timedelta(minutes=1)
"""How often it is noted that a session is used."""
AGENT = 200
"""Characters of a browser's name for itself."""

_ONE_TRY = Lock()
"""Held while a password is tried: one process serves all people (ADR 0001)."""
WRONG = "the name or the password is wrong"


def sign_in(workspace: Workspace, name: str, password: str, agent: str) -> str:
    """Begin a session with a password; returns its secret, for a cookie.

    Raises:
        SignedOutError: the name or the password is wrong.
        TooManyError: there were too many wrong ones; says how long to wait.
    """
    account = _account_of(workspace, name, password)
    if account.password and is_dated(account.password):
        account_rows.change(workspace.database, account.id, password=hashed(password, account.name))
    return begin(workspace, account, Way.PASSWORD, agent)


def _account_of(workspace: Workspace, name: str, password: str) -> Account:
    """The account that a name and a password belong to.

    One is tried after the other. Of many at once, wrong ones would else count as none if each counted once it is known,
    and right ones, as of a team behind one address, as wrong if each counted before.
    """
    who = (f"account:{key_of(name)}", f"address:{address()}")
    with _ONE_TRY:
        throttle.require_patience(workspace.connection, *who)
        throttle.note_try(workspace.connection, *who)
        account = by_name(workspace, name)
        is_right = matches(account.password if account else None, password)
        if account is not None and not account.disabled_at and is_right:
            throttle.forget(workspace.connection, *who)
            return account
    # Whoever mistook the fields has typed a password as the name.
    tried = account.name if account else "an unknown name"
    note_of(workspace, tried, account and account.id, Way.PASSWORD, "failed to sign in")
    raise SignedOutError(WRONG)


def begin(workspace: Workspace, account: Account, way: Way, agent: str) -> str:
    """Begin a session for an account that was recognised; returns its secret."""
    secret = new_secret()
    expires_at = _now() + timedelta(hours=workspace.settings.session_hours)
    agent = printable(agent, AGENT)
    store.begin_session(
        workspace.database, digest(secret), account.id, way.name, address(), agent, expires_at
    )
    note_of(workspace, account.name, account.id, way, "signed in")
    return secret


def person_of_session(workspace: Workspace, secret: str) -> Person | None:
    """Whose session a secret is; None if it is nobody's, or has ended."""
    found = store.sessions(workspace.database, digest=digest(secret))
    if not found or _has_ended(workspace, found[0]):
        return None
    session = found[0]
    if session.way.lower() not in workspace.settings.auth:  # people signed in in a way that is off now
        return None
    account = by_id(workspace, session.account)
    if account is None:
        return None
    if _now() - session.seen_at > SEEN_EVERY:
        store.seen(workspace.database, session.digest)
    return person_of(account, Way[session.way])


def sign_out(workspace: Workspace, secret: str) -> Person | None:
    """End a session; returns whose it was, None if it had ended."""
    person = person_of_session(workspace, secret)
    replace(workspace, secret)
    if person is not None:
        note_of(workspace, person.name, person.account, person.way, "signed out")
    return person


def replace(workspace: Workspace, secret: str) -> None:
    """End a session because the same browser begins another one."""
    store.end_sessions(workspace.database, digest=digest(secret))


def own_sessions(workspace: Workspace) -> list[Session]:
    """The sessions of whoever is acting, the last used first."""
    account = acting().account
    return [] if account is None else store.sessions(workspace.database, account=account)


def end_own(workspace: Workspace) -> None:
    """End all sessions of whoever is acting."""
    person = acting()
    if person.account is not None:
        store.end_sessions(workspace.database, account=person.account)
        note_of(workspace, person.name, person.account, person.way, "ended all sessions")


def clear_ended(workspace: Workspace) -> None:
    """Remove sessions that have ended."""
    store.end_sessions(workspace.database, idle_since=_idle_since(workspace))


def _has_ended(workspace: Workspace, session: Session) -> bool:
    return session.expires_at < _now() or session.seen_at < _idle_since(workspace)


def _idle_since(workspace: Workspace) -> datetime:
    return _now() - timedelta(hours=workspace.settings.session_idle_hours)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
