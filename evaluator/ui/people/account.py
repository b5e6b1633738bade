"""One's own account: tokens, password, sessions."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from evaluator.domain.access import Person, Role
from evaluator.domain.records import Token
from evaluator.people import accounts, external, proxied, sessions, tokens
from evaluator.people.passwords import SHORTEST
from evaluator.ui.people.notifications import show_notifications, show_preferences
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.person import lead
from evaluator.ui.shell.words import moment, plain
from evaluator.workspace.acting import project
from evaluator.workspace.projects import visible
from evaluator.workspace.workspace import Workspace

MADE = "made-token"
"""Key of a new token, which the page shows once."""
ALL = "all that I may"
ALL_PROJECTS = "all my projects"
NEVER = "never"
DAYS = {"30 days": 30, "90 days": 90, "a year": 365, NEVER: None}


def show_account(workspace: Workspace, person: Person) -> None:
    """Draw somebody's own account."""
    role = "administrator of this instance" if person.is_admin else person.roles.get(project(), "no role yet")
    st.caption(f"{plain(person.name)} · {role}")
    show_notifications(workspace)
    _tokens(workspace)
    if accounts.has_password(workspace):
        _password(workspace)
    _ways(workspace, person)
    _sessions(workspace)
    show_preferences(workspace)


def _tokens(workspace: Workspace) -> None:
    st.subheader("Tokens", anchor=False)
    st.markdown("With a token, programs and the command line sign in as you: `evaluator login`.")
    if secret := st.session_state.pop(MADE, None):
        st.success("This is the token. It is not shown again.", icon=":material/key:")
        st.code(secret, language=None)
    own = tokens.tokens(workspace)
    for token in own:
        _token(workspace, token)
    if not own:
        st.caption("You have none yet.")
    with st.form("new-token", border=True):
        seen = visible(workspace)
        columns = st.columns((2, 1, 1, 1) if len(seen) > 1 else (2, 1, 1))
        name = columns[0].text_input("What it is for", placeholder="CI", max_chars=accounts.LONGEST_NAME)
        role = columns[1].selectbox("It may do", (ALL, *Role), help="Never more than you may.")
        days = columns[2].selectbox("It expires after", DAYS, index=1)
        where = columns[3].selectbox("In", (ALL_PROJECTS, *seen)) if len(seen) > 1 else ALL_PROJECTS
        if st.form_submit_button("Make a token", icon=":material/add:"):
            with explained():
                given = None if role == ALL else Role(role)
                only = None if where == ALL_PROJECTS else where
                st.session_state[MADE] = tokens.create(workspace, name or "", given, DAYS[days], only).secret
                st.rerun()


def _token(workspace: Workspace, token: Token) -> None:
    zone = st.context.timezone
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        used = f"used {moment(token.used_at, zone)}" if token.used_at else "not used yet"
        ends = f"expires {moment(token.expires_at, zone)}" if token.expires_at else "does not expire"
        scope = f"at most {token.role}" if token.role else ALL
        if token.project:
            scope += f", in {token.project}"
        st.markdown(f"**{plain(token.name)}** `{token.shown}…` · {scope} · {used} · {ends}", width="content")
        if st.button("Revoke", key=keyed("revoke", token.id), type="tertiary", icon=":material/delete:"):
            tokens.revoke(workspace, token.id)
            st.rerun()


def _password(workspace: Workspace) -> None:
    with st.expander("Change the password", icon=":material/password:"), st.form("password", border=False):
        old = st.text_input("Present password", type="password", autocomplete="current-password")
        new = st.text_input(
            f"New password, at least {SHORTEST} characters", type="password", autocomplete="new-password"
        )
        if st.form_submit_button("Change it"):
            with explained():
                accounts.change_password(workspace, old or "", new or "")
                st.rerun()  # all sessions have ended, this one too


def _ways(workspace: Workspace, person: Person) -> None:
    """Providers and proxies that vouch for somebody; nothing where there are none."""
    providers = workspace.settings.oidc_providers if "oidc" in workspace.settings.auth else ()
    own = external.identities_of(workspace, person.account or "")
    if not providers and not own:
        return
    labels = {each.issuer: each.label for each in providers} | {proxied.ISSUER: "the proxy"}
    with st.expander("Other ways to sign in", icon=":material/link:"):
        for each in own:
            with st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
            ):
                used = moment(each.used_at, st.context.timezone)
                label = labels.get(each.issuer, each.issuer)
                st.markdown(f"**{plain(label)}** · {plain(each.subject)} · used {used}", width="content")
                key = keyed("unlink", each.issuer, each.subject)
                if st.button("Unlink", key=key, type="tertiary", icon=":material/link_off:"):
                    with explained():
                        external.unlink(workspace, each.issuer, each.subject)
                        st.rerun()
        if not own:
            st.caption("None is linked yet.")
        if providers:
            lead(workspace.settings.at("/login/link"), "Link another one")


def _sessions(workspace: Workspace) -> None:
    zone = st.context.timezone
    rows = [
        (
            moment(each.created_at, zone),
            moment(each.seen_at, zone),
            each.address or "this machine",
            each.agent,
        )
        for each in sessions.own_sessions(workspace)
    ]
    with st.expander("Where you are signed in", icon=":material/devices:"):
        table = pd.DataFrame(rows, columns=["Since", "Last used", "Address", "Browser"])
        st.dataframe(table, hide_index=True, alt="Your sessions")
        if st.button("Sign out everywhere", icon=":material/logout:"):
            sessions.end_own(workspace)
            st.rerun()
