"""What happened, the newest first."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.teamwork.deeds import About
from evaluator.library import catalog
from evaluator.teamwork.activity import Happened, activity
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import DATASETS, EXPERIMENTS, link
from evaluator.ui.shell.words import moment, plain
from evaluator.workspace.workspace import Workspace

PER_PAGE, FIRST = 50, 10
"""Entries of the page, and of an experiment's section, before one asks for more."""
ICONS = {
    "started": ":material/play_arrow:",
    "finished": ":material/check_circle:",
    "stopped": ":material/block:",
    "cancelled": ":material/stop:",
    "deleted": ":material/delete:",
    "judged": ":material/gavel:",
    "commented": ":material/forum:",
    "decided": ":material/task_alt:",
    "imported": ":material/database:",
    "changed": ":material/edit:",
}
"""By the first word of what was done."""


def show_activity(workspace: Workspace, about: About | None = None) -> None:
    """Draw what happened, in all or to one thing, with the way to what it is about and to what is older."""
    key = keyed("activity-shown", about and about.kind, about and about.target)
    shown = int(st.session_state.get(key, PER_PAGE if about is None else FIRST))
    rows = activity(workspace, about=about, limit=min(shown + 1, 200))
    if not rows:
        st.caption("Nothing has happened yet.")
        return
    for row in rows[:shown]:
        _row(workspace, row, leads=about is None)
    if len(rows) > shown:
        st.button(
            "Show more",
            icon=":material/expand_more:",
            key=keyed("more", key),
            on_click=_more,
            args=(key, shown),
        )


def _more(key: str, shown: int) -> None:
    st.session_state[key] = min(shown + PER_PAGE, 200)


def _row(workspace: Workspace, row: Happened, *, leads: bool) -> None:
    icon = ICONS.get(row.did.partition(" ")[0], ":material/circle:")
    times = f" ({row.times} times)" if row.times > 1 else ""
    when = moment(row.at, st.context.timezone)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"{icon} **{plain(row.person)}** {plain(row.did)}{times} · {plain(row.subject)} · :gray[{when}]",
            width="stretch",
        )
        if leads and row.about is not None:
            _lead(workspace, row.about)


def _lead(workspace: Workspace, about: About) -> None:
    if about.kind == "experiment":
        link(EXPERIMENTS, "Experiment", ":material/science:", experiment=about.target)
    else:
        dataset = catalog.by_id(workspace, int(about.target))
        link(DATASETS, "Dataset", ":material/database:", dataset=dataset.name)
