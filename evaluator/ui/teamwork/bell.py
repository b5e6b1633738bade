"""How many notifications somebody has not read: in the sidebar, and only if there are any."""

from __future__ import annotations

import streamlit as st

from evaluator.teamwork.preferences import unread
from evaluator.ui.shell.links import ACCOUNT
from evaluator.ui.shell.words import count
from evaluator.workspace.workspace import Workspace


def show_bell(workspace: Workspace) -> None:
    """Say how many there are, with the way to them."""
    if number := unread(workspace):
        with st.sidebar:
            st.page_link(
                ACCOUNT, label=count(number, "new notification"), icon=":material/notifications_active:"
            )
