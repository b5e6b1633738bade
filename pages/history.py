"""A dataset's scores over time: `?dataset=<name>&measure=&variants=<a>,<b>`."""

from __future__ import annotations

import streamlit as st

from evaluator.analysis.history import history
from evaluator.experiments import lifecycle
from evaluator.ui.history.view import show_history
from evaluator.ui.shell.choosers import choose_dataset, choose_measure
from evaluator.ui.shell.start import welcome
from evaluator.workspace.workspace import Workspace, serving


def page(workspace: Workspace) -> None:
    st.title("History", anchor=False)
    rows = lifecycle.listed(workspace)
    if not rows:
        welcome(workspace)
        return
    known = list(dict.fromkeys(row.dataset for row in rows))
    dataset = st.query_params.get("dataset", known[0])
    with st.spinner("Comparing ...", show_time=False):
        timeline = history(workspace, dataset, st.query_params.get("measure"))
    left, right = st.columns(2)
    with left:
        choose_dataset(list(dict.fromkeys([*known, dataset])), dataset, lambda name: {"dataset": name})
    if not timeline.points:
        st.info("No experiment over this dataset has finished yet.", icon=":material/hourglass_empty:")
        return
    with right:
        choose_measure(
            timeline.measures, timeline.measure, lambda name: {"dataset": dataset, "measure": name}
        )
    show_history(timeline)


page(serving())
