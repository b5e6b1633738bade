"""Noting what people did in the audit log: services call `note` once they have done it (ADR 0040)."""

from __future__ import annotations

from evaluator.domain.access import Way
from evaluator.domain.printable import printable
from evaluator.domain.teamwork.deeds import About
from evaluator.store.people import audit
from evaluator.workspace.acting import acting, address, project
from evaluator.workspace.workspace import Workspace

LONGEST = 300
"""Characters of a subject."""


def note(
    workspace: Workspace,
    action: str,
    subject: str = "",
    about: About | None = None,
    *,
    by: str | None = None,
    project: str | None = None,
) -> None:
    """Note what whoever is acting has done; never with a secret in it.

    Args:
        action: a `Deed`, or words such as `signed in`.
        subject: whom or what it concerns, such as an account's name.
        about: what has a page.
        by: the name that somebody gave on an instance without accounts.
        project: by default that in which whoever is acting works for what has a page, and none for all else.
    """
    person = acting()
    name = by if by and person.account is None else person.name
    note_of(workspace, name, person.account, person.way, action, subject, about, project)


def note_of(
    workspace: Workspace,
    person: str,
    account: str | None,
    way: Way,
    action: str,
    subject: str = "",
    about: About | None = None,
    of: str | None = None,
) -> None:
    """Note what somebody did or tried who is not recognised yet."""
    names = printable(person, LONGEST), printable(subject, LONGEST)
    where = of or (project() if about is not None else None)
    audit.note(
        workspace.database,
        names[0],
        account,
        way.name.lower(),
        address(),
        str(action),
        names[1],
        about,
        where,
    )
