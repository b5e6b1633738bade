"""Activity: what happened in a project, from the same entries as the audit log (ADR 0040)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluator.domain.access import Action
from evaluator.domain.records import AuditEntry
from evaluator.domain.teamwork.deeds import ACTIVITY, About, Deed
from evaluator.store import datasets, experiments
from evaluator.store.people import audit
from evaluator.workspace.acting import project, require
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.workspace import Workspace

MOST = 200
"""Entries that are read at once."""
MERGED = frozenset({Deed.JUDGED})
"""Deeds of which many in a row are one."""


@dataclass(frozen=True)
class Happened:
    """Something that happened.

    Attributes:
        number: grows with time; `before` goes on from it.
        times: how often the same person did the same to the same thing in a row, such as judging query after query.
        about: what it is about, if that is still there.
    """

    number: int
    at: datetime
    person: str
    did: str
    subject: str
    about: About | None
    times: int = 1


def activity(
    workspace: Workspace,
    *,
    about: About | None = None,
    before: int | None = None,
    limit: int = MOST,
    of: str | None = None,
) -> list[Happened]:
    """What happened, the newest first.

    Args:
        about: only what is about this.
        before: goes on from the number of the last one that was read.
        of: the project; by default that in which whoever is acting works.
    """
    of = of or project()
    require(Action.SEE, of)
    rows = audit.entries(
        workspace.database,
        before=before,
        limit=max(1, min(limit, MOST)),
        actions=ACTIVITY,
        project=of,
        about=about,
    )
    there = _there(workspace)
    return merged([_happened(row, there) for row in rows])


def merged(rows: Sequence[Happened]) -> list[Happened]:
    """Neighbours of `MERGED` by the same person to the same thing become one, the newest of them."""
    found: list[Happened] = []
    for row in rows:
        last = found[-1] if found else None
        if last is not None and row.did in MERGED and _key(last) == _key(row):
            # Of what was merged, only the oldest number goes on to what is older.
            found[-1] = Happened(
                row.number, last.at, last.person, last.did, last.subject, last.about, last.times + 1
            )
        else:
            found.append(row)
    return found


def activity_record(row: Happened) -> dict[str, Any]:
    """Something that happened as plain JSON types."""
    return {
        "number": row.number,
        "at": row.at.isoformat(),
        "person": row.person,
        "did": row.did,
        "subject": row.subject,
        "times": row.times,
        "about": row.about and {"kind": row.about.kind, "id": row.about.target},
    }


def _key(row: Happened) -> tuple[str, str, About | None]:
    return row.person, row.did, row.about


def _there(workspace: Workspace) -> set[About]:
    rows = experiments.all_experiments(workspace.database)
    known = {About("experiment", row.id) for row in rows}
    return known | {About("dataset", str(row.id)) for row in datasets.all_datasets(workspace.database)}


def _happened(row: AuditEntry, there: set[About]) -> Happened:
    about = None
    if row.kind in ("experiment", "dataset") and row.target is not None:
        named = About("experiment" if row.kind == "experiment" else "dataset", row.target)
        about = named if named in there else None
    return Happened(row.number, row.done_at, row.person, row.action, without_paths(row.subject), about)
