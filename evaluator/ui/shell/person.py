"""Who looks at a page: whoever the browser's session belongs to, asked again with every draw."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from evaluator.domain.access import NOBODY, Person, Way
from evaluator.errors import SignedOutError
from evaluator.people.proxied import names_somebody, person_of_page
from evaluator.people.sessions import COOKIE, person_of_session
from evaluator.workspace.acting import acting
from evaluator.workspace.workspace import serving


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
