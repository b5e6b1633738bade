"""Making, listing and revoking share links."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.records import ExperimentRow, Part, ShareLink
from evaluator.people import share_links
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import moment, plain
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace, serving

MADE = "made-share-link"
"""Key of a new link, which is shown once."""
DAYS = {"a week": 7, "30 days": 30, "90 days": 90, "a year": 365}


def share_by_link(experiment: ExperimentRow, part: Part, choices: Mapping[str, str | None]) -> None:
    """Draw the form that makes a link to what the page shows, and the links that there are."""
    if not may(Action.SHARE, experiment.project):
        return
    workspace = serving()
    st.divider()
    if not share_links.are_allowed(workspace):
        st.caption("Links for people without an account are switched off in this project.")
        return
    with explained(), st.form(keyed("share", experiment.id, part), border=False):
        columns = st.columns((3, 2), vertical_alignment="bottom")
        days = columns[0].selectbox("Link for anybody who has it, for", DAYS, index=1)
        if columns[1].form_submit_button("Make a link", icon=":material/add_link:", width="stretch"):
            chosen = {name: value for name, value in choices.items() if value}
            made = share_links.make(workspace, experiment, part, chosen, DAYS[days])
            st.session_state[MADE] = made.path
    if path := st.session_state.pop(MADE, None):
        st.caption(f"It shows the {part}, and is not shown again:")
        st.code(_address(path), language=None)
    for link, _ in share_links.links(workspace, experiment):
        _link(workspace, link)


def show_share_links(workspace: Workspace) -> None:
    """Draw all links of the project, and the switch for its administrators."""
    with st.expander("Share links", icon=":material/link:"), explained():
        if may(Action.GRANT):
            allowed = share_links.are_allowed(workspace)
            if st.toggle("People may make links for anybody without an account", allowed) != allowed:
                share_links.allow(workspace, not allowed)
                st.rerun()
        found = share_links.links(workspace)
        for link, row in found:
            _link(workspace, link, row)
        if not found:
            st.caption("There are none that can be opened.")


def _link(workspace: Workspace, link: ShareLink, row: ExperimentRow | None = None) -> None:
    zone = st.context.timezone
    of = f" of **{plain(row.name)}**" if row is not None else ""
    used = f"opened {moment(link.opened_at, zone)}" if link.opened_at else "not opened yet"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(
            f"{link.part.capitalize()}{of} · by {plain(link.person)} · until {moment(link.expires_at, zone)} · {used}",
            width="stretch",
        )
        if st.button(
            "Revoke", key=keyed("revoke-link", link.id), type="tertiary", icon=":material/link_off:"
        ):
            share_links.revoke(workspace, link.id)
            st.rerun()


def _address(path: str) -> str:
    """A link's whole address: beside the page that makes it."""
    here = urlsplit(st.context.url or "")
    folder = here.path.rstrip("/").rpartition("/")[0]
    return f"{here.scheme}://{here.netloc}{folder}/{path}"
