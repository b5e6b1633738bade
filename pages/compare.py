"""Two variants (`?experiment=&a=&b=&measure=&slice=`), or all against one (`?experiment=&baseline=&measure=`).

`&baseline=<a or b>` says that one of the two was chosen beforehand, which decides what p is corrected for.
"""

from __future__ import annotations

import streamlit as st

from evaluator.experiments import lifecycle
from evaluator.ui.compare.choice import (
    addressed_baseline,
    addressed_pair,
    choose_baseline,
    choose_pair,
    explain_single,
    pinned_of,
)
from evaluator.ui.compare.many import show_against
from evaluator.ui.compare.pair import show_pair
from evaluator.ui.shell.choosers import addressed_experiment, addressed_measure
from evaluator.ui.shell.live import live
from evaluator.ui.shell.start import welcome
from evaluator.workspace.workspace import Workspace, serving

REFRESH = 10.0  # seconds: resampling again and again what is not final would keep a machine busy


def page(workspace: Workspace) -> None:
    st.title("Compare", anchor=False)
    rows = lifecycle.listed(workspace)
    if not rows:
        welcome(workspace)
        return
    experiment = addressed_experiment(workspace, rows)
    measure = addressed_measure(experiment)
    running = experiment.active
    if len(experiment.spec.variants) < 2:
        explain_single(rows, experiment, measure)
    elif "baseline" in st.query_params and not {"a", "b"} & set(st.query_params):
        baseline = addressed_baseline(experiment)
        choose_baseline(rows, experiment, measure, baseline)
        live(lambda: show_against(workspace, experiment, measure, baseline), refresh=running, every=REFRESH)
    else:
        a, b = addressed_pair(workspace, experiment, measure)
        choose_pair(rows, experiment, measure, a, b)
        pinned = pinned_of(a, b)
        live(lambda: show_pair(workspace, experiment, measure, a, b, pinned), refresh=running, every=REFRESH)


page(serving())
