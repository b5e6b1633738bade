"""For every view: automatic refresh, and errors as sentences instead of tracebacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from evaluator.domain.access import Action
from evaluator.errors import EvaluatorError
from evaluator.ui.shell.words import sentence
from evaluator.workspace.acting import require

REFRESH = 2.0
"""Seconds between two redraws of a running experiment or queue."""


@contextmanager
def explained() -> Iterator[None]:
    """Show an error of this software as a sentence; any other error is a defect and stays a traceback."""
    try:
        yield
    except EvaluatorError as error:
        st.error(sentence(error), icon=":material/error:")


def live(draw: Callable[[], None], *, refresh: bool, every: float = REFRESH) -> None:
    """Draw a part of a page and, with `refresh`, redraw it regularly without the rest of the page.

    Args:
        every: seconds between two redraws.
    """

    def part() -> None:
        with explained():
            require(Action.SEE)  # the session may have ended since the last draw
            draw()

    st.fragment(part, run_every=every if refresh else None)()
