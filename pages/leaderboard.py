"""The leaderboard of one experiment. Its address: `?experiment=<id or name>&measure=<measure>`."""

from __future__ import annotations

import streamlit as st

from evaluator.services import experiments
from evaluator.services.workspace import Workspace, serving
from evaluator.ui.board import show_board
from evaluator.ui.live import live
from evaluator.ui.selection import addressed_experiment, addressed_measure, choose_experiment_and_measure
from evaluator.ui.start import welcome


def page(workspace: Workspace) -> None:
    st.title("Leaderboard", anchor=False)
    rows = experiments.all_experiments(workspace)
    if not rows:
        welcome(workspace)
        return
    experiment = addressed_experiment(workspace, rows)
    measure = addressed_measure(experiment)
    choose_experiment_and_measure(rows, experiment, measure)
    live(lambda: show_board(workspace, experiment, measure), refresh=experiment.status == "running")


page(serving())
