"""Trade-offs: quality against cost, and a recommendation within limits (`?view=tradeoffs&cost=&p95=&mb=&usd=`)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from evaluator.analysis.leaderboard import Leaderboard, board_of
from evaluator.analysis.recommendation import COSTS, Cost, Limits, cost_of, recommend, tradeoff_rows
from evaluator.analysis.snapshot import Snapshot, read_snapshot
from evaluator.charts.scores import tradeoff_points
from evaluator.domain.records import ExperimentRow
from evaluator.ui.glossary import meaning
from evaluator.ui.leaderboard.board import addressed_baseline, show_state
from evaluator.ui.shell.address import changed, go, number
from evaluator.ui.shell.choosers import choose_view
from evaluator.ui.shell.downloads import figure_links
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.theme import ink
from evaluator.ui.shell.words import plain
from evaluator.workspace.workspace import Workspace

LIMITS: Mapping[str, tuple[Cost, str]] = {
    "p95": ("p95_ms", "p95 latency, at most (ms)"),
    "mb": ("index_mb", "Index, at most (MB)"),
    "usd": ("usd_per_million_queries", "USD per million queries, at most"),
}
"""Kinds of cost and labels, by query parameter."""


def show_tradeoffs(workspace: Workspace, experiment: ExperimentRow, measure: str) -> None:
    """Draw quality against one kind of cost, limits, and what they leave."""
    snapshot = read_snapshot(workspace, experiment.id)
    board = board_of(snapshot, measure, baseline=addressed_baseline(experiment))
    show_state(board)
    if not any(cost_of(row, "index_mb") is not None for row in board.scored):
        st.info(
            "No variant's cost is known yet. Costs are measured once the experiment is finished and no other "
            "job is running; without a server, `evaluator costs` measures them.",
            icon=":material/speed:",
        )
        return
    cost = _choose_cost()
    limits = _choose_limits()
    _recommendation(snapshot, board, limits)
    _chart(board, cost, limits)


def _choose_cost() -> Cost:
    named = st.query_params.get("cost", "")
    chosen: Cost = next((cost for cost in COSTS if cost == named), "p95_ms")
    labels: dict[str, str] = {cost: kind.label for cost, kind in COSTS.items()}
    choose_view("Against", labels, chosen, "tradeoff-cost", lambda cost: changed(cost=cost), labelled=True)
    return chosen


def _choose_limits() -> Limits:
    """Draw a field a limit; returns those that are set."""
    limits: dict[Cost, float] = {}
    for column, (parameter, (cost, label)) in zip(st.columns(len(LIMITS)), LIMITS.items(), strict=True):
        key = f"limit-{parameter}"
        limit = st.session_state[key] = number(parameter)

        def set_limit(parameter: str = parameter, key: str = key) -> None:
            value = st.session_state[key]
            go(changed(**{parameter: None if value is None else f"{value:g}"}))

        with column:
            st.number_input(
                label, min_value=0.0, key=key, placeholder="no limit", on_change=set_limit, format="%g"
            )
        if limit is not None:
            limits[cost] = limit
    return limits


def _recommendation(snapshot: Snapshot, board: Leaderboard, limits: Limits) -> None:
    recommendation = recommend(snapshot, board, limits)
    with st.container(border=True, key="recommendation"):
        if recommendation.variant is None:
            st.markdown(f":material/block: {plain(recommendation.reasons[0])} Raise one of them.")
        else:
            within = "Within these limits, take" if limits else "Without limits, take"
            st.markdown(f"{within} **{plain(recommendation.variant)}**.")
            st.markdown("\n".join(f"- {plain(reason)}" for reason in recommendation.reasons))
    if recommendation.excluded:
        with st.expander(
            f"Not within the limits: {len(recommendation.excluded)}", icon=":material/filter_alt:"
        ):
            st.dataframe(
                pd.DataFrame(recommendation.excluded.items(), columns=["Variant", "Why"]),
                hide_index=True,
                key=keyed("excluded", board.experiment.id),
                alt="Variants that are not within the limits",
            )


def _chart(board: Leaderboard, cost: Cost, limits: Limits) -> None:
    rows = tradeoff_rows(board, cost)
    table = pd.DataFrame(rows).dropna(subset=["cost"])
    kind = COSTS[cost]
    if table.empty:
        st.info(f"{kind.label} is not known for any variant.", icon=":material/speed:")
        return
    st.altair_chart(
        tradeoff_points(table, board.measure, f"{kind.label} ({kind.unit})", ink(), limits.get(cost)),
        alt=f"{board.measure} against {kind.label}",
        width="stretch",
    )
    missing = len(rows) - len(table)
    st.caption(
        "Circles are the Pareto front: no other variant is both better and cheaper. Bars are 95 % intervals; numbers "
        "are places on the leaderboard."
        + (f" Not shown, because their costs are not measured yet: {missing}." if missing else "")
        + (" The dashed line is the limit. " if cost in limits else " ")
        + figure_links(board.experiment, "tradeoffs", measure=board.measure, cost=cost)
    )
    number_column = st.column_config.NumberColumn
    st.dataframe(
        table.assign(front=table["front"].map(lambda front: "on the front" if front else ""))[
            ["place", "variant", "score", "cost", "front"]
        ],
        hide_index=True,
        key=keyed("tradeoff-table", board.experiment.id, board.measure, cost),
        alt=f"Variants by {board.measure} and {kind.label}",
        column_config={
            "place": number_column("Place", width="small"),
            "variant": st.column_config.TextColumn("Variant"),
            "score": number_column(board.measure, format="%.4f"),
            "cost": number_column(f"{kind.label} ({kind.unit})", format="%.2f"),
            "front": st.column_config.TextColumn("Pareto front", help=meaning("Pareto front")),
        },
    )
