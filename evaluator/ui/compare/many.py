"""All variants of an experiment against one of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from evaluator.analysis.pair_wording import TESTS, effect_words
from evaluator.analysis.pairwise import Outcome, against
from evaluator.analysis.snapshot import read_snapshot
from evaluator.charts.comparison import interval_rows
from evaluator.domain.printable import csv_text
from evaluator.domain.records import ExperimentRow
from evaluator.ui.compare.evidence import ahead_words
from evaluator.ui.compare.sides import sides
from evaluator.ui.compare.state import show_nothing, show_state
from evaluator.ui.glossary import meaning
from evaluator.ui.shell.downloads import download
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import COMPARE, LEADERBOARD, link
from evaluator.ui.shell.policy import policy_popover
from evaluator.ui.shell.theme import ink
from evaluator.ui.shell.words import count, plain
from evaluator.ui.teamwork.decision import show_decision
from evaluator.workspace.workspace import Workspace

SHOWN = (
    "label", "difference", "low", "high", "p", "ahead", "wins", "ties", "losses", "effect", "size", "a", "b", "n",
    "test",
)  # fmt: skip
"""Columns of the table, and of its CSV."""
DRAWN = 30
"""Variants that are drawn; the table has all of them."""


def show_against(workspace: Workspace, experiment: ExperimentRow, measure: str, baseline: str) -> None:
    """Draw the comparison as it is now; the whole page once the experiment stops running."""
    with st.spinner("Comparing ...", show_time=False):
        snapshot = read_snapshot(workspace, experiment.id)
        outcomes = against(snapshot, measure, baseline)
    now = snapshot.experiment
    if now.status != experiment.status:
        st.rerun()
    show_state(now, snapshot.counts)
    if not outcomes:
        show_nothing(now, [counts for counts in snapshot.counts if counts.variant == baseline])
        return
    table = against_table(outcomes)
    st.subheader(against_words(outcomes, baseline), anchor=False, help=meaning("baseline", "separable"))
    show_decision(now)
    st.altair_chart(
        interval_rows(
            table.head(DRAWN),
            f"difference in {measure}",
            sides("variant", baseline),
            ink(),
        ),
        alt=f"Difference in {measure} of each variant to {baseline}",
        width="stretch",
    )
    _table(now, table, outcomes[0])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Choose a row to compare the two query by query.", width="content")
        policy_popover(now.spec.policy)
        link(
            LEADERBOARD,
            "Leaderboard",
            ":material/leaderboard:",
            experiment=now.id,
            measure=measure,
            baseline=baseline,
        )
        download(
            lambda: csv_text(SHOWN, table[list(SHOWN)].itertuples(index=False)),
            now.name,
            "against",
            baseline,
            measure,
            help_="Download this table",
        )


def against_words(outcomes: Sequence[Outcome], baseline: str) -> str:
    """How many variants are better and worse than the baseline, in a sentence."""
    better = sum(outcome.separable and outcome.test.difference > 0 for outcome in outcomes)
    worse = sum(outcome.separable and outcome.test.difference < 0 for outcome in outcomes)
    return (
        f"Against {plain(baseline)}: of {count(len(outcomes), 'variant')} {better:,} better, {worse:,} worse, "
        f"{len(outcomes) - better - worse:,} not separable"
    )


def against_table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """One row per variant. Columns: those in `SHOWN`, clear and note."""
    return pd.DataFrame(
        {
            "label": outcome.a,
            "difference": outcome.test.difference,
            "low": outcome.test.interval.low,
            "high": outcome.test.interval.high,
            "p": outcome.decision.corrected,
            "test": TESTS[outcome.decision.test],
            "ahead": ahead_words(outcome.decision, outcome.a, outcome.b),
            "wins": outcome.test.wins,
            "ties": outcome.test.ties,
            "losses": outcome.test.losses,
            "effect": outcome.test.effect_size,
            "size": "–" if outcome.test.effect_size is None else effect_words(outcome.test.effect_size),
            "a": outcome.mean_a,
            "b": outcome.mean_b,
            "n": outcome.test.n,
            "clear": outcome.separable,
            "note": f"{outcome.test.n:,} queries",
        }
        for outcome in outcomes
    )


def _table(experiment: ExperimentRow, table: pd.DataFrame, first: Outcome) -> None:
    measure, baseline = first.measure, first.b
    number = st.column_config.NumberColumn
    chosen = st.dataframe(
        table,
        hide_index=True,
        placeholder="",
        key=keyed("against", experiment.id, measure, baseline, list(table["label"])),
        on_select="rerun",
        selection_mode="single-row",
        alt=f"Variants against {baseline}",
        column_order=SHOWN,
        column_config={
            "label": st.column_config.TextColumn("Variant", pinned=True),
            "a": number(measure, format="%.4f"),
            "b": number(baseline, format="%.4f", help="The baseline, over the same queries."),
            "difference": number("Difference", format="%+.4f"),
            "low": number("From", format="%+.4f", help="95 % interval of the difference."),
            "high": number("To", format="%+.4f"),
            "p": number(
                "p corrected",
                format="%.4f",
                help=f"{meaning('p')}\n\nBy Holm for {plain(first.correction.words)}.",
            ),
            "test": "Test",
            "ahead": st.column_config.TextColumn("Ahead", help=meaning("separable")),
            "wins": number("Wins", format="localized"),
            "ties": number("Ties", format="localized"),
            "losses": number("Losses", format="localized"),
            "effect": number("Effect", format="%+.2f", help=meaning("effect size")),
            "size": "Called",
            "n": number("Queries", format="localized", help="That all variants with a score completed."),
        },
    )
    if rows := chosen["selection"]["rows"]:
        variant = str(table["label"].iloc[rows[0]])
        st.switch_page(
            COMPARE,
            query_params={
                "experiment": experiment.id,
                "a": variant,
                "b": baseline,
                "measure": measure,
                "baseline": baseline,
            },
        )
