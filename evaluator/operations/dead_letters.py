"""Dead letters: results that could not be recorded, for people to look at and to drop."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError

from evaluator.domain.access import Action
from evaluator.domain.teamwork.deeds import Deed
from evaluator.errors import QueueUnavailableError
from evaluator.jobs.connection import require, unavailable_message
from evaluator.jobs.processes.claim import Claim
from evaluator.jobs.results import dead_letters as kept
from evaluator.jobs.results.dead_letters import MOST_KEPT, DeadLetter, DeadLetterCounts
from evaluator.store.instance import identity
from evaluator.workspace.acting import needs
from evaluator.workspace.log import note
from evaluator.workspace.queue_connection import reachable
from evaluator.workspace.workspace import Workspace


@needs(Action.OPERATE)
def dead_letters(workspace: Workspace, limit: int = MOST_KEPT) -> list[DeadLetter]:
    """Those that are kept, newest first, at most `limit`.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    with reachable(workspace) as connection:
        return kept.dead_letters(connection, limit)


@needs(Action.OPERATE)
def drop_dead_letters(workspace: Workspace) -> int:
    """Forget those that are kept; returns how many.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    with reachable(workspace) as connection:
        dropped = kept.drop_dead_letters(connection)
    note(workspace, Deed.LETTERS_DROPPED, f"{dropped:,}")
    return dropped


def count_dead_letters(workspace: Workspace) -> DeadLetterCounts:
    """How many are kept, and how many there ever were.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    with reachable(workspace) as connection:
        return kept.count_dead_letters(connection)


def warning(counts: DeadLetterCounts) -> str | None:
    """The warning about dead letters in reports of the instance's health; None if none is kept."""
    if not counts.kept:
        return None
    number = "1 result" if counts.kept == 1 else f"{counts.kept:,} results"
    return f"{number} could not be read or recorded; `evaluator dead-letters list` says why"


def with_queue(workspace: Workspace) -> Workspace:
    """Connect a workspace that was opened without its queue; nothing is claimed, and nothing recorded.

    Raises:
        QueueUnavailableError: the queue does not answer.
        InstanceRunningError: another instance has it.
    """
    connection = require(workspace.settings)
    try:
        Claim(workspace.settings, identity(workspace.database)).require_free()
    except RedisError as error:
        raise QueueUnavailableError(unavailable_message(workspace.settings, error)) from error
    return dataclasses.replace(workspace, queue=connection)


def dead_letters_record(counts: DeadLetterCounts, letters: Sequence[DeadLetter]) -> dict[str, Any]:
    """Results that could not be recorded: how many, and those that are kept."""
    return {
        **dataclasses.asdict(counts),
        "dead_letters": [{**dataclasses.asdict(letter), "at": letter.at.isoformat()} for letter in letters],
    }
