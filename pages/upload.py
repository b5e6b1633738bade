"""Upload: files become a dataset, or add to one (`?adds_to=<name>`). A new upload, or an open one (`?upload=<id>`)."""

from __future__ import annotations

import streamlit as st

from evaluator.ui.shell.links import DATASETS, link
from evaluator.ui.shell.words import plain
from evaluator.ui.upload.form import show_upload
from evaluator.ui.upload.start import choose_additions, choose_files
from evaluator.workspace.workspace import Workspace, serving


def page(workspace: Workspace) -> None:
    if name := st.query_params.get("adds_to"):
        link(DATASETS, plain(name), ":material/arrow_back:", dataset=name, tab="queries")
        st.title("Add queries and judgments", anchor=False)
        choose_additions(workspace, name)
        return
    link(DATASETS, "All datasets", ":material/arrow_back:")
    st.title("Upload a dataset", anchor=False)
    if "upload" in st.query_params:
        show_upload(workspace, st.query_params["upload"])
    else:
        choose_files(workspace)


page(serving())
