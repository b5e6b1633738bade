"""Everybody who may use the instance: accounts, invitations, and what people did."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from evaluator.domain.access import Action, Role
from evaluator.domain.records import Account, Invitation
from evaluator.people import accounts
from evaluator.people.accounts import Link
from evaluator.ui.people.log import show_log
from evaluator.ui.people.projects import show_projects
from evaluator.ui.people.sharing import show_share_links
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import moment, plain
from evaluator.workspace.acting import may, project
from evaluator.workspace.workspace import Workspace

LINK = "one-time-link"
"""Key of a new link, which the page shows once."""
ADMINISTRATOR, NONE = "administrator of this instance", "no role"


def show_team(workspace: Workspace) -> None:
    """Draw the accounts, and for administrators the log."""
    if link := st.session_state.pop(LINK, None):
        st.success(
            f"Send this link to {plain(link.name)}. It works once, and is not shown again.",
            icon=":material/link:",
        )
        st.code(_address(workspace, link), language=None)
    for account in accounts.members(workspace):
        _account(workspace, account)
    _invite(workspace)
    for invitation in accounts.open_invitations(workspace):
        _invited(workspace, invitation)
    show_share_links(workspace)
    if may(Action.MANAGE):
        show_projects(workspace)
    if may(Action.AUDIT):
        with st.expander("What people did", icon=":material/history:"):
            show_log(workspace)


def _account(workspace: Workspace, account: Account) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        closed = " · closed" if account.disabled_at else ""
        st.markdown(f"**{plain(account.name)}**{closed}", width="stretch")
        if account.is_admin:
            st.caption(ADMINISTRATOR, width="content")
        else:
            _role(workspace, account)
        if may(Action.MANAGE):
            _manage(workspace, account)


def _role(workspace: Workspace, account: Account) -> None:
    roles = (NONE, *Role)
    key = keyed("role", account.id, account.roles.get(project()))

    def change() -> None:
        chosen = st.session_state[key]
        accounts.grant(workspace, account.name, None if chosen == NONE else Role(chosen))

    at = roles.index(account.roles.get(project(), NONE))
    st.selectbox(
        f"Role of {account.name}",
        roles,
        index=at,
        key=key,
        on_change=change,
        label_visibility="collapsed",
        width=140,
    )


def _manage(workspace: Workspace, account: Account) -> None:
    with st.popover("More", key=keyed("more", account.id)), explained():
        if st.button("New password by link", key=keyed("reset", account.id), icon=":material/password:"):
            st.session_state[LINK] = accounts.reset(workspace, account.name)
            st.rerun()
        closes = account.disabled_at is None
        if st.button("Close the account" if closes else "Open it again", key=keyed("close", account.id)):
            accounts.disable(workspace, account.name, closes)
            st.rerun()
        st.caption("Closing ends its sessions and tokens. What the person did stays.")


def _invite(workspace: Workspace) -> None:
    with st.form("invite", border=True, clear_on_submit=True):
        columns = st.columns((2, 1))
        name = columns[0].text_input(
            "Invite", placeholder="What they will sign in with", max_chars=accounts.LONGEST_NAME
        )
        offered = (*Role, ADMINISTRATOR) if may(Action.MANAGE) else tuple(Role)
        role = columns[1].selectbox("As", offered)
        if st.form_submit_button("Make a link", type="primary", icon=":material/person_add:"):
            with explained():
                is_admin = role == ADMINISTRATOR
                given = None if is_admin else Role(role)
                st.session_state[LINK] = accounts.invite(workspace, name or "", given, is_admin=is_admin)
                st.rerun()


def _invited(workspace: Workspace, invitation: Invitation) -> None:
    role = ADMINISTRATOR if invitation.is_admin else invitation.role or NONE
    until = moment(invitation.expires_at, st.context.timezone)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(
            f"**{plain(invitation.name)}** is invited as {role} in {invitation.project}, until {until}",
            width="stretch",
        )
        key = keyed("withdraw", accounts.invitation_id(invitation))
        if st.button("Withdraw", key=key, type="tertiary", icon=":material/undo:"):
            accounts.withdraw(workspace, accounts.invitation_id(invitation))
            st.rerun()


def _address(workspace: Workspace, link: Link) -> str:
    here = urlsplit(st.context.url or "")
    return f"{here.scheme}://{here.netloc}{workspace.settings.at(f'/join/{link.secret}')}"
