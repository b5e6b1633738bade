"""Every event in every status: what an experiment becomes, what is refused, what comes too late."""

from __future__ import annotations

from typing import get_args

import pytest

from evaluator.domain.status import ACTIVE, STATUSES, TRANSITIONS, Event, Status, after
from evaluator.errors import ConflictError

SAME = None

EXPECTED: dict[Event, tuple[str | None, str | None, str | None, str | None]] = {
    #            planning     running      finished    cancelled
    "submit": ("planning", "planning", "planning", "planning"),
    "replan": ("planning", "planning", SAME, SAME),
    "enqueue": ("running", SAME, SAME, SAME),
    "complete": ("finished", "finished", SAME, SAME),
    "cancel": ("cancelled", "cancelled", "refused", SAME),
    "stop": ("cancelled", "cancelled", SAME, SAME),
    "delete": ("refused", "refused", "finished", "cancelled"),
}


@pytest.mark.parametrize("event", get_args(Event))
@pytest.mark.parametrize("status", STATUSES)
def test_every_event_in_every_status(event: Event, status: Status) -> None:
    expected = EXPECTED[event][STATUSES.index(status)]
    if expected == "refused":
        with pytest.raises(ConflictError, match="the experiment 'look'"):
            after(status, event, "look")
    else:
        assert after(status, event, "look") == expected


def test_the_table_is_whole() -> None:
    assert set(TRANSITIONS) == set(get_args(Event)) == set(EXPECTED)
    assert all(set(outcomes) == set(STATUSES) == set(get_args(Status)) for outcomes in TRANSITIONS.values())
    assert set(ACTIVE) < set(STATUSES)


def test_what_is_refused_says_why_and_what_to_do() -> None:
    with pytest.raises(ConflictError, match="'look' is finished already; there is nothing to cancel"):
        after("finished", "cancel", "look")
    with pytest.raises(ConflictError, match="'look' is running; cancel it before you delete it"):
        after("running", "delete", "look")
