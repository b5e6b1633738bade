"""The step in which a person reads the report on an upload, and stores it."""

from __future__ import annotations

import re

import streamlit as st

from evaluator.ui.datasets.health import show_health
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import DATASETS, UPLOAD, link
from evaluator.ui.shell.live import explained
from evaluator.ui.upload.columns import edit
from evaluator.ui.upload.evidence import show_unused
from evaluator.uploads import uploads
from evaluator.uploads.state import UploadState
from evaluator.workspace.workspace import Workspace

ENDINGS = re.compile(r"(\.(zip|tar|tgz|gz|zst|csv|tsv|jsonl|json|parquet|xlsx|xls|txt))+$", re.IGNORECASE)
"""Endings of file names that a dataset's name leaves out."""
SELF_IDS = "self-ids"
"""The finding that asks whether to keep or exclude."""


def show_report(workspace: Workspace, state: UploadState) -> None:
    """Draw the report, what follows from it, and how to store the dataset."""
    report = state.report
    if report is None:
        return
    show_health(report)
    if state.recognised is not None and state.reading is not None:
        show_unused(state.recognised, state.reading)
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
        edit(workspace, state)


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
