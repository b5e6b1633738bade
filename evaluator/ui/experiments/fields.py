"""The description of a new experiment in the session: its text is the truth that the form shows and edits."""

from __future__ import annotations

import re
from collections.abc import Callable

import streamlit as st

from evaluator.domain.experiment import Experiment
from evaluator.errors import ExperimentFileError
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.file_writer import write_experiment

SOURCE = "line"
"""What messages call the text, so that they begin with `line:<number>: `."""
PROBLEM = re.compile(rf"{SOURCE}:(\d+): (.*)")
TEXT = "description"
"""Key of the text area; the theme sets its font."""
VALID = "new-valid"
"""Key of the last text without mistakes."""
REFUSED = "new-refused"
"""Key of why the last edit was not made; empty if it was."""
BEGUN = "new-begun"
"""Key of the template that the form began with."""


def key(field: str) -> str:
    """The session's key of one of the form's fields."""
    return f"new-{field}"


def read_text() -> Experiment:
    """The experiment that the text describes.

    Raises:
        ExperimentFileError: the text has mistakes.
    """
    experiment = parse_experiment(st.session_state[TEXT], SOURCE)
    st.session_state[VALID] = st.session_state[TEXT]
    return experiment


def take_text(text: str) -> None:
    """Describe an experiment by a text."""
    st.session_state[TEXT] = text
    st.session_state[REFUSED] = ""


def take(experiment: Experiment) -> None:
    """Describe an experiment."""
    take_text(write_experiment(experiment))


def edit(change: Callable[[Experiment], Experiment]) -> None:
    """Edit the description; an edit that would make a mistake is not made, and the form says why.

    Args:
        change: gives the edited experiment; raises a ValueError where it makes no sense.
    """
    try:
        text = write_experiment(change(read_text()))
        take(parse_experiment(text, SOURCE))
    except (ValueError, ExperimentFileError) as error:
        matches = [(PROBLEM.fullmatch(line), line) for line in str(error).splitlines()]
        st.session_state[REFUSED] = "\n".join(match.group(2) if match else line for match, line in matches)
