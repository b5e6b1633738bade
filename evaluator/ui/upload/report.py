"""The step in which a person reads the report on an upload, and stores it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import streamlit as st

from evaluator.datasets.health.report import HealthReport
from evaluator.datasets.reading import Repair
from evaluator.library import catalog
from evaluator.ui.datasets.additions import ADDED
from evaluator.ui.datasets.health import show_health
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import DATASETS, UPLOAD, link
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import capital, count, plain, queries
from evaluator.ui.upload.columns import edit
from evaluator.ui.upload.evidence import show_unused
from evaluator.uploads import uploads
from evaluator.uploads.state import UploadState
from evaluator.workspace.workspace import Workspace

ENDINGS = re.compile(r"(\.(zip|tar|tgz|gz|zst|csv|tsv|jsonl|json|parquet|xlsx|xls|txt))+$", re.IGNORECASE)
"""Endings of file names that a dataset's name leaves out."""
REPAIRED: Mapping[Repair, str] = {
    "leave-out-rows": "Rows that are wrong are left out.",
    "match-padded-ids": "Ids that differ only by leading zeros are taken for the same.",
}
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
    _offer_repairs(workspace, state, report)
    if report.blocking:
        _blocked(workspace, state, report)
    elif state.adds_to is not None:
        _add(workspace, state, state.adds_to, report)
    else:
        _store(workspace, state)
    with st.expander("Change how the files are read", icon=":material/tune:"):
        edit(workspace, state)


def _blocked(workspace: Workspace, state: UploadState, report: HealthReport) -> None:
    """Say why it cannot be stored and, where only single rows are wrong, offer to leave them out."""
    st.error(
        "It cannot be stored like this. Fix the files as the report says and upload them again, or read them "
        "in another way" + (", or leave these rows out." if report.can_leave_out else "."),
        icon=":material/block:",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if report.can_leave_out:
            wrong = sum(finding.count for finding in report.findings if finding.severity == "blocking")
            rows = "this row" if wrong == 1 else f"these {wrong:,} rows"
            if st.button(f"Leave out {rows} and go on", icon=":material/playlist_remove:"):
                _check_with(workspace, state, (*_repairs(state), "leave-out-rows"))
        link(UPLOAD, "Upload other files", ":material/upload_file:")


def _offer_repairs(workspace: Workspace, state: UploadState, report: HealthReport) -> None:
    """Say what the import does beyond reading, and offer what else it can do; both can be taken back."""
    for finding in report.findings:
        if finding.repair == "match-padded-ids" and finding.repair not in _repairs(state):
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(f"{capital(finding.message)}. Are they the same?", width="content")
                if st.button("Match these ids", icon=":material/join_inner:"):
                    _check_with(workspace, state, (*_repairs(state), finding.repair))
    for repair in _repairs(state):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/build: {REPAIRED[repair]}", width="content")
            if st.button("Undo", key=keyed("undo", state.id, repair), type="tertiary"):
                _check_with(workspace, state, tuple(each for each in _repairs(state) if each != repair))


def _repairs(state: UploadState) -> tuple[Repair, ...]:
    return () if state.reading is None else state.reading.repairs


def _check_with(workspace: Workspace, state: UploadState, repairs: tuple[Repair, ...]) -> None:
    """Check again with other repairs."""
    if state.reading is not None:
        with explained():
            reading = dataclasses.replace(state.reading, repairs=tuple(dict.fromkeys(repairs)))
            uploads.check(workspace, state.id, reading, state.exclude_self)
            st.rerun()


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


def _add(workspace: Workspace, state: UploadState, dataset: int, report: HealthReport) -> None:
    """Say what is added, and draw the button."""
    row = catalog.by_id(workspace, dataset)
    n_queries, n_judgments = (
        report.n_queries - row.manifest.n_queries,
        report.n_judgments - row.manifest.n_judgments,
    )
    new = f"**{queries(n_queries)}** and **{count(n_judgments, 'judgment')}**"
    with explained(), st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"{new} are new in {plain(row.name)}.", width="content")
        if st.button("Add them", type="primary", icon=":material/save:", key=keyed("add", state.id)):
            row = uploads.store(workspace, state.id, "")
            st.session_state[ADDED] = f"{new} added."
            st.switch_page(DATASETS, query_params={"dataset": row.name, "tab": "queries"})


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
