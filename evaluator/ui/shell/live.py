"""What every view needs around it: refreshing by itself, and errors as sentences instead of tracebacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from evaluator.errors import EvaluatorError
from evaluator.ui.shell.words import sentence

REFRESH = 2.0
"""Seconds between two looks at what is running."""


@contextmanager
def explained() -> Iterator[None]:
    """Show an error of ours as the sentence that it is; anything else is a defect and stays a traceback."""
    try:
        yield
    except EvaluatorError as error:
        st.error(sentence(error), icon=":material/error:")


def live(draw: Callable[[], None], *, refresh: bool, every: float = REFRESH) -> None:
    """Draw a part of a page and, if asked to, again and again: it alone, so that the rest stands still.

    Args:
        every: seconds between two times.
    """

    def part() -> None:
        with explained():
            draw()

    st.fragment(part, run_every=every if refresh else None)()
