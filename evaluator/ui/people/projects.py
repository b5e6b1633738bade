"""The projects of the instance, for its administrators."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.access import MAIN
from evaluator.people import projects
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.person import PROJECT
from evaluator.workspace.acting import project
from evaluator.workspace.projects import visible
from evaluator.workspace.workspace import Workspace


def show_projects(workspace: Workspace) -> None:
    """Draw the projects, with forms to make and to remove one."""
    with st.expander("Projects", icon=":material/workspaces:"), explained():
        st.markdown(
            "Each project owns its datasets and experiments, and people have a role in each. This page shows the "
            f"roles in **{project()}**; choose another one in the sidebar."
        )
        for name in visible(workspace):
            _project(workspace, name)
        with st.form("new-project", border=False, clear_on_submit=True):
            name = st.text_input("New project", placeholder="web-search", max_chars=40)
            if st.form_submit_button("Make it", icon=":material/add:"):
                st.session_state[PROJECT] = projects.add(workspace, (name or "").strip())
                st.query_params[PROJECT] = st.session_state[PROJECT]
                st.rerun()


def _project(workspace: Workspace, name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{name}**", width="content")
        if name not in (MAIN, project()) and st.button(
            "Remove", key=keyed("remove", name), type="tertiary", icon=":material/delete:"
        ):
            projects.remove(workspace, name)
            st.rerun()
