"""The frame around every page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from evaluator.domain.access import Action
from evaluator.ui.shell.links import (
    ACCOUNT,
    ACTIVITY,
    COMPARE,
    DATASETS,
    EXPERIMENTS,
    HISTORY,
    LEADERBOARD,
    PEOPLE,
    QUERY,
    UPLOAD,
    WORKERS,
)
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.person import (
    follow_experiment,
    keep_project,
    show_person,
    show_project,
    stop_if_signed_out,
)
from evaluator.ui.shell.theme import apply_style
from evaluator.ui.teamwork.bell import show_bell
from evaluator.workspace.acting import acting, may
from evaluator.workspace.projects import current
from evaluator.workspace.workspace import serving

PRODUCT = "Retrieval Evaluator"
MARK = Path(__file__).with_name("mark.svg")
SIDEBAR_WIDTH = 240
"""Pixels."""
MAX_WIDTH = 1180
"""Pixels; longer lines and wider tables take longer to read."""


def show() -> None:
    """Draw the navigation, then the page that was chosen."""
    # An image, set before anything else: the browser would fetch a material icon for its tab from the internet.
    st.set_page_config(page_icon=MARK, layout="wide", initial_sidebar_state=SIDEBAR_WIDTH)
    stop_if_signed_out()
    workspace = serving()
    upload = [st.Page(UPLOAD, title="Upload", icon=":material/upload_file:")]
    own: list[StreamlitPage] = []
    if acting().account is not None:
        own.append(st.Page(ACCOUNT, title="Account", icon=":material/person:"))
        if may(Action.GRANT):
            own.append(st.Page(PEOPLE, title="People", icon=":material/group:"))
    page = st.navigation(
        {
            PRODUCT: [
                st.Page(LEADERBOARD, title="Leaderboard", icon=":material/leaderboard:", default=True),
                st.Page(COMPARE, title="Compare", icon=":material/compare_arrows:"),
                st.Page(QUERY, title="Queries", icon=":material/view_column_2:"),
                st.Page(HISTORY, title="History", icon=":material/timeline:"),
                st.Page(EXPERIMENTS, title="Experiments", icon=":material/science:"),
                st.Page(DATASETS, title="Datasets", icon=":material/database:"),
                *(upload if may(Action.EDIT) else []),
                st.Page(WORKERS, title="Queue", icon=":material/stacks:"),
                st.Page(ACTIVITY, title="Activity", icon=":material/history:"),
                *own,
            ]
        }
    )
    _keep_address(page.url_path)
    st.set_page_config(page_title=f"{page.title} · {PRODUCT}")
    st.logo(MARK, size="large")
    apply_style()
    with st.container(width=MAX_WIDTH), explained():
        current(workspace)
        follow_experiment(workspace)
        keep_project()
        show_project(workspace)
        show_bell(workspace)
        show_person()
        page.run()


def _keep_address(page: str) -> None:
    """Show the view's address: a link to another view of the same page changes the view, but not the address bar.

    After a link from another page, the address bar is right already; setting it again would add a step to the history.
    """
    if st.session_state.get("page") == page:
        st.query_params.from_dict(st.query_params.to_dict())
    st.session_state["page"] = page
