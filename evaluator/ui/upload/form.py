"""One upload on its way: received, recognised, corrected, checked, stored."""

from __future__ import annotations

import time
from contextlib import suppress

import streamlit as st

from evaluator.domain.cost import size
from evaluator.errors import UnknownNameError
from evaluator.library import catalog
from evaluator.ui.shell.links import UPLOAD, link
from evaluator.ui.shell.live import live
from evaluator.ui.shell.words import capital, count, duration, percent, plain
from evaluator.ui.upload.columns import edit, show_recognised
from evaluator.ui.upload.report import show_report
from evaluator.uploads import uploads
from evaluator.uploads.folder import Progress
from evaluator.uploads.state import UploadState
from evaluator.workspace.workspace import Workspace

STEPS = {
    "receiving": "Files", "recognising": "Files", "recognised": "Columns", "checking": "Report", "checked": "Report",
}  # fmt: skip
STAGES = {
    "waiting": "Waiting",
    "fetching": "Fetching the dataset",
    "unpacking": "Opening archives",
    "recognising": "Looking at the files",
    "reading": "Reading documents",
    "examining": "Examining the dataset",
}
"""The stages of `Progress` in words."""
LOOK_EVERY = 0.5
"""Seconds between two redraws of a running step: small files take little longer."""
ESTIMATE_AFTER = 2.0
"""Seconds until the speed is known well enough to say how long it will take."""
FILES_SHOWN = 5
"""Names of files that are written out; the rest is counted."""


def show_upload(workspace: Workspace, id_: str) -> None:
    """Draw an upload as it is now.

    Raises:
        UnknownNameError: there is none of that id.
    """
    state = uploads.state(workspace, id_)
    _head(workspace, state)
    if state.status == "recognised":
        show_recognised(workspace, state)
    elif state.status == "checked":
        show_report(workspace, state)
    elif state.status == "failed":
        _failed(workspace, state)
    else:
        live(lambda: _progress_of(workspace, state), refresh=True, every=LOOK_EVERY)


def _head(workspace: Workspace, state: UploadState) -> None:
    now = STEPS.get(state.status)
    steps = dict.fromkeys(STEPS.values())
    st.markdown(" › ".join(f"**{step}**" if step == now else step for step in (*steps, "Dataset")))
    with st.container(horizontal=True, vertical_alignment="center"):
        dataset = dataset_of(workspace, state.id)
        destination = ""
        if state.adds_to is not None:
            destination = f" · to be added to {'a deleted dataset' if dataset is None else plain(dataset)}"
        st.caption(f"{files_in_words(state)}{destination}", width="content")
        if st.button("Discard", icon=":material/delete:", type="tertiary", help="Delete these files"):
            uploads.discard(workspace, state.id)
            st.query_params.from_dict({} if dataset is None else {"adds_to": dataset})
            st.rerun()


def dataset_of(workspace: Workspace, upload: str) -> str | None:
    """The name of the dataset to which an upload adds; None without one, or if the upload or the dataset is gone."""
    with suppress(UnknownNameError):
        adds_to = uploads.state(workspace, upload).adds_to
        return None if adds_to is None else catalog.by_id(workspace, adds_to).name
    return None


def files_in_words(state: UploadState) -> str:
    """The files that arrived: the first by name, and what all take."""
    if not state.files:
        return "No file"
    names = ", ".join(plain(file.name) for file in state.files[:FILES_SHOWN])
    more = len(state.files) - FILES_SHOWN
    others = f" and {more:,} more" if more > 0 else ""
    return f"{names}{others} · {size(state.bytes)}"


def _progress_of(workspace: Workspace, before: UploadState) -> None:
    """Draw the progress of a step; rerun the whole page once the next step begins."""
    state = uploads.state(workspace, before.id)
    if state.status != before.status:
        st.rerun()
    if state.status == "receiving":
        st.info(
            f"{count(len(state.files), 'file')} arrived so far. If nothing is being sent any more, go on with these.",
            icon=":material/upload_file:",
        )
        if st.button("Go on", type="primary", disabled=not state.files):
            uploads.recognise(workspace, state.id)
            st.rerun()
    elif state.progress is not None:
        st.progress(_share(state.progress), text=progress_text(state.progress, time.time()))


def _share(progress: Progress) -> float:
    return min(progress.done / progress.total, 1.0) if progress.total else 0.0


def progress_text(progress: Progress, now: float) -> str:
    """How far a step is, in words, with an estimate of the time left where one can be made.

    Args:
        now: in Unix seconds.
    """
    words = STAGES.get(progress.stage, progress.stage)
    seconds = now - progress.started_at
    if not progress.done:
        return words if seconds < ESTIMATE_AFTER else f"{words} · {duration(seconds)}"
    if not progress.total:
        return f"{words} · {progress.done:,} · {duration(seconds)}"
    text = f"{words} · {percent(progress.done, progress.total)} · {progress.done:,} of {progress.total:,}"
    if seconds < ESTIMATE_AFTER:
        return text
    left = (progress.total - progress.done) * seconds / progress.done
    return f"{text} · about {duration(left)} left"


def _failed(workspace: Workspace, state: UploadState) -> None:
    st.error(capital(state.error or ""), icon=":material/error:")
    link(UPLOAD, "Upload other files", ":material/upload_file:")
    if state.recognised is not None and state.recognised.tables:
        st.markdown("Or read these files in another way:")
        edit(workspace, state)
    elif state.files and st.button("Try again", icon=":material/refresh:"):
        uploads.recognise(workspace, state.id)
        st.rerun()
