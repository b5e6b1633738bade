"""Questions about what the files do not say clearly; a person answers each before the files are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.doubts import Doubt, Option, changed
from evaluator.datasets.recognition.recognise import Recognised
from evaluator.datasets.recognition.unused import with_ignored
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.words import capital, plain
from evaluator.ui.upload.grades import edit_grades, in_words

GRADES = "qrels.grades"
"""The field of a reading that an answer about words changes."""
PARTS = {"corpus": "documents", "queries": "queries", "qrels": "judgments"}
OTHERWISE = "Something else: I choose it below"


class Answered(NamedTuple):
    """A reading with the answers that were given.

    Attributes:
        n_open: how many questions are not answered yet.
    """

    reading: Reading
    n_open: int


def ask(recognised: Recognised, upload: str) -> Answered | None:
    """Draw the questions, each as soon as the answers before it raise it; None if nothing was recognised.

    Args:
        upload: id of the upload; each has its own answers.
    """
    if recognised.reading is None:
        return None
    reading, n_open = recognised.reading, 0
    for doubt in recognised.doubts:
        if not doubt.arises(reading):
            continue
        changes = _ask(doubt, keyed("doubt", upload, doubt.question))
        if changes is None:
            n_open += 1
        elif changes:
            reading = with_ignored(recognised, changed(reading, changes))
    return Answered(reading, n_open)


def _ask(doubt: Doubt, key: str) -> Mapping[str, Any] | None:
    """Draw a question. Gives what the answer changes in the reading, or None if it is not answered."""
    with st.container(border=True):
        words = next((option for option in doubt.options if GRADES in option.changes), None)
        if words is not None:
            return _ask_about_words(doubt, words, key)
        options: Sequence[Option] = (*doubt.options, Option(OTHERWISE))
        chosen = st.radio(
            f":material/help: {capital(doubt.question)}",
            range(len(options)),
            index=None,
            format_func=lambda number: capital(options[number].label),
            captions=_captions(options),
            key=key,
        )
        return None if chosen is None else options[chosen].changes


def _captions(options: Sequence[Option]) -> list[str] | None:
    """Which files each answer reads, if any answer says so."""
    captions = [plain(_files(option)) for option in options]
    return captions if any(captions) else None


def _files(option: Option) -> str:
    """Which table is what: `documents: corpus.jsonl (text)`, if the answer says it."""
    parts = [(words, option.changes[name]) for name, words in PARTS.items() if name in option.changes]
    if not any(isinstance(part, Mapping) and "table" in part for _, part in parts):
        return ""
    return " · ".join(f"{words}: {_part_in_words(part)}" for words, part in parts)


def _part_in_words(part: Mapping[str, Any] | None) -> str:
    if part is None:
        return "none"
    table = part["table"]
    return f"{table['file']} > {table['member']}" if table.get("member") else str(table["file"])


def _ask_about_words(doubt: Doubt, proposal: Option, key: str) -> Mapping[str, Any] | None:
    """Ask which grades words stand for: the proposal can be changed and must be confirmed."""
    confirmed = f"{key}-confirmed"
    st.markdown(f":material/help: {capital(doubt.question)}")
    with st.form(f"{key}-form", border=False):
        grades = edit_grades(proposal.changes[GRADES], f"{key}-table")
        if st.form_submit_button("Use these grades", icon=":material/check:"):
            st.session_state[confirmed] = grades
    answer: Mapping[str, int] | None = st.session_state.get(confirmed)
    if not answer:
        st.caption("1 and more is relevant. The proposal follows what the words usually mean.")
        return None
    st.caption(f"Used: {plain(in_words(answer))}.")
    return {GRADES: dict(answer)}
