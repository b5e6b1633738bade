"""Adds queries to a dataset: typed or pasted here, or from files."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.records import DatasetRow
from evaluator.library.catalog import MAX_NOTE
from evaluator.library.queries import add, pasted
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import UPLOAD, link
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import queries as n_queries
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace

ADDED = "queries-added"
"""What the last addition did, in words, for the page after it."""


def offer_queries(workspace: Workspace, row: DatasetRow) -> None:
    """Draw the ways to add queries; open where there are none yet."""
    if not may(Action.EDIT):
        return
    if done := st.session_state.pop(ADDED, None):
        st.success(done, icon=":material/check:")
    is_empty = not row.manifest.n_queries
    if is_empty:
        st.info(
            "These documents have no queries yet. Add some, then judge what the variants find for them.",
            icon=":material/playlist_add:",
        )
    with st.expander("Add queries", icon=":material/add:", expanded=is_empty):
        with st.form(keyed("add-queries", row.name, row.version), border=False):
            text = st.text_area(
                "Queries, one in a line",
                height=120,
                placeholder="How do I ...",
                help="Two columns of a table can be pasted, too: an id and a query.",
            )
            note = st.text_input(
                "Where they come from", max_chars=MAX_NOTE, placeholder="Optional; kept with the version"
            )
            if st.form_submit_button("Add", type="primary", icon=":material/add:"):
                with explained():
                    _add(workspace, row, text or "", note or "")
        offer_files(row, "Add queries from files")


def _add(workspace: Workspace, row: DatasetRow, text: str, note: str) -> None:
    given = pasted(text)
    if not given:
        st.warning("Type a query first: one in a line.", icon=":material/edit:")
        return
    added = add(workspace, row.id, given, note)
    known = len(set(added.ids)) - added.n_new
    st.session_state[ADDED] = f"{n_queries(added.n_new)} added." + (
        f" {n_queries(known)} {'was' if known == 1 else 'were'} there already." if known else ""
    )
    st.rerun()


def offer_files(row: DatasetRow, label: str) -> None:
    """Draw the link to the page where files are added."""
    if not may(Action.EDIT):
        return
    link(UPLOAD, label, ":material/upload_file:", adds_to=row.name)
