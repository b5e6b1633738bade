"""Who looks at a page, and in which project: asked again with every draw.

The project is in the address, and remembered for the tab, because links of the sidebar drop it.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from evaluator.domain.access import NOBODY, Person, Way
from evaluator.errors import SignedOutError
from evaluator.experiments import lifecycle
from evaluator.people.proxied import names_somebody, person_of_page
from evaluator.people.sessions import COOKIE, person_of_session
from evaluator.ui.shell.identity import keyed
from evaluator.workspace.acting import acting, project
from evaluator.workspace.projects import visible
from evaluator.workspace.workspace import Workspace, serving

PROJECT = "project"
"""The query parameter, and the key under which the tab remembers its project."""


def signed_in() -> Person:
    """Whose session the browser of this script has, or whom a proxy names; nobody outside of a page's script.

    Raises:
        SignedOutError: the session has ended since the page was opened.
    """
    if get_script_run_ctx(suppress_warning=True) is None:
        return NOBODY
    person, headers = None, st.context.headers
    if names_somebody(serving().settings, headers):
        person = person_of_page(serving(), headers)
    elif secret := st.context.cookies.get(COOKIE):
        person = person_of_session(serving(), secret)
    if person is None:
        raise SignedOutError("you are signed out; load this page again to sign in")
    return person


def address_of_page() -> str:
    """The address of the browser that shows this page; empty outside of a page's script, and on loopback."""
    return "" if get_script_run_ctx(suppress_warning=True) is None else st.context.ip_address or ""


def stop_if_signed_out() -> None:
    """End the page here, with the way back in, if the session has ended since it was opened."""
    try:
        acting()
    except SignedOutError:
        st.info("You are signed out.", icon=":material/logout:")
        lead(serving().settings.at("/login"), "Sign in")
        st.stop()


def show_person() -> None:
    """Say in the sidebar who is signed in, with the way out."""
    person = acting()
    if person.account is not None:
        with st.sidebar:
            st.caption(person.name)
            if person.way is not Way.PROXY:  # which would sign them in again at once
                lead(serving().settings.at("/logout"), "Sign out")


def lead(address: str, label: str) -> None:
    """A link to a page outside of Streamlit, in this tab: Streamlit's own links would open another one."""
    st.html(f'<a href="{address}" target="_self" style="color: inherit">{label}</a>')


def project_of_page() -> str | None:
    """The project that the page's address names, else the tab's; None if there is none, or outside of a script."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    named = st.query_params.get(PROJECT) or st.session_state.get(PROJECT)
    return str(named) if named else None


def keep_project() -> None:
    """Remember the page's project for the tab, and show it in the address unless it is the reader's first one."""
    name = project()
    st.session_state[PROJECT] = name
    if name == acting().first_project:
        st.query_params.pop(PROJECT, None)
    elif st.query_params.get(PROJECT) != name:
        st.query_params[PROJECT] = name


def show_project(workspace: Workspace) -> None:
    """Draw the chooser of the project in the sidebar, where the reader has a choice."""
    names = visible(workspace)
    if len(names) > 1:
        with st.sidebar:
            st.selectbox(
                "Project",
                names,
                index=names.index(project()),
                key=keyed("project", project()),
                on_change=_change,
            )


def _change() -> None:
    """Go on in another project: nothing that was chosen or typed belongs there."""
    name = st.session_state[keyed("project", project())]
    st.session_state.clear()
    st.session_state[PROJECT] = name
    st.query_params.from_dict({PROJECT: name})


def follow_experiment(workspace: Workspace) -> None:
    """Draw the page again in another project, if its address names an experiment of that one by its id."""
    row = lifecycle.by_id(workspace, st.query_params.get("experiment", ""))
    if row is not None and row.project != project():
        st.session_state[PROJECT] = row.project
        st.query_params[PROJECT] = row.project
        st.rerun()
