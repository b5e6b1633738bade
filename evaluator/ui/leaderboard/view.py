"""Which view of the leaderboard is open, and what the address keeps from one to the next."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.records import ExperimentRow
from evaluator.ui.shell.address import readdress
from evaluator.ui.shell.live import REFRESH

VIEWS = {"ranking": "Ranking", "tradeoffs": "Trade-offs", "datasets": "Several datasets"}
KEPT = ("view", "baseline", "search", "cost", "p95", "mb", "usd")
"""Of the address, what another measure leaves as it is."""
LARGE = 100_000
"""Queries over all variants above which what is not final is computed anew less often."""


def choose_view() -> str:
    """Draw the choice of a view; returns the one that the address names."""
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


def kept_address() -> dict[str, str]:
    """What another measure leaves of the address."""
    return {name: st.query_params[name] for name in KEPT if name in st.query_params}


def refresh_every(experiment: ExperimentRow) -> float:
    """Seconds between two looks at an experiment that runs: more where a look takes long."""
    return REFRESH * 5 if experiment.n_queries * len(experiment.spec.variants) > LARGE else REFRESH
