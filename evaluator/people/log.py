"""The audit log: who did what, when, and from where."""

from __future__ import annotations

from datetime import datetime

from evaluator.domain.access import Action
from evaluator.domain.records import AuditEntry
from evaluator.store.people import audit
from evaluator.workspace.acting import needs
from evaluator.workspace.log import note as note
from evaluator.workspace.log import note_of as note_of
from evaluator.workspace.workspace import Workspace

MOST = 1000
"""Entries that are read at once."""


@needs(Action.AUDIT)
def entries(
    workspace: Workspace,
    *,
    before: int | None = None,
    limit: int = MOST,
    person: str | None = None,
    action: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[AuditEntry]:
    """The newest entries.

    Args:
        before: goes on from an entry's number.
        person, action: exactly as entries have them.
        since, until: moments in UTC without a zone; `until` itself is left out.
    """
    return audit.entries(
        workspace.database,
        before=before,
        limit=min(limit, MOST),
        person=person,
        action=action,
        since=since,
        until=until,
    )


@needs(Action.AUDIT)
def people_and_actions(workspace: Workspace) -> tuple[list[str], list[str]]:
    """The names of all people in the log, and all actions, to filter by."""
    return audit.people_and_actions(workspace.database)
