"""Upload: files become a dataset, or add to one (`?adds_to=<name>`). A new upload, or an open one (`?upload=<id>`)."""

from __future__ import annotations

import streamlit as st

from evaluator.ui.people.projects import warn_of_quotas
from evaluator.ui.shell.links import DATASETS, link
from evaluator.ui.shell.words import plain
from evaluator.ui.upload.form import dataset_of, show_upload
from evaluator.ui.upload.start import choose_additions, choose_files
from evaluator.workspace.workspace import Workspace, serving


def page(workspace: Workspace) -> None:
    upload = st.query_params.get("upload")
    adds_to = dataset_of(workspace, upload) if upload else st.query_params.get("adds_to")
    if adds_to:
        link(DATASETS, plain(adds_to), ":material/arrow_back:", dataset=adds_to, tab="queries")
        st.title("Add queries and judgments", anchor=False)
    else:
        link(DATASETS, "All datasets", ":material/arrow_back:")
        st.title("Upload a dataset", anchor=False)
    warn_of_quotas(workspace)
    if upload:
        show_upload(workspace, upload)
    elif adds_to:
        choose_additions(workspace, adds_to)
    else:
        choose_files(workspace)


page(serving())
