"""Tokens: how programs sign in, each with what its account may, or less."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from evaluator.domain.access import Action, Person, Role, Way, limited
from evaluator.domain.records import Token
from evaluator.errors import ForbiddenError, InvalidInputError, UnknownNameError
from evaluator.people.accounts import by_id, checked_name, person_of
from evaluator.people.log import note
from evaluator.people.secrets import PREFIX, SHOWN, digest, is_token, new_id, new_token
from evaluator.store.people import sessions as store
from evaluator.store.people.projects import projects
from evaluator.workspace.acting import acting, may
from evaluator.workspace.projects import visible
from evaluator.workspace.workspace import Workspace

DAYS = 90
"""How long a token can be used, unless somebody decides otherwise."""
MOST_DAYS = 3660
NOT_SIGNED_IN = "only somebody who signed in can see, make and revoke tokens; sign in with your account"
USED_EVERY = timedelta(minutes=1)


class NewToken(NamedTuple):
    """A token that was just made; its secret is never shown again."""

    id: str
    secret: str
    expires_at: datetime | None


def create(
    workspace: Workspace,
    name: str,
    role: Role | None = None,
    days: int | None = DAYS,
    project: str | None = None,
) -> NewToken:
    """A new token for whoever is acting.

    Args:
        name: what it is for.
        role: the most that it may do; None for all that its owner may.
        days: until it expires; None for never.
        project: the only one that it works in; None for all of its owner.

    Raises:
        ForbiddenError: whoever is acting has no account, or is a program with a token itself.
        InvalidInputError: the name or the days are not valid.
        UnknownNameError: whoever is acting sees no such project.
    """
    person = _signed_in()
    if person.account is None:
        raise ForbiddenError(NOT_SIGNED_IN)
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise InvalidInputError(f"a token can be used for 1 to {MOST_DAYS:,} days, not {days}")
    if project is not None and project not in (seen := visible(workspace)):
        raise UnknownNameError(f"you see no project {project!r}; you see: {', '.join(seen) or 'none'}")
    name, secret, id_ = checked_name(name), new_token(), new_id()
    expires_at = None if days is None else _now() + timedelta(days=days)
    shown = secret[: len(PREFIX) + SHOWN]
    store.add_token(
        workspace.database, id_, digest(secret), shown, name, person.account, role, project, expires_at
    )
    note(workspace, "made a token", f"{name} ({shown}…)")
    return NewToken(id_, secret, expires_at)


def person_of_token(workspace: Workspace, secret: str) -> Person | None:
    """Whom a token stands for, with what it may; None if it is none, has expired, or its account is closed."""
    if not is_token(secret):
        return None
    found = store.tokens(workspace.database, digest=digest(secret))
    if not found or (found[0].expires_at is not None and found[0].expires_at < _now()):
        return None
    token = found[0]
    account = by_id(workspace, token.account)
    if account is None:
        return None
    if token.used_at is None or _now() - token.used_at > USED_EVERY:
        store.token_used(workspace.database, token.id)
    person = person_of(account, Way.TOKEN)
    return limited(person, token.role, token.project, projects(workspace.database))


def tokens(workspace: Workspace, *, everybody: bool = False) -> list[Token]:
    """The tokens of whoever is acting, the newest first; or all, for those who manage accounts."""
    person = _signed_in()
    if everybody and not may(Action.MANAGE):
        raise ForbiddenError("only an administrator of this instance sees the tokens of others")
    return [each for each in store.tokens(workspace.database) if everybody or each.account == person.account]


def revoke(workspace: Workspace, id_: str) -> None:
    """Revoke a token: one's own, or anybody's for those who manage accounts.

    Raises:
        UnknownNameError: there is none of that id, or it is somebody else's.
    """
    person = _signed_in()
    for token in store.tokens(workspace.database):
        if token.id == id_ and (token.account == person.account or may(Action.MANAGE)):
            store.revoke_token(workspace.database, id_)
            note(workspace, "revoked a token", f"{token.name} ({token.shown}…)")
            return
    raise UnknownNameError(f"there is no token {id_!r}")


def _signed_in() -> Person:
    """Whoever is acting, who is no program: a token for little must not reach its owner's others.

    Raises:
        ForbiddenError: they have no account, or are a program.
    """
    person = acting()
    if person.way is Way.TOKEN or (person.account is None and not may(Action.MANAGE)):
        raise ForbiddenError(NOT_SIGNED_IN)
    return person


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
