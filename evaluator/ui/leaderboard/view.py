"""Which view of the leaderboard is open, and what the address keeps from one to the next."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.records import ExperimentRow
from evaluator.ui.shell.address import changed
from evaluator.ui.shell.choosers import choose_view
from evaluator.ui.shell.live import REFRESH

VIEWS = {"ranking": "Ranking", "tradeoffs": "Trade-offs", "datasets": "Several datasets"}
KEPT = ("view", "baseline", "search", "cost", "p95", "mb", "usd")
"""Query parameters that stay when the reader chooses another measure."""
LARGE = 100_000
"""Queries times variants; a larger running experiment is redrawn less often."""


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
    """The query parameters that stay when the reader chooses another measure."""
    return {name: st.query_params[name] for name in KEPT if name in st.query_params}


def refresh_every(experiment: ExperimentRow) -> float:
    """Seconds between two redraws of a running experiment: more where a redraw takes long."""
    return REFRESH * 5 if experiment.n_queries * len(experiment.spec.variants) > LARGE else REFRESH
