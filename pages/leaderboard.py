"""The leaderboard of one experiment: `?experiment=<id or name>&measure=&baseline=&search=&columns=`.

`&view=tradeoffs&cost=&p95=&mb=&usd=` is quality against cost; `?view=datasets&experiments=<a>,<b>` several datasets.
"""

from __future__ import annotations

import streamlit as st

from evaluator.services import experiments
from evaluator.services.workspace import Workspace, serving
from evaluator.store.catalog import ExperimentRow
from evaluator.ui.address import readdress
from evaluator.ui.board import show_board
from evaluator.ui.board_across import show_across
from evaluator.ui.live import REFRESH, live
from evaluator.ui.selection import addressed_experiment, addressed_measure, choose_experiment_and_measure
from evaluator.ui.start import welcome
from evaluator.ui.tradeoffs import show_tradeoffs

VIEWS = {"ranking": "Ranking", "tradeoffs": "Trade-offs", "datasets": "Several datasets"}
# Of the address, what another measure leaves as it is. (A string here would be drawn.)
KEPT = ("view", "baseline", "search", "cost", "p95", "mb", "usd")
# Queries over all variants above which what is not final is computed anew less often.
LARGE = 100_000


def page(workspace: Workspace) -> None:
    st.title("Leaderboard", anchor=False)
    rows = experiments.all_experiments(workspace)
    if not rows:
        welcome(workspace)
        return
    view = choose_view()
    if view == "datasets":
        live(lambda: show_across(workspace, rows), refresh=False)
        return
    experiment = addressed_experiment(workspace, rows)
    measure = addressed_measure(experiment)
    kept = {name: st.query_params[name] for name in KEPT if name in st.query_params}
    choose_experiment_and_measure(rows, experiment, measure, kept)
    show = show_tradeoffs if view == "tradeoffs" else show_board
    every = REFRESH * 5 if size(experiment) > LARGE else REFRESH
    live(lambda: show(workspace, experiment, measure), refresh=experiment.status == "running", every=every)


def choose_view() -> str:
    named = "datasets" if "experiments" in st.query_params else st.query_params.get("view", "")
    view = st.session_state["view"] = named if named in VIEWS else "ranking"

    def go() -> None:
        chosen = st.session_state["view"] or view
        readdress(view=None if chosen == "ranking" else chosen, experiments=None)

    st.segmented_control(
        "View",
        list(VIEWS),
        key="view",
        format_func=VIEWS.__getitem__,
        on_change=go,
        label_visibility="collapsed",
    )
    return view


def size(experiment: ExperimentRow) -> int:
    return experiment.n_queries * len(experiment.spec.variants)


page(serving())
