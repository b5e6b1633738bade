"""The step in which a person says how the files are read: questions, choosers, and the check."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import streamlit as st

from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.doubts import changed
from evaluator.datasets.recognition.recognise import Recognised
from evaluator.datasets.recognition.unused import with_ignored
from evaluator.errors import DatasetError
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import UPLOAD, link
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import ago, capital, count, plain
from evaluator.ui.upload.evidence import show_fit, show_unused
from evaluator.ui.upload.questions import Answered, ask
from evaluator.ui.upload.reading import edit_reading
from evaluator.ui.upload.written import show_written
from evaluator.uploads import uploads
from evaluator.uploads.offers import offered_judgments
from evaluator.uploads.remembered import remembered
from evaluator.uploads.state import UploadState
from evaluator.workspace.workspace import Workspace


def show_recognised(workspace: Workspace, state: UploadState) -> None:
    """Draw what was recognised, to be corrected and checked."""
    recognised = state.recognised
    if recognised is None:
        return
    if recognised.reading is not None:
        named = recognised.reading.format
        what = "tables, by their columns" if named == "tables" or recognised.adds else plain(named)
        st.markdown(f"Recognised: **{what}**. Correct what is wrong, then check it.")
    if recognised.problems:
        st.warning("  \n".join(map(capital, recognised.problems)), icon=":material/help:")
    if recognised.tables:
        edit(workspace, state)
    else:
        link(UPLOAD, "Upload other files", ":material/upload_file:")


def edit(workspace: Workspace, state: UploadState) -> None:
    """Draw questions, choosers and the button, redrawn alone: the page around them does not depend on them.

    A reading that a person chose before is shown without questions.
    """

    def form() -> None:
        recognised = state.recognised
        if recognised is None:
            return
        answered = _begin(workspace, state, recognised)
        start = _adopted(recognised, state.id, answered and answered.reading)
        if start is None:  # perhaps for this reason
            show_written(workspace, state.id, recognised, None)
        reading = edit_reading(recognised, start, state.id)
        if start is not None:
            show_written(workspace, state.id, recognised, reading or start)
        if reading is not None:
            show_unused(recognised, reading)
            show_fit(recognised, reading)
        _check(workspace, state, reading, answered.n_open if answered else 0)

    st.fragment(form)()


def _begin(workspace: Workspace, state: UploadState, recognised: Recognised) -> Answered | None:
    """What the choosers show at first: as a person chose or chose last time, or as recognised, with the questions."""
    if state.reading is not None:
        return Answered(state.reading, 0)
    before = None if recognised.adds else remembered(workspace, recognised)
    if before is not None:
        seconds = (datetime.now(UTC) - before.stored_at.replace(tzinfo=UTC)).total_seconds()
        ways = {True: f"As last time ({plain(before.dataset)}, {ago(seconds)})", False: "As recognised"}
        as_before = st.radio(
            "Read these files",
            list(ways),
            format_func=ways.__getitem__,
            captions=("These columns are the same as those of that dataset.", ""),
            key=keyed("as-before", state.id),
        )
        if as_before:
            return Answered(before.reading, 0)
    return ask(recognised, state.id)


def _check(workspace: Workspace, state: UploadState, reading: Reading | None, n_open: int) -> None:
    """Draw the button, and beside it what it does or why it cannot be pressed yet."""
    with explained(), st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            "Check",
            type="primary",
            icon=":material/fact_check:",
            disabled=reading is None or n_open > 0,
            key=keyed("check", state.id),
        )
        if n_open:
            st.markdown(
                f":material/help: {count(n_open, 'question')} above to answer first.", width="content"
            )
        elif reading is None:
            st.markdown(
                ":material/help: Documents and queries need a table and a text; judgments need a query and a document.",
                width="content",
            )
        else:
            st.caption("Reads everything and reports about it. Nothing is stored yet.", width="content")
        if pressed and reading:
            uploads.check(workspace, state.id, reading, state.exclude_self)
            st.rerun()


def _adopted(recognised: Recognised, upload: str, reading: Reading | None) -> Reading | None:
    """Draw the offers to use tables as judgments; the reading with the one that was taken."""
    if reading is None:
        return None
    taken: Mapping[str, Any] | None = st.session_state.get(keyed("adopted", upload))
    if taken:
        try:
            reading = with_ignored(recognised, changed(reading, taken))
        except DatasetError:  # an answer has changed the parts since
            del st.session_state[keyed("adopted", upload)]
    for number, offer in enumerate(offered_judgments(recognised, reading)):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/lightbulb: {capital(offer.label)}", width="content")
            st.button(
                "Use as judgments",
                key=keyed("adopt", upload, number, offer.label),
                on_click=partial(st.session_state.__setitem__, keyed("adopted", upload), dict(offer.changes)),
            )
    return reading
