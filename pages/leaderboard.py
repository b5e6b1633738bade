"""The leaderboard of one experiment: `?experiment=<id or name>&measure=&baseline=&search=&columns=`.

`&view=tradeoffs&cost=&p95=&mb=&usd=` is quality against cost; `?view=datasets&experiments=<a>,<b>` several datasets.
"""

from __future__ import annotations

import streamlit as st

from evaluator.experiments import lifecycle
from evaluator.ui.leaderboard.across import show_across
from evaluator.ui.leaderboard.board import show_board
from evaluator.ui.leaderboard.tradeoffs import show_tradeoffs
from evaluator.ui.leaderboard.view import choose_open_view, kept_address, refresh_every
from evaluator.ui.shell.choosers import (
    addressed_experiment,
    addressed_measure,
    choose_experiment_and_measure,
)
from evaluator.ui.shell.live import live
from evaluator.ui.shell.start import welcome
from evaluator.workspace.workspace import Workspace, serving


def page(workspace: Workspace) -> None:
    st.title("Leaderboard", anchor=False)
    rows = lifecycle.listed(workspace)
    if not rows:
        welcome(workspace)
        return
    view = choose_open_view()
    if view == "datasets":
        live(lambda: show_across(workspace, rows), refresh=False)
        return
    experiment = addressed_experiment(workspace, rows)
    measure = addressed_measure(experiment)
    choose_experiment_and_measure(rows, experiment, measure, kept_address())
    show = show_tradeoffs if view == "tradeoffs" else show_board
    live(
        lambda: show(workspace, experiment, measure),
        refresh=experiment.active,
        every=refresh_every(experiment),
    )


page(serving())
