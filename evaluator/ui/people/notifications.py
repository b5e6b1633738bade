"""One's own notifications: what there is, what one wants to be told, and how."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.teamwork.records import EVENTS, Preferences
from evaluator.teamwork import preferences
from evaluator.teamwork.preferences import Wanted
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import EXPERIMENTS, link
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import moment, plain
from evaluator.workspace.workspace import Workspace

KEY = "webhook-key"
"""Key of a new webhook's key, which the page shows once."""
SAID = "notifications-said"
"""Key of what the page says once."""
SHOWN = 10
"""Notifications that are shown; REST gives all."""
WORDS = {
    "finished": "An experiment ended",
    "failed": "It was stopped, or some of it failed",
    "regressed": "A variant lost more than I allow",
}


def show_notifications(workspace: Workspace) -> None:
    """Draw what whoever is acting was told."""
    st.subheader("Notifications", anchor=False)
    if message := st.session_state.pop(SAID, None):
        st.success(message, icon=":material/check:")
    if key := st.session_state.pop(KEY, None):
        st.success(
            "This key signs what is posted (Standard Webhooks). It is not shown again.", icon=":material/key:"
        )
        st.code(key, language=None)
    _list(workspace)


def show_preferences(workspace: Workspace) -> None:
    """Draw what whoever is acting wants to be told, and how, and what could not be delivered."""
    wanted, webhook = preferences.preferences(workspace)
    settings = st.expander("Notifications: what I am told, and how", icon=":material/tune:")
    with settings, explained():
        _settings(workspace, wanted, webhook)
    _troubles(workspace)


def _list(workspace: Workspace) -> None:
    told = preferences.notifications(workspace)
    if not told:
        st.caption("There are none. Choose at the end of this page what you want to be told.")
        return
    if any(each.read_at is None for each in told) and st.button(
        "Mark all as read", icon=":material/done_all:"
    ):
        preferences.mark_read(workspace)
        st.rerun()
    for each in told[:SHOWN]:
        with st.container(border=True, gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                new = ":blue-badge[new] " if each.read_at is None else ""
                title = plain(each.title)
                st.markdown(f"{new}**{title}**" if new else title, width="stretch")
                if each.experiment:
                    link(EXPERIMENTS, "Experiment", ":material/science:", experiment=each.experiment)
            st.text(each.text)
            st.caption(moment(each.created_at, st.context.timezone))


def _settings(workspace: Workspace, wanted: Preferences, webhook: str | None) -> None:
    with st.form(keyed("notifications", [*wanted], webhook), border=False):
        events = st.multiselect("Tell me when", EVENTS, wanted.events, format_func=WORDS.__getitem__)
        everybodys = st.checkbox("Also about experiments that others started", wanted.everybodys)
        columns = st.columns(2)
        baseline = columns[0].text_input(
            "Baseline",
            wanted.baseline or "",
            placeholder="The variant that was decided on",
            help="The variant of an experiment against which the others may not lose. Empty: the one that was decided "
            "on last for the dataset.",
        )
        max_loss = columns[1].number_input(
            "Largest loss allowed", 0.0, None, wanted.max_loss, step=0.005, format="%.3f"
        )
        in_app = st.checkbox("List them here", wanted.in_app)
        mail_to = wanted.mail_to
        if workspace.settings.smtp_host is not None:
            mail_to = st.text_input("Mail to", wanted.mail_to or "", placeholder="you@example.org")
        url = st.text_input(
            "Webhook" if webhook is None else f"Webhook (now {plain(webhook)})",
            type="password",
            autocomplete="off",
            placeholder="https://hooks.example.org/..." if webhook is None else "Leave empty to keep it",
            help="Slack, Mattermost and others take it as it is. It is stored, and shown only in part.",
        )
        goes = webhook is not None and st.checkbox("Take the webhook away")
        if st.form_submit_button("Save", type="primary"):
            given = Wanted(
                tuple(events),
                everybodys,
                baseline,
                float(max_loss),
                in_app,
                mail_to,
                "" if goes else (url or None),
            )
            st.session_state[KEY] = preferences.save(workspace, given).key
            st.session_state[SAID] = "Saved."
            st.rerun()
    if (wanted.webhook or wanted.mail_to) and st.button("Send a test", icon=":material/send:"):
        preferences.send_test(workspace)
        st.session_state[SAID] = "It is sent within seconds."
        st.rerun()


def _troubles(workspace: Workspace) -> None:
    for each in preferences.troubles(workspace)[:SHOWN]:
        ends = (
            "it is not tried again"
            if each.failed_at
            else f"tried again {moment(each.next_at, st.context.timezone)}"
        )
        st.warning(
            f"Not delivered by {each.channel}: {plain(each.title)}: {plain(each.error or '')}; {ends}.",
            icon=":material/unpublished:",
        )
