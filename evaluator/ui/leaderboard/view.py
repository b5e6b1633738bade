"""Which view of the leaderboard is open, and what the address keeps from one to the next."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.records import ExperimentRow
from evaluator.ui.shell.address import changed
from evaluator.ui.shell.choosers import choose_view
from evaluator.ui.shell.live import REFRESH

VIEWS = {"ranking": "Ranking", "tradeoffs": "Trade-offs", "datasets": "Several datasets"}
KEPT = ("view", "baseline", "search", "cost", "p95", "mb", "usd")
"""Of the address, what another measure leaves as it is."""
LARGE = 100_000
"""Queries over all variants above which what is not final is computed anew less often."""


def choose_open_view() -> str:
    """Draw the choice of a view; returns the one that the address names."""
    named = "datasets" if "experiments" in st.query_params else st.query_params.get("view", "")
    view = named if named in VIEWS else "ranking"
    choose_view(
        "View",
        VIEWS,
        view,
        "view",
        lambda chosen: changed(view=None if chosen == "ranking" else chosen, experiments=None),
    )
    return view


def kept_address() -> dict[str, str]:
    """What another measure leaves of the address."""
    return {name: st.query_params[name] for name in KEPT if name in st.query_params}


def refresh_every(experiment: ExperimentRow) -> float:
    """Seconds between two looks at an experiment that runs: more where a look takes long."""
    return REFRESH * 5 if experiment.n_queries * len(experiment.spec.variants) > LARGE else REFRESH
