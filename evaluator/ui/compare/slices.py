"""Where each of two variants wins: slices of the queries, as dots with intervals and as a table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from evaluator.analysis.pair_wording import TESTS
from evaluator.analysis.pairwise import Outcome, Pair
from evaluator.analysis.slices import DIMENSIONS, ENOUGH, Slice, slices
from evaluator.analysis.snapshot import Snapshot
from evaluator.charts.comparison import interval_rows
from evaluator.ui.compare.evidence import ahead_words
from evaluator.ui.compare.sides import sides
from evaluator.ui.glossary import meaning
from evaluator.ui.shell.address import changed
from evaluator.ui.shell.choosers import choose_view
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.theme import ink
from evaluator.ui.shell.words import plain
from evaluator.workspace.workspace import Workspace

KEY = "slice-by"
DRAWN = 20
"""Slices that are drawn; the table has all of them."""


def show_slices(workspace: Workspace, snapshot: Snapshot, pair: Pair) -> None:
    """Draw the slices along one dimension; which one is in the address."""
    st.subheader("Where each wins", anchor=False, help=meaning("slice"))
    outcome = pair.outcome
    dimension = _choose_dimension()
    parts = slices(workspace, snapshot, pair, dimension)
    table = slice_table(parts, outcome)
    if len(parts) == 1:
        st.caption(f"All queries are in one slice: {plain(parts[0].name)}.")
    st.altair_chart(
        interval_rows(
            table.head(DRAWN),
            f"difference in {outcome.measure}",
            sides(outcome.a, outcome.b),
            ink(),
        ),
        alt=f"Difference in {outcome.measure} by {DIMENSIONS[dimension].lower()}",
        width="stretch",
    )
    _table(table, outcome)
    if any(part.test is None for part in parts):
        st.caption(
            f"Fewer than {ENOUGH} queries say too little: no interval and no test, a hollow dot in the chart."
        )


def _choose_dimension() -> str:
    named = st.query_params.get("slice", "")
    dimension = named if named in DIMENSIONS else next(iter(DIMENSIONS))
    choose_view("Slices by", DIMENSIONS, dimension, KEY, lambda chosen: changed(slice=chosen))
    return dimension


def slice_table(parts: Sequence[Slice], outcome: Outcome) -> pd.DataFrame:
    """One row per slice. Columns: label, n, a, b, difference, low, high, p, test, ahead, clear, note."""
    return pd.DataFrame(
        {
            "label": part.name,
            "n": part.n,
            "a": part.mean_a,
            "b": part.mean_b,
            "difference": part.difference,
            "low": part.test.interval.low if part.test else None,
            "high": part.test.interval.high if part.test else None,
            "p": part.decision.corrected if part.decision else None,
            "test": TESTS[part.decision.test] if part.decision else "",
            "ahead": ahead_words(part.decision, outcome.a, outcome.b) if part.decision else "too few",
            "clear": part.decision is not None and part.decision.separable,
            "note": f"{part.n:,} queries" + ("" if part.test else ", too few to say"),
        }
        for part in parts
    ).astype({"low": float, "high": float, "p": float})


def _table(table: pd.DataFrame, outcome: Outcome) -> None:
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        placeholder="",
        key=keyed("paired-queries-slices", outcome.measure, outcome.a, outcome.b, list(table["label"])),
        alt="Slices of the queries",
        column_order=["label", "difference", "ahead", "p", "n", "a", "b", "low", "high", "test"],
        column_config={
            "label": st.column_config.TextColumn("Slice", pinned=True),
            "n": number("Queries", format="localized"),
            "a": number(outcome.a, format="%.4f"),
            "b": number(outcome.b, format="%.4f"),
            "difference": number("Difference", format="%+.4f"),
            "low": number("From", format="%+.4f", help="95 % interval of the difference."),
            "high": number("To", format="%+.4f"),
            "p": number("p corrected", format="%.4f", help=f"{meaning('p')}\n\nBy Holm for these slices."),
            "test": "Test",
            "ahead": st.column_config.TextColumn("Ahead", help=meaning("separable")),
        },
    )
