"""The audit log: who did what, when, and from where."""

from __future__ import annotations

from evaluator.domain.access import Action, Way
from evaluator.domain.printable import printable
from evaluator.domain.records import AuditEntry
from evaluator.store.people import audit
from evaluator.workspace.acting import acting, address, needs
from evaluator.workspace.workspace import Workspace

MOST = 1000
"""Entries that are read at once."""
LONGEST = 300
"""Characters of a subject."""


def note(workspace: Workspace, action: str, subject: str = "") -> None:
    """Note what whoever is acting has done; never with a secret in it.

    Args:
        action: such as `signed in`.
        subject: whom or what it concerns, such as an account's name.
    """
    person = acting()
    note_of(workspace, person.name, person.account, person.way, action, subject)


def note_of(
    workspace: Workspace, person: str, account: str | None, way: Way, action: str, subject: str = ""
) -> None:
    """Note what somebody did or tried who is not recognised yet."""
    names = printable(person, LONGEST), printable(subject, LONGEST)
    audit.note(workspace.database, names[0], account, way.name.lower(), address(), action, names[1])


@needs(Action.AUDIT)
def entries(workspace: Workspace, *, before: int | None = None, limit: int = MOST) -> list[AuditEntry]:
    """The newest entries; `before` goes on from an entry's number."""
    return audit.entries(workspace.database, before=before, limit=min(limit, MOST))
