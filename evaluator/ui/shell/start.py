"""The welcome where no experiment has run yet, and starting experiments."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.experiment import Experiment
from evaluator.experiments import lifecycle
from evaluator.experiments.demo import demo_experiment
from evaluator.ui.shell.links import EXPERIMENTS, UPLOAD, link
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace

PATIENCE = 1.0
"""Seconds that a page waits for a plan before it shows the progress of planning."""
HUB_PATIENCE = 10.0
"""Seconds that a page waits for the hub to answer about each model; then the page reports it."""


def start(workspace: Workspace, experiment: Experiment) -> None:
    """Submit an experiment and go to its page."""
    with st.spinner("Submitting ..."):
        submitted = lifecycle.submit(workspace, experiment, patience=PATIENCE, hub_patience=HUB_PATIENCE)
    st.switch_page(EXPERIMENTS, query_params={"experiment": submitted.id})


def welcome(workspace: Workspace) -> None:
    """Explain how to get to a first leaderboard, and offer the demo."""
    with st.container(border=True):
        st.subheader("No experiment has run yet", anchor=False)
        st.markdown(
            "An experiment takes a **dataset** (documents, queries, and which documents are relevant), runs "
            "several **variants** of retrieval over it, and ranks them here.\n\n"
            "The demo compares five variants, lexical, dense and fused, on the documentation of Python's standard "
            "library. Everything it needs is installed; it takes one to two minutes."
        )
        if not may(Action.RUN):
            st.caption("You see results here once somebody has run an experiment.")
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            if may(Action.EDIT) and st.button("Run the demo", type="primary", icon=":material/play_arrow:"):
                start(workspace, demo_experiment())
            if may(Action.EDIT):
                link(UPLOAD, "Upload your own data", ":material/upload:")
            link(EXPERIMENTS, "Define an experiment", ":material/add:", new="")
