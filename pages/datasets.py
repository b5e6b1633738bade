"""Datasets: all of them, or one (`?dataset=<name>&tab=<tab>`).

`&query=<id>` is one query's judgments, `&document=<id>` one document.
"""

from __future__ import annotations

import streamlit as st

from evaluator.services import datasets
from evaluator.services.workspace import Workspace, serving
from evaluator.ui.dataset_list import show_datasets, welcome
from evaluator.ui.dataset_view import show_dataset
from evaluator.ui.links import DATASETS, UPLOAD, link


def page(workspace: Workspace) -> None:
    if "dataset" in st.query_params:
        link(DATASETS, "All datasets", ":material/arrow_back:")
        show_dataset(workspace, datasets.find(workspace, st.query_params["dataset"]))
    else:
        everything(workspace)


def everything(workspace: Workspace) -> None:
    st.title("Datasets", anchor=False)
    rows = datasets.all_datasets(workspace)
    if not rows:
        welcome(workspace)
        return
    if st.button("Upload a dataset", type="primary", icon=":material/upload_file:"):
        st.switch_page(UPLOAD)
    show_datasets(workspace, rows)


page(serving())
