"""An experiment's state as a badge: one word, one colour, one icon, wherever it appears."""

from __future__ import annotations

from typing import Literal, NamedTuple

import streamlit as st


class Badge(NamedTuple):
    """How a state looks."""

    word: str
    color: Literal["blue", "green", "orange", "red", "gray"]
    icon: str


RUNNING = Badge("running", "blue", ":material/hourglass_top:")
FINISHED = Badge("finished", "green", ":material/check:")
FAILED = Badge("finished with failures", "red", ":material/error:")
CANCELLED = Badge("cancelled", "orange", ":material/block:")


def badge_of(status: str, *, failed: bool = False) -> Badge:
    """The badge of a status; a finished experiment with failures is not simply finished."""
    if status == "finished":
        return FAILED if failed else FINISHED
    return CANCELLED if status == "cancelled" else RUNNING


def show_badge(badge: Badge) -> None:
    """Draw it."""
    st.badge(badge.word, icon=badge.icon, color=badge.color)
