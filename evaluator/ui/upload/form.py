"""One upload on its way: received, recognised, corrected, checked, stored."""

from __future__ import annotations

import re
import time

import streamlit as st

from evaluator.datasets.reading import Reading
from evaluator.ui.datasets.health import show_health
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import DATASETS, UPLOAD, link
from evaluator.ui.shell.live import explained, live
from evaluator.ui.shell.words import capital, count, duration, percent, plain, size
from evaluator.ui.upload.reading import edit_reading
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
ENDINGS = re.compile(r"(\.(zip|tar|tgz|gz|zst|csv|tsv|jsonl|json|parquet|xlsx|xls|txt))+$", re.IGNORECASE)
"""Endings of file names that a dataset's name leaves out."""
SELF_IDS = "self-ids"
"""The finding that asks whether to keep or exclude."""


def show_upload(workspace: Workspace, id_: str) -> None:
    """Draw an upload as it is now.

    Raises:
        UnknownNameError: there is none of that id.
    """
    state = uploads.state(workspace, id_)
    _head(workspace, state)
    if state.status == "recognised":
        _recognised(workspace, state)
    elif state.status == "checked":
        _checked(workspace, state)
    elif state.status == "failed":
        _failed(workspace, state)
    else:
        live(lambda: _progress_of(workspace, state), refresh=True, every=LOOK_EVERY)


def _head(workspace: Workspace, state: UploadState) -> None:
    now = STEPS.get(state.status)
    steps = dict.fromkeys(STEPS.values())
    st.markdown(" › ".join(f"**{step}**" if step == now else step for step in (*steps, "Dataset")))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(files_in_words(state), width="content")
        if st.button("Discard", icon=":material/delete:", type="tertiary", help="Delete these files"):
            uploads.discard(workspace, state.id)
            st.query_params.clear()
            st.rerun()


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


def _recognised(workspace: Workspace, state: UploadState) -> None:
    recognised = state.recognised
    if recognised is None:
        return
    if recognised.reading is not None:
        named = recognised.reading.format
        what = "tables, by their columns" if named == "tables" else plain(named)
        st.markdown(f"Recognised: **{what}**. Correct what is wrong, then check it.")
    if recognised.problems:
        st.warning("  \n".join(map(capital, recognised.problems)), icon=":material/help:")
    if recognised.tables:
        _edit(workspace, state, recognised.reading)
    else:
        link(UPLOAD, "Upload other files", ":material/upload_file:")


def _edit(workspace: Workspace, state: UploadState, start: Reading | None) -> None:
    """The choosers and the button, redrawn alone: the page around them does not depend on them."""

    def form() -> None:
        if state.recognised is None:
            return
        reading = edit_reading(state.recognised, start, state.id)
        _left_out(reading)
        with explained():
            if (
                st.button("Check", type="primary", icon=":material/fact_check:", disabled=reading is None)
                and reading
            ):
                uploads.check(workspace, state.id, reading, state.exclude_self)
                st.rerun()
        if reading is None:
            st.caption(
                "Documents need a table and a text, queries too; judgments need a query and a document."
            )
        else:
            st.caption("Reads everything and reports about it. Nothing is stored yet.")

    st.fragment(form)()


def _left_out(reading: Reading | None) -> None:
    if reading is not None and reading.runs:
        st.caption(f"Runs that came along: {', '.join(plain(str(run.table)) for run in reading.runs)}.")
    if reading is not None and reading.ignored:
        shown = ", ".join(map(plain, reading.ignored[:FILES_SHOWN]))
        more = len(reading.ignored) - FILES_SHOWN
        st.caption(f"Not used: {shown}{f' and {more:,} more' if more > 0 else ''}.")


def _checked(workspace: Workspace, state: UploadState) -> None:
    report = state.report
    if report is None:
        return
    show_health(report)
    if any(finding.code == SELF_IDS for finding in report.findings):
        _ask_about_self(workspace, state)
    if report.blocking:
        st.error(
            "It cannot be stored like this. Fix the files as the report says and upload them again, or read them "
            "in another way.",
            icon=":material/block:",
        )
        link(UPLOAD, "Upload other files", ":material/upload_file:")
    else:
        _store(workspace, state)
    with st.expander("Change how the files are read", icon=":material/tune:"):
        _edit(workspace, state, state.reading)


def _ask_about_self(workspace: Workspace, state: UploadState) -> None:
    with st.container(border=True):
        chosen = st.radio(
            "Some ids are both a query's and a document's. May a query find the document of its own id?",
            (False, True),
            index=int(state.exclude_self),
            format_func=lambda exclude: "Exclude it from that query's list" if exclude else "Keep it",
            captions=(
                "The ids only happen to be the same.",
                "The query is that document: finding itself would prove nothing.",
            ),
            key=keyed("exclude-self", state.id),
        )
        if chosen != state.exclude_self and state.reading is not None:
            uploads.check(workspace, state.id, state.reading, bool(chosen))
            st.rerun()


def _store(workspace: Workspace, state: UploadState) -> None:
    with st.form(keyed("store", state.id)):
        st.subheader("Store it", anchor=False)
        name = st.text_input("Name", suggested_name(state), max_chars=100, key=keyed("upload-name", state.id))
        description = st.text_area(
            "Description",
            height=80,
            placeholder="Where it comes from, what it is good for",
            key=keyed("upload-text", state.id),
        )
        tags = st.multiselect(
            "Tags",
            [],
            accept_new_options=True,
            placeholder="Type one and press Enter",
            key=keyed("upload-tags", state.id),
        )
        if st.form_submit_button("Store dataset", type="primary", icon=":material/save:"):
            with explained():
                row = uploads.store(workspace, state.id, (name or "").strip(), description or "", tuple(tags))
                st.switch_page(DATASETS, query_params={"dataset": row.name})


def suggested_name(state: UploadState) -> str:
    """A dataset's name from its files: the only one's, or the folder's that all lie in."""
    names = [file.name for file in state.files]
    folders = {name.split("/", 1)[0] if "/" in name else "" for name in names}
    if len(names) == 1:
        return ENDINGS.sub("", names[0].rsplit("/", 1)[-1])
    return folders.pop() if len(folders) == 1 else ""


def _failed(workspace: Workspace, state: UploadState) -> None:
    st.error(capital(state.error or ""), icon=":material/error:")
    link(UPLOAD, "Upload other files", ":material/upload_file:")
    if state.recognised is not None and state.recognised.tables:
        st.markdown("Or read these files in another way:")
        _edit(workspace, state, state.reading or state.recognised.reading)
    elif state.files and st.button("Try again", icon=":material/refresh:"):
        uploads.recognise(workspace, state.id)
        st.rerun()
