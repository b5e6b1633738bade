"""Upload: files become a dataset. A new upload, or an open one (`?upload=<id>`)."""

from __future__ import annotations

import streamlit as st

from evaluator.ui.shell.links import DATASETS, link
from evaluator.ui.upload.form import show_upload
from evaluator.ui.upload.start import choose_files
from evaluator.workspace.workspace import Workspace, serving


def page(workspace: Workspace) -> None:
    link(DATASETS, "All datasets", ":material/arrow_back:")
    st.title("Upload a dataset", anchor=False)
    if "upload" in st.query_params:
        show_upload(workspace, st.query_params["upload"])
    else:
        choose_files(workspace)


page(serving())
