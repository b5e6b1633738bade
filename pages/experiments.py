"""Experiments: all of them, one of them (`?experiment=<id or name>`), or a new one (`?new`)."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.access import Action
from evaluator.experiments import lifecycle
from evaluator.ui.experiments.form import new_experiment
from evaluator.ui.experiments.list import show_experiments
from evaluator.ui.experiments.live import show_experiment
from evaluator.ui.shell.choosers import named_experiment
from evaluator.ui.shell.links import EXPERIMENTS, link
from evaluator.ui.shell.live import live
from evaluator.ui.shell.start import welcome
from evaluator.workspace.acting import may, require
from evaluator.workspace.workspace import Workspace, serving


def page(workspace: Workspace) -> None:
    if "new" in st.query_params:
        link(EXPERIMENTS, "All experiments", ":material/arrow_back:")
        require(Action.RUN)
        new_experiment(workspace, st.query_params["new"])
    elif "experiment" in st.query_params:
        link(EXPERIMENTS, "All experiments", ":material/arrow_back:")
        show_experiment(workspace, named_experiment(workspace, st.query_params["experiment"]))
    else:
        everything(workspace)


def everything(workspace: Workspace) -> None:
    st.title("Experiments", anchor=False)
    rows = lifecycle.listed(workspace)
    if not rows:
        welcome(workspace)
        return
    if may(Action.RUN) and st.button("New experiment", type="primary", icon=":material/add:"):
        st.switch_page(EXPERIMENTS, query_params={"new": ""})
    live(lambda: show_experiments(workspace), refresh=any(row.active for row in rows))


page(serving())
