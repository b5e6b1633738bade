"""Single numbers in boxes, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st

FIGURE_WIDTH = 150
"""Pixels of a box; two fit side by side in a narrow window."""
HELP_WIDTH = 22
"""Pixels that the sign for help takes from a label."""
NARROW_WIDTH = 128
"""Pixels of a box where there are more than five: six fit in a line."""


class Figure(NamedTuple):
    """A number in words.

    Attributes:
        help: what it means, shown on request.
    """

    value: str
    help: str | None = None


def show_figures(figures: Mapping[str, Figure]) -> None:
    """Draw one box per figure.

    Args:
        figures: by label.
    """
    with st.container(horizontal=True, gap="small"):
        for label, figure in figures.items():
            width = FIGURE_WIDTH + (HELP_WIDTH if figure.help else 0) if len(figures) <= 5 else NARROW_WIDTH
            st.metric(label, figure.value, help=figure.help, border=True, width=width)
