"""One query side by side: `?experiment=<id or name>&query=<id>&variants=<a,b>&measure=<measure>&depth=<n>`.

`&order=`, `&tag=` and `&search=` choose and order the other queries. `?experiment=<id or name>&ask=<text>`
asks any query.
"""

from __future__ import annotations

import streamlit as st

from evaluator.experiments import lifecycle
from evaluator.ui.query.ask import show_ask
from evaluator.ui.query.view import show_queries_of
from evaluator.ui.shell.choosers import (
    addressed_experiment,
    addressed_measure,
    choose_experiment_and_measure,
)
from evaluator.ui.shell.start import welcome
from evaluator.workspace.workspace import Workspace, serving


def page(workspace: Workspace) -> None:
    asks = "ask" in st.query_params
    st.title("Ask a query" if asks else "Query by query", anchor=False)
    rows = lifecycle.listed(workspace)
    if not rows:
        welcome(workspace)
        return
    experiment = addressed_experiment(workspace, rows)
    measure = addressed_measure(experiment)
    kept = {name: value for name, value in st.query_params.to_dict().items() if name != "experiment"}
    choose_experiment_and_measure(rows, experiment, measure, kept)
    if asks:
        show_ask(workspace, experiment, measure)
    else:
        show_queries_of(workspace, experiment, measure)


page(serving())
