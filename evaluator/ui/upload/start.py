"""The start of an upload: drop files, or fetch a public dataset; and the formats that can be read."""

from __future__ import annotations

import time
from collections.abc import Mapping

import streamlit as st

from evaluator.library import catalog
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import DATASETS
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import ago
from evaluator.ui.upload.dropzone import dropzone
from evaluator.ui.upload.form import files_in_words
from evaluator.uploads import uploads
from evaluator.uploads.persons import person_at
from evaluator.uploads.state import Status, UploadState
from evaluator.workspace.workspace import Workspace

SHAPES = """\
| What you have | What it looks like |
|---|---|
| One table of questions and answers | `question`, `expected passage`: a spreadsheet, CSV, TSV, JSON Lines or Parquet |
| One table of judged pairs | `query`, `document`, `grade` |
| Three tables | documents, queries, judgments: three files, or three sheets of one workbook |
| BEIR | `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv` |
| TREC | documents or `.I .T .W` records, topics, qrels; a run file may come along |
| One JSON file | `{"queries": …, "corpus": …, "qrels": …}` |
| Files of other tools | SQuAD, DPR, OpenSearch, Elasticsearch, `rank_eval`, RRE, Quepid, RankLib |
| A folder of texts | `.txt`, `.md`, `.html`, `.pdf`, `.docx`, `.pptx`, `.odt`, one a document |
| Documents alone | any table of texts, or a folder of them; queries are added later, typed or from files |
"""

SHOWN = 3
"""Unfinished uploads that are listed at once."""
STATUSES: Mapping[Status, str] = {
    "receiving": "Files are missing, or not looked at yet",
    "recognising": "Looking at the files",
    "recognised": "Columns to confirm",
    "checking": "Being checked",
    "checked": "Checked, not stored yet",
    "failed": "Failed",
}


def choose_additions(workspace: Workspace, name: str) -> None:
    """Draw where files are dropped that add queries and judgments to a dataset.

    Raises:
        UnknownNameError: there is no such dataset.
    """
    row = catalog.find(workspace, name)
    st.markdown(
        f"A file of queries, of judgments, or of both, such as questions with the document that answers each. The "
        f"{row.manifest.n_documents:,} documents stay as they are, and so does every query that is there already. You "
        "see what was recognised and read a report about the whole dataset; nothing is stored until you say so."
    )
    if uploaded := dropzone(workspace.settings.upload_limit, row.name):
        _go_on(uploaded)


def choose_files(workspace: Workspace) -> None:
    """Draw the ways to begin; opens the upload once there is one."""
    st.markdown(
        "Documents, queries, and which documents are relevant. You see what was recognised, correct it, and read a "
        "report about it; nothing is stored until you say so."
    )
    if uploaded := dropzone(workspace.settings.upload_limit, None):
        _go_on(uploaded)
    person = person_at(st.context.ip_address)
    _open(workspace, person)
    _fetch(workspace, person)
    st.subheader("What can be read", anchor=False)
    st.markdown(SHAPES)
    st.markdown(
        "Columns may have other names: you choose them in the next step. Archives (`.zip`, `.tar.gz`, `.gz`, `.zst`) "
        "are opened. Queries and judgments can follow later. This software's repository has small examples in its "
        "folder `data/`."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Only looking around?", width="content")
        if st.button("Use the demo dataset", icon=":material/science:", type="tertiary"):
            with st.spinner("Building it ..."):
                row = catalog.import_demo(workspace)
            st.switch_page(DATASETS, query_params={"dataset": row.name})


def _open(workspace: Workspace, person: str) -> None:
    """Draw the uploads that were neither stored nor discarded: they take room on the disk."""
    mine = sorted(uploads.open_uploads(workspace, person), key=lambda state: -state.changed_at)
    if not mine:
        return
    st.subheader("Unfinished uploads", anchor=False)
    for state in mine[:SHOWN]:
        _unfinished(workspace, state)
    if mine[SHOWN:]:
        with st.expander(f"{len(mine) - SHOWN} more", icon=":material/pending:"):
            for state in mine[SHOWN:]:
                _unfinished(workspace, state)


def _unfinished(workspace: Workspace, state: UploadState) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap="xsmall"):
            st.markdown(files_in_words(state))
            st.caption(f"{STATUSES[state.status]} · {ago(time.time() - state.changed_at)}")
        with st.container(horizontal=True, width="content", gap="small"):
            if st.button("Continue", key=keyed("continue", state.id), icon=":material/play_arrow:"):
                _go_on(state.id)
            if st.button(
                "Discard",
                key=keyed("discard", state.id),
                icon=":material/delete:",
                type="tertiary",
                help="Delete these files",
            ):
                with explained():
                    uploads.discard(workspace, state.id)
                    st.rerun()


def _fetch(workspace: Workspace, person: str) -> None:
    with (
        st.expander("Or fetch a public dataset", icon=":material/cloud_download:"),
        st.form("fetch", border=False),
    ):
        reference = st.text_input(
            "Dataset",
            placeholder="hf:BeIR/scifact or ir_datasets:beir/scifact/test",
            help="`hf:organisation/name` of the Hugging Face hub, also with `/configuration` and `@revision`; or "
            "`ir_datasets:` and an id of the ir_datasets catalogue.",
        )
        st.caption("The server fetches it, so the machine that it runs on needs access to the network.")
        if st.form_submit_button("Fetch", icon=":material/download:"):
            with explained():
                _go_on(uploads.fetch(workspace, (reference or "").strip(), person))


def _go_on(upload: str) -> None:
    st.query_params.from_dict({"upload": upload})
    st.rerun()
