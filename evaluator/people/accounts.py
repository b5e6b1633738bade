"""Accounts: who has one, what they may do, and how they get a password."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from evaluator.domain.access import Action, Person, Role, Way
from evaluator.domain.records import Account, Invitation
from evaluator.errors import ConflictError, ForbiddenError, InvalidInputError, UnknownNameError
from evaluator.people.log import note, note_of
from evaluator.people.passwords import hashed, matches
from evaluator.people.secrets import digest, new_id, new_secret
from evaluator.store.people import accounts as store
from evaluator.store.people import sessions as links
from evaluator.workspace.acting import acting, may, needs, require
from evaluator.workspace.projects import current
from evaluator.workspace.workspace import Workspace

INVITED_FOR = timedelta(days=7)
"""How long a one-time link can be used."""
LONGEST_NAME = 200
JOIN, RESET = "join", "reset"
USED = "this link was used already, or has expired; ask for another one"


class Link(NamedTuple):
    """A one-time link: the secret in its address, shown once, and when it expires (UTC)."""

    secret: str
    name: str
    expires_at: datetime


@needs(Action.GRANT)
def members(workspace: Workspace) -> tuple[Account, ...]:
    """Accounts by name: all for those who manage them, else those with a role in the project.

    Raises:
        EvaluatorError: as `projects.current`.
    """
    name, found = current(workspace), store.accounts(workspace.database)
    if may(Action.MANAGE):
        return found
    return tuple(each for each in found if name in each.roles)


def by_name(workspace: Workspace, name: str) -> Account | None:
    """The account of a name, however it is written; None if there is none."""
    wanted = key_of(name)
    return next((each for each in store.accounts(workspace.database) if each.name.casefold() == wanted), None)


def by_id(workspace: Workspace, id_: str) -> Account | None:
    """The account of an id that is not disabled; None if there is none."""
    return next(
        (each for each in store.accounts(workspace.database) if each.id == id_ and not each.disabled_at), None
    )


def person_of(account: Account, way: Way) -> Person:
    """An account's person, as recognised in some way."""
    return Person(account.name, way, account.id, account.is_admin, account.roles)


@needs(Action.MANAGE)
def add_admin(workspace: Workspace, name: str, password: str) -> Account:
    """Make an account that administers the instance: the first one is made on the command line.

    Raises:
        InvalidInputError: the name or the password is not valid.
        ConflictError: there is such an account.
    """
    account = _add(workspace, name, hashed(password, name), is_admin=True)
    note(workspace, "added an administrator", account.name)
    return account


@needs(Action.GRANT)
def invite(workspace: Workspace, name: str, role: Role | None, *, is_admin: bool = False) -> Link:
    """A one-time link with which somebody chooses a password and joins.

    Args:
        name: what they will sign in with.
        role: in the project in which whoever is acting works; None for none.
        is_admin: whether they will administer the instance, which only an administrator can decide.

    Raises:
        ConflictError: there is an account of that name.
        ForbiddenError: somebody else has to decide that.
    """
    if is_admin:
        require(Action.MANAGE)
    name = checked_name(name)
    if by_name(workspace, name) is not None:
        raise ConflictError(f"there is an account {name!r}; change its role instead")
    link = _link(workspace, JOIN, name, role=role, is_admin=is_admin)
    what = "administrator" if is_admin else f"{role or 'nobody yet'} in {current(workspace)}"
    note(workspace, "invited", f"{name} as {what}")
    return link


@needs(Action.MANAGE)
def reset(workspace: Workspace, name: str) -> Link:
    """A one-time link with which somebody chooses a new password."""
    account = known(workspace, name)
    links.withdraw(workspace.database, account=account.id)
    link = _link(workspace, RESET, account.name, account=account.id)
    note(workspace, "let choose a new password", account.name)
    return link


def invited(workspace: Workspace, secret: str) -> Invitation | None:
    """The one-time link of a secret, if it can be used."""
    now, wanted = _now(), digest(secret)
    return next(
        (
            each
            for each in links.invitations(workspace.database)
            if each.digest == wanted
            and each.used_at is None
            and each.expires_at > now
            and _may_still(workspace, each)
        ),
        None,
    )


@needs(Action.GRANT)
def open_invitations(workspace: Workspace) -> list[Invitation]:
    """Invitations into the project that can still be used, or all for those who manage accounts; the newest first."""
    project, everywhere = current(workspace), may(Action.MANAGE)
    return [
        each
        for each in links.invitations(workspace.database)
        if each.purpose == JOIN
        and each.used_at is None
        and each.expires_at > _now()
        and _may_still(workspace, each)
        and (everywhere or each.project == project)
    ]


def withdraw(workspace: Workspace, id_: str) -> None:
    """Make an invitation useless.

    Args:
        id_: as `invitation_id` gives it.

    Raises:
        UnknownNameError: whoever is acting sees none of that id.
    """
    for each in open_invitations(workspace):
        if invitation_id(each) == id_:
            links.withdraw(workspace.database, digest=each.digest)
            note(workspace, "withdrew an invitation", f"{each.name} to {each.project}")
            return
    raise UnknownNameError(f"there is no open invitation {id_!r}")


def invitation_id(invitation: Invitation) -> str:
    """What an invitation is known by; it tells nothing of the secret."""
    return invitation.digest[:12]


def accept(workspace: Workspace, secret: str, password: str) -> Account:
    """Use a one-time link: join, or choose a new password, which ends all sessions.

    Raises:
        UnknownNameError: the link was used, has expired, or never was one.
        InvalidInputError: the password is not valid; the link can still be used.
    """
    invitation = invited(workspace, secret)
    if invitation is None:
        raise UnknownNameError(USED)
    hash_ = hashed(password, invitation.name)
    if invitation.purpose == RESET:
        account = next(each for each in store.accounts(workspace.database) if each.id == invitation.account)
        if not store.choose_password(workspace.database, account.id, hash_, invitation.digest):
            raise UnknownNameError(USED)
        note_of(workspace, account.name, account.id, Way.PASSWORD, "chose a new password")
        return account
    if by_name(workspace, invitation.name) is not None:
        raise ConflictError(f"there is an account {invitation.name!r} already; sign in with it")
    account = _add(workspace, invitation.name, hash_, invitation=invitation)
    note_of(
        workspace, account.name, account.id, Way.PASSWORD, "joined", f"invited by {invitation.created_by}"
    )
    return account


@needs(Action.GRANT)
def grant(workspace: Workspace, name: str, role: Role | None) -> None:
    """Give somebody a role in the project in which whoever is acting works; None takes theirs away."""
    account, project = known(workspace, name), current(workspace)
    store.grant(workspace.database, account.id, project, role)
    note(
        workspace,
        "granted" if role else "took away the role of",
        f"{role} in {project} to {account.name}" if role else f"{account.name} in {project}",
    )


@needs(Action.MANAGE)
def set_admin(workspace: Workspace, name: str, is_admin: bool) -> None:
    """Make somebody an administrator of the instance, or not any more.

    Raises:
        ConflictError: nobody else is one.
    """
    account = known(workspace, name)
    store.change(workspace.database, account.id, is_admin=is_admin)
    note(workspace, "made an administrator" if is_admin else "made no administrator any more", account.name)


@needs(Action.MANAGE)
def disable(workspace: Workspace, name: str, is_disabled: bool = True) -> None:
    """Close an account, which ends its sessions, tokens and invitations; or open it again.

    Raises:
        ConflictError: it is the only administrator's.
    """
    account = known(workspace, name)
    store.change(workspace.database, account.id, is_disabled=is_disabled)
    if is_disabled:
        links.end_sessions(workspace.database, account=account.id)
        links.withdraw(workspace.database, account=account.id, created_by=account.name)
    note(workspace, "closed the account" if is_disabled else "opened the account", account.name)


def has_password(workspace: Workspace) -> bool:
    """Whether whoever is acting has a password."""
    account = by_id(workspace, acting().account or "")
    return account is not None and account.password is not None


def change_password(workspace: Workspace, old: str, new: str) -> None:
    """Choose a new password for whoever is acting; ends all their sessions.

    Raises:
        ForbiddenError: the old one is wrong, or nobody is signed in.
        InvalidInputError: the new one is not valid.
    """
    person = acting()
    account = by_id(workspace, person.account) if person.account else None
    if account is None or not matches(account.password, old):
        raise ForbiddenError("that is not your present password; nothing was changed")
    store.choose_password(workspace.database, account.id, hashed(new, account.name))
    note(workspace, "changed the password")


def checked_name(name: str) -> str:
    """An account's name: any letters, normalised, without blanks around it.

    Raises:
        InvalidInputError: it is empty, too long, or holds characters that cannot be seen.
    """
    normal = _normal(name)
    if not normal or len(normal) > LONGEST_NAME or not normal.isprintable():
        raise InvalidInputError(
            f"a name has 1 to {LONGEST_NAME} characters that can be seen; choose another one"
        )
    return normal


def key_of(name: str) -> str:
    """What is equal for all ways of writing a name."""
    return _normal(name).casefold()


def _normal(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip()


def _add(
    workspace: Workspace,
    name: str,
    password: str,
    *,
    is_admin: bool = False,
    invitation: Invitation | None = None,
) -> Account:
    """Store an account: an administrator's, or that of an invitation."""
    name, roles = checked_name(name), {}
    if invitation is not None:
        is_admin = invitation.is_admin
        roles = {invitation.project: invitation.role} if invitation.role is not None else {}
    account = Account(new_id(), name, password, is_admin, _now(), None, roles)
    used = None if invitation is None else invitation.digest
    if not store.add(workspace.database, account, invitation=used):
        if used is not None and by_name(workspace, name) is None:
            raise UnknownNameError(USED)
        raise ConflictError(f"there is an account {name!r} already; choose another name")
    return known(workspace, name)


def known(workspace: Workspace, name: str) -> Account:
    """The account of a name.

    Raises:
        UnknownNameError: there is none.
    """
    account = by_name(workspace, name)
    if account is None:
        raise UnknownNameError(f"there is no account {name!r}")
    return account


def _may_still(workspace: Workspace, invitation: Invitation) -> bool:
    """Whether whoever made a one-time link may make it now; what a command made stays."""
    maker = by_name(workspace, invitation.created_by)
    if maker is None:
        return True
    needed = Action.MANAGE if invitation.is_admin or invitation.purpose == RESET else Action.GRANT
    return not maker.disabled_at and person_of(maker, Way.SYSTEM).may(needed, invitation.project)


def _link(
    workspace: Workspace,
    purpose: str,
    name: str,
    *,
    account: str | None = None,
    role: Role | None = None,
    is_admin: bool = False,
) -> Link:
    secret, expires_at = new_secret(), _now() + INVITED_FOR
    links.invite(
        workspace.database,
        {
            "digest": digest(secret),
            "purpose": purpose,
            "name": name,
            "account": account,
            "is_admin": is_admin,
            "role": role,
            "created_by": acting().name,
            "expires_at": expires_at,
            "project": current(workspace),
        },
    )
    return Link(secret, name, expires_at)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
