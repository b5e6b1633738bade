"""The notices above a comparison: whether it is final, and which queries it leaves out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from evaluator.domain.records import ExperimentRow, VariantCounts
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import EXPERIMENTS, link
from evaluator.ui.shell.unfinished import show_unfinished
from evaluator.ui.shell.words import count, plain

SEEN = 6
"""Rows of the table of failures that are visible without scrolling."""


def show_state(experiment: ExperimentRow, variants: Sequence[VariantCounts]) -> None:
    """Say whether the experiment is running or was cancelled, and which variants failed."""
    waiting = sum(experiment.n_queries - variant.recorded for variant in variants if not variant.error)
    broken = ((variant.variant, variant.error) for variant in variants if variant.error)
    show_unfinished(experiment, waiting, broken, "under these variants")


def show_failures(failed: pd.DataFrame) -> None:
    """List the queries that failed under one of the variants, one row a query; nothing if none did.

    Args:
        failed: columns variant, query_id, error.
    """
    if failed.empty:
        return
    counted = ", ".join(
        f"{plain(str(variant))} {n:,}" for variant, n in failed["variant"].value_counts().items()
    )
    n_queries = failed["query_id"].nunique()
    label = f"{count(n_queries, 'query', 'queries')} failed and {'is' if n_queries == 1 else 'are'} left out"
    with st.expander(f"{label}: {counted}", icon=":material/warning:"):
        st.dataframe(
            failed.pivot_table(
                index="query_id", columns="variant", values="error", aggfunc="first"
            ).reset_index(),
            hide_index=True,
            placeholder="",
            height="content" if n_queries <= SEEN else "auto",
            key=keyed("paired-queries-failed", sorted(failed["variant"].unique()), n_queries),
            alt="Queries that failed",
            column_config={"query_id": st.column_config.TextColumn("Query", pinned=True)},
        )


def show_nothing(experiment: ExperimentRow, variants: Sequence[VariantCounts]) -> None:
    """Say why no query can be compared."""
    if experiment.active:
        message = "No query has a score under both variants yet. They appear here as they are evaluated."
    elif any(variant.scored == 0 for variant in variants):
        names = " and ".join(plain(variant.variant) for variant in variants if variant.scored == 0)
        message = f"No query has a score under {names}, so there is nothing to compare."
    else:
        message = "No query has a score under both variants, so there is nothing to compare."
    st.info(message, icon=":material/info:")
    link(EXPERIMENTS, "See the experiment", ":material/science:", experiment=experiment.id)
