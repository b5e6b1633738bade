"""The leaderboard: its table, its chart, and what one has to know to read them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import streamlit as st

from evaluator.charts import score_bars
from evaluator.domain.measures import JUDGED
from evaluator.services.leaderboard import Leaderboard, leaderboard
from evaluator.services.overview import refreshed
from evaluator.services.workspace import Workspace
from evaluator.store.catalog import ExperimentRow
from evaluator.ui.cost_table import show_costs
from evaluator.ui.links import EXPERIMENTS, link
from evaluator.ui.policy import policy_popover
from evaluator.ui.theme import ink
from evaluator.ui.words import count, plain, queries

LONG_NAME = 28
"""Letters of a variant's name up to which its column is as wide as the name."""
LONG_NAME_WIDTH = 220
"""Pixels of that column otherwise: it is pinned, and in a narrow window the score must fit beside it."""


def show_board(workspace: Workspace, experiment: ExperimentRow, measure: str) -> None:
    """Draw an experiment's leaderboard as it is now; the whole page once the experiment stops running."""
    now = refreshed(workspace, experiment)
    if now.status != experiment.status:
        st.rerun()
    board = leaderboard(workspace, now, measure)
    _state(board)
    _broken(board.table)
    scored = board.table[measure].notna().any()
    if scored:
        _table(board)
    _basis(board)
    if scored:
        show_costs(workspace, now)
        st.altair_chart(
            score_bars(board.table, measure, ink()), alt=f"{measure} of each variant", width="stretch"
        )


def _state(board: Leaderboard) -> None:
    """Say what is not final, and lead to where it is explained."""
    experiment = board.experiment
    waiting = int(board.table.loc[board.table["error"].isna(), "waiting"].sum())
    if experiment.status == "running":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge("running", icon=":material/hourglass_top:", color="blue")
            st.markdown(f"Not final: {queries(waiting)} to go over all variants.", width="content")
            link(EXPERIMENTS, "Watch it", ":material/monitoring:", experiment=experiment.id)
    elif experiment.status == "cancelled":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge("cancelled", icon=":material/block:", color="orange")
            st.markdown(f"Not final: {queries(waiting)} were not evaluated.", width="content")
            link(EXPERIMENTS, "Resume it", ":material/play_arrow:", experiment=experiment.id)


def _broken(table: pd.DataFrame) -> None:
    for variant, error in table.loc[table["error"].notna(), ["variant", "error"]].itertuples(index=False):
        st.error(
            f"**{plain(variant)}** cannot work and has no score: {plain(error)}", icon=":material/error:"
        )


def _table(board: Leaderboard) -> None:
    measures = [board.measure, *(m for m in board.experiment.spec.measures if m != board.measure)]
    number = st.column_config.NumberColumn
    longest = int(board.table["variant"].str.len().max())
    columns = [
        "variant",
        *dict.fromkeys((*measures, JUDGED)),
        "p95_ms",
        "index_mb",
        "scored",
        "failed",
        "waiting",
    ]
    st.dataframe(
        board.table.assign(index_mb=board.table["index_bytes"].astype(float) / 1e6)[columns],
        hide_index=True,
        key="board",  # so that a refresh keeps how the reader sorted it
        placeholder="",
        alt=f"Variants of {board.experiment.name} by {board.measure}",
        column_config={
            "variant": st.column_config.TextColumn(
                "Variant", pinned=True, width=LONG_NAME_WIDTH if longest > LONG_NAME else None
            ),
            **{measure: number(measure, format="%.4f") for measure in measures},
            board.measure: st.column_config.ProgressColumn(
                board.measure,
                format="%.4f",
                min_value=0.0,
                max_value=max(1.0, float(board.table[board.measure].max())),
                width="medium",
                help="Mean over the compared queries. Best first; click a header to sort otherwise.",
            ),
            JUDGED: number(
                JUDGED,
                format="percent",
                help="Share of the first ten documents that somebody judged. Where it is low, scores may be too.",
            ),
            "p95_ms": number(
                "p95 ms",
                format="%.1f",
                help="95 of 100 queries take less, encoded, searched and reranked one at a time. Measured once the "
                "experiment is finished and nothing else is at work.",
            ),
            "index_mb": number("Index MB", format="%.1f", help="Files that searching reads."),
            "scored": number("Scored", format="localized", help="Queries with a score."),
            "failed": number("Failed", format="localized", help="Queries that failed; not averaged in."),
            "waiting": number("Waiting", format="localized", help="Queries still to be evaluated."),
        },
    )


def _basis(board: Leaderboard) -> None:
    """Over what the means are taken, under which rules, and what is left out."""
    if left_out := list(_left_out(board)):
        st.markdown("  \n".join(left_out))
    total = board.experiment.n_queries
    if board.compared:
        n_scored, n_variants = int((board.table["scored"] > 0).sum()), len(board.table)
        by = "all variants" if n_scored == n_variants else f"the {count(n_scored, 'variant')} with a score"
        basis = f"Means over **{board.compared:,} of {queries(total)}**: those that {by} completed."
    elif board.table["scored"].any():
        basis = "No query has been completed by all variants yet, so there is nothing to compare."
    else:
        waiting = board.experiment.status == "running"
        basis = "No query has a score yet." if waiting else "No query has a score."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(basis, width="content")
        policy_popover(board.experiment.spec.policy)
        link(EXPERIMENTS, "Experiment", ":material/science:", experiment=board.experiment.id)
        if board.compared:
            st.download_button(
                "CSV",
                board.table.to_csv(index=False),
                file_name=f"{board.experiment.name}-{board.measure}.csv",
                mime="text/csv",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
                help="Download this table",
            )


def _left_out(board: Leaderboard) -> Iterator[str]:
    failed = board.table.loc[board.table["failed"] > 0, ["variant", "failed"]]
    if len(failed):
        parts = ", ".join(
            f"{queries(n)} of {plain(variant)}" for variant, n in failed.itertuples(index=False)
        )
        yield f":material/warning: Failed and not averaged in: {parts}. Reasons are listed with the experiment."
    unscored = int(board.table["unscored"].max())
    if unscored:
        yield f":material/info: {queries(unscored)} without a relevant document: not scored."
