"""People whom somebody else vouches for: an OpenID Connect provider, or a proxy that signs people in.

An account is found by issuer and subject, what the issuer calls somebody for good. Names and e-mail addresses only name
new accounts: whoever can choose theirs elsewhere must not become somebody else here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from evaluator.domain.access import MAIN, Role, Way
from evaluator.domain.records import Account, Identity, Invitation
from evaluator.errors import ConflictError, ForbiddenError, InvalidInputError, UnknownNameError
from evaluator.people.accounts import RESET, USED, by_id, by_name, checked_name, invited
from evaluator.people.log import note, note_of
from evaluator.people.secrets import digest, new_id
from evaluator.settings.kinds import RoleName
from evaluator.settings.providers import GroupRole
from evaluator.store.people import identities as store
from evaluator.store.people.projects import projects
from evaluator.workspace.acting import acting
from evaluator.workspace.workspace import Workspace

SEEN_EVERY = timedelta(minutes=1)
"""How often it is noted that an identity is used."""
INSTANCE = ""
"""Stands for the instance beside projects: administering it."""
NOTED_EVERY = 3600
"""Seconds until it is noted again that somebody was refused."""


class Vouched(NamedTuple):
    """Somebody whom an issuer vouches for.

    Attributes:
        subject: what the issuer calls them for good.
        names: how a new account may be called, the best first.
        groups: that the issuer says they are in.
        by: what people call the issuer.
    """

    issuer: str
    subject: str
    names: Sequence[str]
    groups: frozenset[str]
    way: Way
    by: str


class Rules(NamedTuple):
    """What the people of an issuer may do: by group, and otherwise; None otherwise refuses them unless invited."""

    groups: Sequence[GroupRole]
    otherwise: RoleName | None


class Granted(NamedTuple):
    """What somebody's groups grant: a role in each project, the highest of several, and whether to administer the
    instance."""

    roles: Mapping[str, Role]
    is_admin: bool

    @property
    def places(self) -> frozenset[str]:
        """Where: projects, and '' for the instance."""
        return frozenset(self.roles) | ({INSTANCE} if self.is_admin else frozenset())


def granted(rules: Rules, groups: frozenset[str], there: Collection[str]) -> Granted:
    """What the members of some groups may do.

    Args:
        there: the projects that there are; roles in others count once there are such projects.
    """
    roles: dict[str, Role] = {}
    for each in rules.groups:
        if each.role is not None and each.group in groups and each.project in there:
            roles[each.project] = _higher(roles.get(each.project), Role(each.role))
    return Granted(roles, any(each.admin and each.group in groups for each in rules.groups))


def recognised(workspace: Workspace, vouched: Vouched, rules: Rules) -> Account:
    """The account of somebody whom an issuer vouches for, with what their groups may now. Makes it if it is new.

    Raises:
        ForbiddenError: the account is closed, or nothing says what they may do here.
        ConflictError: their name is somebody else's; says how to link the two.
    """
    known = store.identity(workspace.database, vouched.issuer, vouched.subject)
    if known is None:
        return _added(workspace, vouched, rules)
    account = by_id(workspace, known.account)
    if account is None:
        raise ForbiddenError("this account is closed; an administrator of this instance can open it")
    _note_use(workspace, known)
    return _with_roles(workspace, vouched, rules, account)


def known_by(workspace: Workspace, issuer: str, subject: str) -> Account | None:
    """The open account that an issuer's name for somebody stands for; None if there is none."""
    known = store.identity(workspace.database, issuer, subject)
    return None if known is None else by_id(workspace, known.account)


def joined(workspace: Workspace, vouched: Vouched, rules: Rules, secret: str) -> Account:
    """Use a one-time link: join without a password, or link the account whose link it is.

    Raises:
        UnknownNameError: the link was used, has expired, or never was one.
        ConflictError: the issuer's name for them is linked to an account already.
    """
    invitation = invited(workspace, secret)
    if invitation is None:
        raise UnknownNameError(USED)
    if invitation.purpose == RESET:
        account = by_id(workspace, invitation.account or "")
        if account is None:
            raise UnknownNameError(USED)
        return linked(workspace, vouched, account, invitation.digest)
    new = Account(new_id(), invitation.name, None, invitation.is_admin, _now(), None, _roles(invitation))
    if not store.add(
        workspace.database, vouched.issuer, vouched.subject, new.id, new=new, invitation=invitation.digest
    ):
        raise ConflictError(
            f"there is an account {new.name!r} already, or this person of {vouched.by} has one; sign in with it"
        )
    note_of(
        workspace,
        new.name,
        new.id,
        vouched.way,
        "joined",
        f"by {vouched.by}, invited by {invitation.created_by}",
    )
    return _with_roles(workspace, vouched, rules, new)


def linked(
    workspace: Workspace, vouched: Vouched, account: Account, invitation: str | None = None
) -> Account:
    """Let somebody sign in by an issuer from now on, too.

    Args:
        account: of whoever is signed in, or whose one-time link was used.
        invitation: the link's digest.

    Raises:
        ConflictError: the issuer's name for them is linked to an account already.
    """
    known = store.identity(workspace.database, vouched.issuer, vouched.subject)
    if known is not None and known.account == account.id:
        return account
    if not store.add(workspace.database, vouched.issuer, vouched.subject, account.id, invitation=invitation):
        if invitation is not None and known is None:
            raise UnknownNameError(USED)
        raise ConflictError(
            f"this person of {vouched.by} has an account here already, so nothing was linked; sign in with it"
        )
    note_of(workspace, account.name, account.id, vouched.way, "linked a way to sign in", vouched.by)
    return account


def unlink(workspace: Workspace, issuer: str, subject: str) -> None:
    """Let an issuer's name for somebody not stand for the account of whoever is acting any more.

    Raises:
        UnknownNameError: it does not.
        ConflictError: they could not sign in any more.
    """
    account = by_id(workspace, acting().account or "")
    own = [] if account is None else store.identities(workspace.database, account.id)
    if account is None or (issuer, subject) not in {(each.issuer, each.subject) for each in own}:
        raise UnknownNameError("that way to sign in is not linked to this account")
    if len(own) == 1 and (account.password is None or "password" not in workspace.settings.auth):
        raise ConflictError("it is the only way to sign in with this account; link another one first")
    store.remove(workspace.database, issuer, subject)
    note(workspace, "unlinked a way to sign in", issuer)


def identities_of(workspace: Workspace, account: str) -> list[Identity]:
    """By whom an account is vouched for, the last used first."""
    return store.identities(workspace.database, account)


def _added(workspace: Workspace, vouched: Vouched, rules: Rules) -> Account:
    new_name = _name(vouched)
    grants = granted(rules, vouched.groups, projects(workspace.database))
    if not grants.places and rules.otherwise is None:
        _note_refusal(workspace, vouched, new_name, "no role for their groups")
        raise ForbiddenError(
            f"{vouched.by} knows you as {new_name}, and nothing says what you may do here; an administrator of this "
            "instance can invite you, or give a role to one of your groups"
        )
    if by_name(workspace, new_name) is not None:
        _note_refusal(workspace, vouched, new_name, "the name is taken")
        raise ConflictError(
            f"there is an account {new_name!r} already, and {vouched.by} is not linked to it. If it is yours, sign in "
            "as before and link it on the page Account, or ask an administrator for a link to a new password, which "
            "links it, too"
        )
    roles = {**({MAIN: Role(rules.otherwise)} if rules.otherwise else {}), **grants.roles}
    new = Account(new_id(), new_name, None, grants.is_admin, _now(), None, roles)
    if not store.add(
        workspace.database, vouched.issuer, vouched.subject, new.id, new=new, by_groups=grants.places
    ):
        same = known_by(workspace, vouched.issuer, vouched.subject)  # another request of theirs was faster
        if same is None:
            raise ConflictError(f"there is an account {new_name!r} already; ask an administrator")
        return same
    note_of(workspace, new.name, new.id, vouched.way, "joined", f"by {vouched.by}, as {_said(new)}")
    return new


def _note_refusal(workspace: Workspace, vouched: Vouched, name: str, why: str) -> None:
    """Note once an hour that somebody was refused: with a proxy, each of their requests is."""
    key = f"evaluator:refused:{digest(f'{vouched.issuer} {vouched.subject}')}"
    if workspace.connection.set(key, 1, nx=True, ex=NOTED_EVERY):
        note_of(workspace, name, None, vouched.way, "was refused", f"by {vouched.by}: {why}")


def _with_roles(workspace: Workspace, vouched: Vouched, rules: Rules, account: Account) -> Account:
    """The account with what its groups grant now, which is stored and noted if it is something else than before.

    What groups gave is taken away when they do not give it any more; what people gave stays, and the higher counts.
    """
    grants = granted(rules, vouched.groups, projects(workspace.database))
    before = store.by_groups(workspace.database, account.id, vouched.issuer)
    roles: dict[str, Role | None] = {
        project: role if project in before else _higher(account.roles.get(project), role)
        for project, role in grants.roles.items()
    }
    for project in before - grants.places - {INSTANCE}:
        roles[project] = Role(rules.otherwise) if project == MAIN and rules.otherwise else None
    changed = {project: role for project, role in roles.items() if account.roles.get(project) != role}
    gives, takes = grants.is_admin and not account.is_admin, INSTANCE in before and not grants.is_admin
    given = {project: True for project in changed if project in grants.places} | (
        {INSTANCE: True} if gives else {}
    )
    given |= dict.fromkeys(before - grants.places, False)
    if not changed and not given:
        return account
    is_admin = True if gives else False if takes else None
    store.set_roles(workspace.database, account.id, vouched.issuer, changed, is_admin, given)
    now = by_id(workspace, account.id) or account
    said = f"by {vouched.by}: {_said(now)}"
    note_of(workspace, now.name, now.id, vouched.way, "got what their groups may", said)
    return now


def _higher(one: Role | None, other: Role) -> Role:
    return other if one is None else max(one, other, key=lambda each: each.rank)


def _name(vouched: Vouched) -> str:
    """How a new account is called: the first of the names that can be one."""
    for name in (*vouched.names, vouched.subject):
        try:
            return checked_name(name)
        except InvalidInputError:
            continue
    raise ForbiddenError(f"{vouched.by} gives no name that an account could have; ask an administrator")


def _said(account: Account) -> str:
    roles = [f"{role} in {project}" for project, role in sorted(account.roles.items())]
    return ", ".join([*(["administrator"] if account.is_admin else []), *roles]) or "nobody yet"


def _roles(invitation: Invitation) -> dict[str, Role]:
    return {} if invitation.role is None else {invitation.project: invitation.role}


def _note_use(workspace: Workspace, identity: Identity) -> None:
    if _now() - identity.used_at > SEEN_EVERY:
        store.seen(workspace.database, identity.issuer, identity.subject)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
