"""An experiment's status: the table of its transitions.

The status is kept in the database alone (ADR 0024). To change it, a caller names an event; the table says what
the event leads to, or that it is refused. What Redis holds, the mark that tells workers to stop, follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from evaluator.errors import ConflictError

Status = Literal["planning", "running", "finished", "cancelled"]
"""planning: its missing vectors and results are being determined; running: its jobs wait or run; finished: every
query has a row; cancelled: a person, its workers or its planner ended it, and `resume` continues it."""

Event = Literal["submit", "replan", "enqueue", "complete", "cancel", "stop", "delete"]
"""submit: a person starts it (again). replan: its jobs are gone though queries are missing. enqueue: its jobs are in
the queue. complete: no query is missing. cancel: a person ends it. stop: its workers or its planner give up. delete: a
person deletes it."""

STATUSES: Final[tuple[Status, ...]] = ("planning", "running", "finished", "cancelled")
ACTIVE: Final[tuple[Status, ...]] = ("planning", "running")
"""Statuses in which an experiment needs its dataset's files, its encoders' vectors, and workers."""

REFUSED: Final = "refused"
IGNORED: Final = "ignored"

TRANSITIONS: Final[Mapping[Event, Mapping[Status, Status | Literal["refused", "ignored"]]]] = {
    "submit": {
        "planning": "planning",
        "running": "planning",
        "finished": "planning",
        "cancelled": "planning",
    },
    "replan": {"planning": "planning", "running": "planning", "finished": IGNORED, "cancelled": IGNORED},
    "enqueue": {"planning": "running", "running": IGNORED, "finished": IGNORED, "cancelled": IGNORED},
    "complete": {"planning": "finished", "running": "finished", "finished": IGNORED, "cancelled": IGNORED},
    "cancel": {"planning": "cancelled", "running": "cancelled", "finished": REFUSED, "cancelled": IGNORED},
    "stop": {"planning": "cancelled", "running": "cancelled", "finished": IGNORED, "cancelled": IGNORED},
    "delete": {"planning": REFUSED, "running": REFUSED, "finished": "finished", "cancelled": "cancelled"},
}
"""The status after each event. Refused: the caller made a mistake and gets an error. Ignored: the event came too late,
or changes nothing."""

REASONS: Final[Mapping[Event, str]] = {
    "cancel": "is finished already; there is nothing to cancel",
    "delete": "is {status}; cancel it before you delete it",
}
"""The end of the message for a refused event."""


def after(status: Status, event: Event, name: str) -> Status | None:
    """The status that an event leads to; None if it changes nothing.

    Args:
        status: the present status.
        event: the event.
        name: the experiment's name, for the message.

    Raises:
        ConflictError: the event is refused in this status.
    """
    outcome = TRANSITIONS[event][status]
    if outcome == "refused":
        raise ConflictError(f"the experiment {name!r} {REASONS[event].format(status=status)}")
    return None if outcome == "ignored" else outcome
