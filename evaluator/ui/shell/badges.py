"""An experiment's state as a badge: one word, one colour, one icon, wherever it appears."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import streamlit as st

from evaluator.domain.status import Status


class Badge(NamedTuple):
    """How a state looks."""

    word: str
    color: Literal["blue", "green", "orange", "red", "gray"]
    icon: str


PLANNING = Badge("planning", "blue", ":material/checklist:")
RUNNING = Badge("running", "blue", ":material/hourglass_top:")
FINISHED = Badge("finished", "green", ":material/check:")
FAILED = Badge("finished with failures", "red", ":material/error:")
CANCELLED = Badge("cancelled", "orange", ":material/block:")


BADGES: Mapping[Status, Badge] = {
    "planning": PLANNING, "running": RUNNING, "finished": FINISHED, "cancelled": CANCELLED,
}  # fmt: skip


def badge_of(status: Status, *, failed: bool = False) -> Badge:
    """The badge of a status; a finished experiment with failures is not simply finished."""
    return FAILED if status == "finished" and failed else BADGES[status]


def show_badge(badge: Badge) -> None:
    """Draw it."""
    st.badge(badge.word, icon=badge.icon, color=badge.color)
