"""The form's fields in the session: one key for each of the choices, and what becomes of the description as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import streamlit as st

from evaluator.errors import ExperimentFileError
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.form import Choices, choices_of
from evaluator.ui.shell.words import plain

SOURCE = "line"
"""What messages call the text, so that they begin with `line:<number>: `."""
TEXT = "description"
"""Key of the text area; the theme sets its font."""
EDITED = "new-edited"
"""Key of whether the text counts, and not the choices."""
BEGUN = "new-begun"
"""Key of what the form was begun with."""


def key(field: str) -> str:
    """The session's key of one of the choices."""
    return f"new-{field}"


def fill(choices: Choices) -> None:
    """Set every field; the choices count from now on."""
    for field in dataclasses.fields(choices):
        value = getattr(choices, field.name)
        # Several of something are a list to a widget; the server is one choice, though made of two values.
        several = isinstance(value, tuple) and field.name != "server"
        st.session_state[key(field.name)] = list(value) if several else value
    st.session_state[EDITED] = False


def read() -> Choices:
    """The fields as they are now."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Choices):
        value = st.session_state[key(field.name)]
        values[field.name] = tuple(value) if isinstance(value, list) else value
    return Choices(**values)


def take_text(text: str) -> None:
    """Set the fields to what a text describes; if they cannot say it, or it is not valid, the text counts."""
    choices = expressible(text)
    if choices is not None:
        fill(choices)
    else:
        st.session_state[EDITED] = True
        st.session_state[TEXT] = text


def expressible(text: str) -> Choices | None:
    """The choices that mean what a text describes, if there are any."""
    try:
        return choices_of(parse_experiment(text, SOURCE))
    except ExperimentFileError:
        return None


def message(problems: Mapping[str, str], field: str) -> None:
    """Draw what is wrong with a field, if anything is."""
    if field in problems:
        st.markdown(f":red[:material/error: {plain(problems[field])}]")
