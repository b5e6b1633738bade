"""The leaderboard: its verdict, its chart, its table, and what they are based on."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import streamlit as st

from evaluator.analysis.leaderboard import Leaderboard, board_of
from evaluator.analysis.snapshot import read_snapshot
from evaluator.analysis.verdict import verdict
from evaluator.charts.scores import interval_points
from evaluator.domain.records import ExperimentRow
from evaluator.library.remarks import remarks
from evaluator.ui.glossary import meaning
from evaluator.ui.leaderboard.cost_table import show_costs
from evaluator.ui.leaderboard.table import choose_columns, show_rows
from evaluator.ui.people.sharing import share_by_link
from evaluator.ui.shell.address import changed
from evaluator.ui.shell.choosers import choose, search_field
from evaluator.ui.shell.downloads import export_popover, figure_links
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import EXPERIMENTS, HISTORY, link
from evaluator.ui.shell.policy import policy_popover
from evaluator.ui.shell.theme import ink
from evaluator.ui.shell.unfinished import show_unfinished
from evaluator.ui.shell.words import count, plain, queries
from evaluator.ui.teamwork.decision import show_decision
from evaluator.workspace.workspace import Workspace

DRAWN = 25
"""Variants that the chart shows unless the reader asks for all."""
BEST = "the best"
"""What variants are compared with if none is pinned."""


def show_board(workspace: Workspace, experiment: ExperimentRow, measure: str) -> None:
    """Draw an experiment's leaderboard as it is now; the whole page once the experiment stops running."""
    snapshot = read_snapshot(workspace, experiment.id)
    if snapshot.experiment.status != experiment.status:
        st.rerun()
    board = board_of(snapshot, measure, baseline=addressed_baseline(experiment))
    show_state(board)
    if not board.table[measure].notna().any():
        _basis(workspace, board)
        return
    show_verdict(board)
    show_decision(board.experiment)
    matching = _controls(board)
    if matching.empty:
        st.info("No variant has that in its name.", icon=":material/search_off:")
    else:
        _chart(board, matching)
        show_rows(board, matching)
    _basis(workspace, board)
    show_costs(snapshot)


def addressed_baseline(experiment: ExperimentRow) -> str | None:
    """The variant that the address pins; None, and said so, if the experiment lacks it."""
    named = st.query_params.get("baseline")
    if named is None or named in {variant.name for variant in experiment.spec.variants}:
        return named
    st.warning(
        f"The experiment {plain(experiment.name)} has no variant {plain(named)}. Differences are to {BEST}.",
        icon=":material/link_off:",
    )
    return None


def show_state(board: Leaderboard) -> None:
    """Say what is not final, with a link to the explanation; then which variants failed."""
    table = board.table
    waiting = int(table.loc[table["error"].isna(), "waiting"].sum())
    broken = table.loc[table["error"].notna(), ["variant", "error"]].itertuples(index=False, name=None)
    show_unfinished(board.experiment, waiting, broken, "over all variants")


def show_verdict(board: Leaderboard) -> None:
    """Draw the sentence that says what the evidence allows."""
    with st.container(border=True, key="verdict"):
        st.markdown(
            verdict(board, lambda name: f"**{plain(name)}**"),
            help=meaning("separable", "tie group", "compared queries"),
        )
        chosen = {"measure": board.measure, "baseline": board.baseline}
        export_popover(
            board.experiment,
            board.measure,
            board.baseline,
            lambda: share_by_link(board.experiment, "leaderboard", chosen),
        )


def _controls(board: Leaderboard) -> pd.DataFrame:
    """Draw what chooses the baseline, the variants and the columns; returns the rows of the variants that are shown."""
    left, middle, right = st.columns([3, 3, 2], vertical_alignment="bottom")
    with left:
        _choose_baseline(board)
    with middle:
        searched = st.query_params.get("search", "")
        search_field(
            "Search",
            searched,
            "board-search",
            lambda text: changed(search=text),
            "A part of a variant's name",
        )
    with right:
        choose_columns(board)
    table = board.table
    return table[table["variant"].str.contains(searched, case=False, regex=False)]


def _choose_baseline(board: Leaderboard) -> None:
    names = [variant.name for variant in board.experiment.spec.variants]
    choose(
        "Baseline",
        ["", *names],
        board.baseline or "",
        lambda name: changed(baseline=name),
        lambda name: name or f"None (use {BEST})",
        "The variant that the others are compared with, such as the one in production. Choose it beforehand: "
        "the best is only known after looking, so its comparisons are corrected for all pairs of variants.",
    )


def _chart(board: Leaderboard, matching: pd.DataFrame) -> None:
    pinned = matching[matching["variant"] == board.baseline]
    shown = matching
    if len(matching) > DRAWN and not st.toggle(
        f"Draw all {len(matching)}", key=keyed("board-all", board.experiment.id)
    ):
        shown = pd.concat(
            [matching.head(DRAWN), pinned[~pinned["variant"].isin(matching.head(DRAWN)["variant"])]]
        )
    scores = board.table.set_index("variant")[board.measure]
    at = None if board.baseline is None or pd.isna(scores[board.baseline]) else float(scores[board.baseline])
    st.altair_chart(
        interval_points(shown, board.measure, ink(), at),
        alt=f"{board.measure} of each variant, with its 95 % interval",
        width="stretch",
    )
    dashed = "" if at is None else f" The dashed line is the baseline, {plain(str(board.baseline))}."
    saved = figure_links(board.experiment, "scores", measure=board.measure, baseline=board.baseline)
    st.caption(f"Bars are 95 % intervals.{dashed} {saved}")


def _basis(workspace: Workspace, board: Leaderboard) -> None:
    """Over what the means are taken, under which rules, and what is left out."""
    noted = remarks(workspace, board.experiment.spec)
    if left_out := [*_left_out(board), *(f":material/info: {plain(remark)}" for remark in noted)]:
        st.markdown("  \n".join(left_out))
    total = board.experiment.n_queries
    if board.compared:
        n_scored, n_variants = int((board.table["scored"] > 0).sum()), len(board.table)
        by = "all variants" if n_scored == n_variants else f"the {count(n_scored, 'variant')} with a score"
        basis = f"Means over **{board.compared:,} of {queries(total)}**: those that {by} completed."
    elif board.table["scored"].any():
        basis = "No query has been completed by all variants yet, so there is nothing to compare."
    else:
        waiting = board.experiment.active
        basis = "No query has a score yet." if waiting else "No query has a score."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(basis, width="content")
        policy_popover(board.experiment.spec.policy)
        if board.compared:
            _statistics(board)
        link(
            HISTORY, "History", ":material/timeline:", dataset=board.experiment.dataset, measure=board.measure
        )
        link(EXPERIMENTS, "Experiment", ":material/science:", experiment=board.experiment.id)


def _statistics(board: Leaderboard) -> None:
    with st.popover("Statistics", icon=":material/query_stats:", type="tertiary"):
        st.markdown(
            "- **Interval**: where the mean over all such queries lies, with 95 % confidence (bootstrap).\n"
            "- **Not separable from the best**: the difference may be chance (corrected for all pairs of variants).\n"
            "- **p**: how often chance alone makes a difference as large, by the randomization test. Where no random "
            "sign flip reached the difference, by the paired t-test; the column *Test* says which. Corrected by Holm "
            f"for {plain(board.correction.words)}.\n"
            "- **Queries needed**: to confirm a difference of this size in 8 of 10 cases."
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
    for measure, n in board.uncomputed.items():
        yield f":material/info: {measure} has no value for {queries(n)}: it cannot be computed for some lists."
