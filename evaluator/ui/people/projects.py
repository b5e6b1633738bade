"""The projects of the instance, for its administrators."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.access import MAIN
from evaluator.domain.cost import size
from evaluator.domain.endpoint import dollars
from evaluator.domain.records import Quotas
from evaluator.library import quotas
from evaluator.people import projects
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.person import PROJECT
from evaluator.ui.shell.words import plain
from evaluator.workspace.acting import project
from evaluator.workspace.projects import visible
from evaluator.workspace.workspace import Workspace

MILLION = 1_000_000
GIGABYTE = 10**9


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
    used, limits = quotas.usage(workspace, name), quotas.limits(workspace, name)
    parts = (
        _of(size(used.storage), limits.storage and size(limits.storage)) + " of datasets",
        _of(f"{used.running:,}", limits.running) + " experiments running",
        _of(dollars(used.monthly / MILLION), limits.monthly and dollars(limits.monthly / MILLION))
        + " this month",
    )
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{name}** · {plain(' · '.join(parts))}", width="stretch")
        with st.popover("Limits", key=keyed("limits", name)):
            _limits(workspace, name, limits)
        if name not in (MAIN, project()) and st.button(
            "Remove", key=keyed("remove", name), type="tertiary", icon=":material/delete:"
        ):
            projects.remove(workspace, name)
            st.rerun()


def _of(used: str, limit: object) -> str:
    return used if limit is None else f"{used} of {limit}"


def _limits(workspace: Workspace, name: str, limits: Quotas) -> None:
    with st.form(keyed("quotas", name), border=False):
        st.caption("An empty field is no limit.")
        storage = st.number_input(
            "Gigabytes of datasets",
            min_value=0.0,
            value=None if limits.storage is None else limits.storage / GIGABYTE,
            key=keyed("storage", name, limits.storage),
        )
        running = st.number_input(
            "Experiments at once",
            min_value=0,
            value=limits.running,
            key=keyed("running", name, limits.running),
        )
        monthly = st.number_input(
            "USD for endpoints in a calendar month",
            min_value=0.0,
            value=None if limits.monthly is None else limits.monthly / MILLION,
            key=keyed("monthly", name, limits.monthly),
        )
        if st.form_submit_button("Set them"):
            chosen = Quotas(
                None if storage is None else round(storage * GIGABYTE),
                running,
                None if monthly is None else round(monthly * MILLION),
            )
            quotas.set_limits(workspace, name, chosen)
            st.rerun()


def warn_of_quotas(workspace: Workspace) -> None:
    """Say what the page's project is near the end of, where people are about to use more of it."""
    if found := quotas.warnings(workspace, project()):
        st.warning(
            f"The project {project()} is near its limits. {' '.join(map(plain, found))}",
            icon=":material/speed:",
        )
