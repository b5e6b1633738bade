"""The audit log, filtered by person, action and time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
import streamlit as st

from evaluator.people import log
from evaluator.ui.shell.words import moment
from evaluator.workspace.workspace import Workspace

SHOWN = 200
"""Entries on the page."""
EVERYBODY, EVERYTHING = "Everybody", "Everything"


def show_log(workspace: Workspace) -> None:
    """Draw the newest entries that fit, and what they are filtered by."""
    people, actions = log.people_and_actions(workspace)
    columns = st.columns(4)
    person = columns[0].selectbox("Who", [None, *people], format_func=lambda name: name or EVERYBODY)
    action = columns[1].selectbox("Did", [None, *actions], format_func=lambda did: did or EVERYTHING)
    since = _start(columns[2].date_input("From", value=None, format="YYYY-MM-DD"))
    until = _start(columns[3].date_input("Until", value=None, format="YYYY-MM-DD"), timedelta(days=1))
    rows = [
        (
            moment(each.done_at, st.context.timezone),
            each.person,
            each.action,
            each.subject,
            each.way,
            each.address,
        )
        for each in log.entries(
            workspace, limit=SHOWN, person=person, action=action, since=since, until=until
        )
    ]
    table = pd.DataFrame(rows, columns=["When", "Who", "Did", "To", "Signed in by", "From"])
    st.dataframe(table, hide_index=True, alt="What people did", placeholder="")
    last = f"The last {len(rows)}" if len(rows) == SHOWN else f"{len(rows)} in all"
    st.caption(f"{last}. `GET /api/audit` gives them as JSON Lines, with the same filters.")


def _start(day: date | None, later: timedelta = timedelta()) -> datetime | None:
    """The beginning of a day by the reader's clock, or of a later one, in UTC without a zone."""
    if day is None:
        return None
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    return datetime.combine(day + later, time(), zone).astimezone(UTC).replace(tzinfo=None)
