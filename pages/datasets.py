"""Datasets: all of them, or one (`?dataset=<name>&tab=<tab>`).

`&query=<id>` is one query's judgments, `&document=<id>` one document.
"""

from __future__ import annotations

import streamlit as st

from evaluator.domain.access import Action
from evaluator.library import catalog
from evaluator.ui.datasets.list import show_datasets, welcome
from evaluator.ui.datasets.view import show_dataset
from evaluator.ui.shell.links import DATASETS, UPLOAD, link
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace, serving


def page(workspace: Workspace) -> None:
    if "dataset" in st.query_params:
        link(DATASETS, "All datasets", ":material/arrow_back:")
        show_dataset(workspace, catalog.find(workspace, st.query_params["dataset"]))
    else:
        everything(workspace)


def everything(workspace: Workspace) -> None:
    st.title("Datasets", anchor=False)
    rows = catalog.all_datasets(workspace)
    if not rows:
        welcome(workspace)
        return
    if may(Action.EDIT) and st.button("Upload a dataset", type="primary", icon=":material/upload_file:"):
        st.switch_page(UPLOAD)
    show_datasets(workspace, rows)


page(serving())
