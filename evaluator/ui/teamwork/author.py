"""Who writes: whoever is signed in, or whose name somebody types on an instance without accounts."""

from __future__ import annotations

import streamlit as st

from evaluator.teamwork.comments import LONGEST_NAME
from evaluator.ui.query.judge import RATER
from evaluator.ui.shell.identity import keyed
from evaluator.workspace.acting import acting


def ask_author(form: str) -> str:
    """The name of who writes; a field for it without accounts, which knows the name that was typed before.

    Args:
        form: the key of the form that it is in.
    """
    person = acting()
    if person.account is not None:
        return person.name
    known = str(st.session_state.get(RATER, ""))
    name = st.text_input(
        "Your name",
        value=known,
        max_chars=LONGEST_NAME,
        placeholder="Your name",
        key=keyed("by", form, known),
        width=260,
    )
    return name or ""


def keep_author(name: str) -> None:
    """Keep a name that was typed for the other fields of this session."""
    if acting().account is None and name.strip():
        st.session_state[RATER] = name.strip()
