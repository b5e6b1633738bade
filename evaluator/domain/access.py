"""Who may do what: roles, actions, and the one table that says which role an action takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from types import MappingProxyType

MAIN = "main"
"""The project that every instance begins with."""


class Role(StrEnum):
    """A role in a project; each one may do what those before it may."""

    VIEWER = "viewer"
    JUDGE = "judge"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Its place, from 0."""
        return tuple(Role).index(self)


class Action(StrEnum):
    """What people do, in the words that a refusal uses."""

    SEE = "see datasets, experiments and results"
    JUDGE = "judge documents"
    EDIT = "add, change or delete datasets"
    RUN = "start, stop or delete experiments"
    ASK = "ask a query"
    SHARE = "share results by links"
    COMMENT = "comment on experiments"
    DECIDE = "decide which variant ships"
    MODERATE = "delete comments of others"
    GRANT = "invite people and change their roles"
    OPERATE = "operate this instance"
    MANAGE = "manage accounts and projects"
    AUDIT = "read the audit log"


LOWEST: Mapping[Action, Role] = MappingProxyType(
    {
        Action.SEE: Role.VIEWER,
        Action.COMMENT: Role.VIEWER,
        Action.JUDGE: Role.JUDGE,
        Action.ASK: Role.JUDGE,
        Action.EDIT: Role.EDITOR,
        Action.RUN: Role.EDITOR,
        Action.SHARE: Role.EDITOR,
        Action.DECIDE: Role.EDITOR,
        Action.GRANT: Role.ADMIN,
        Action.MODERATE: Role.ADMIN,
    }
)
"""The lowest role in a project that may do an action."""

OF_INSTANCE = frozenset({Action.OPERATE, Action.MANAGE, Action.AUDIT})
"""Actions that only an administrator of the instance may do, who may do all others, too."""


class Way(Enum):
    """How somebody was recognised."""

    OPEN = "this instance has no accounts"
    COMMAND = "a command on the server's machine"
    SYSTEM = "the server itself"
    PASSWORD = "password"  # noqa: S105  a word
    TOKEN = "token"  # noqa: S105  a word
    LINK = "a share link"
    OIDC = "OpenID Connect"
    PROXY = "a proxy's header"


@dataclass(frozen=True)
class Person:
    """Somebody who does something, with what they may.

    Attributes:
        name: what others call them.
        way: how they were recognised.
        account: their account's id; None without accounts.
        is_admin: whether they administer the instance.
        roles: their role in each project.
    """

    name: str
    way: Way
    account: str | None = None
    is_admin: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict, hash=False)

    @property
    def first_project(self) -> str:
        """The project that they work in unless they choose another one: the main one, if they may see it."""
        return MAIN if self.is_admin or MAIN in self.roles else min(self.roles, default=MAIN)

    @property
    def projects(self) -> frozenset[str] | None:
        """The projects in which they have a role; None for all that there are."""
        return None if self.is_admin else frozenset(self.roles)

    def may(self, action: Action, project: str) -> bool:
        """Whether they may do something in a project; `project` does not matter for actions of the instance."""
        if self.is_admin:
            return True
        lowest, role = LOWEST.get(action), self.roles.get(project)
        return lowest is not None and role is not None and role.rank >= lowest.rank


OPEN = Person("this machine", Way.OPEN, is_admin=True)
"""Everybody, on an instance without accounts."""
COMMAND = Person("a command", Way.COMMAND, is_admin=True)
"""Whoever may read and write the home folder."""
SYSTEM = Person("the server", Way.SYSTEM, is_admin=True)
"""The server's own threads, which look after experiments."""
NOBODY = Person("nobody", Way.SYSTEM)
"""May do nothing."""


def limited(
    person: Person,
    role: Role | None = None,
    project: str | None = None,
    all_projects: Iterable[str] = (MAIN,),
) -> Person:
    """The same person with no more than a token's scope allows.

    Args:
        role: the most that they may do; None limits nothing.
        project: the only one; None for all.
        all_projects: those that there are, for an administrator.
    """
    if role is None and project is None:
        return person
    own = dict.fromkeys(all_projects, Role.ADMIN) if person.is_admin else person.roles
    roles = {
        name: has if role is None else min(has, role, key=lambda each: each.rank)
        for name, has in own.items()
        if project in (None, name)
    }
    return Person(person.name, person.way, person.account, roles=roles)


def refused(person: Person, action: Action, project: str) -> str:
    """Why somebody may not do something, and who can change that."""
    if action in OF_INSTANCE:
        return f"{person.name} may not {action}: that takes an administrator of this instance; ask one"
    have = person.roles.get(project)
    has = f"has the role {have}" if have else "has no role"
    return (
        f"{person.name} may not {action}: that takes the role {LOWEST[action]} in the project {project!r}, where "
        f"{person.name} {has}; an administrator of the project can grant it"
    )
