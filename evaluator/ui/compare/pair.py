"""Two variants: the verdict in a sentence, and the evidence for it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from evaluator.analysis.pair import look_at_pair, pair_table
from evaluator.analysis.pair_wording import effect_words, headline
from evaluator.analysis.pairwise import Outcome, counts_of
from evaluator.analysis.snapshot import Snapshot
from evaluator.charts.comparison import (
    MOST_BARS,
    PICKED,
    difference_bars,
    difference_histogram,
    score_scatter,
)
from evaluator.domain.access import Action
from evaluator.domain.printable import csv_text
from evaluator.domain.records import ExperimentRow
from evaluator.ui.compare.evidence import show_agreement, show_overlap, show_tests
from evaluator.ui.compare.sides import sides
from evaluator.ui.compare.slices import show_slices
from evaluator.ui.compare.state import show_failures, show_nothing, show_state
from evaluator.ui.glossary import meaning
from evaluator.ui.people.sharing import share_by_link
from evaluator.ui.shell.address import joined
from evaluator.ui.shell.downloads import download, figure_links
from evaluator.ui.shell.figures import Figure, show_figures
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import LEADERBOARD, QUERY, link
from evaluator.ui.shell.policy import policy_popover
from evaluator.ui.shell.theme import ink
from evaluator.ui.shell.words import plain, queries
from evaluator.ui.teamwork.decision import show_decision
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace


def show_pair(
    workspace: Workspace, experiment: ExperimentRow, measure: str, a: str, b: str, baseline: str | None
) -> None:
    """Draw the comparison of two variants as it is now; the whole page once the experiment stops running.

    Args:
        baseline: which of the two was chosen beforehand.
    """
    with st.spinner("Comparing ...", show_time=False):
        look = look_at_pair(workspace, experiment.id, measure, a, b, baseline)
    snapshot, pair = look.snapshot, look.pair
    now = snapshot.experiment
    if now.status != experiment.status:
        st.rerun()
    variants = counts_of(snapshot, (a, b))
    show_state(now, variants)
    if pair is None:
        show_failures(look.failed)
        show_nothing(now, variants)
        return
    table = pair_table(workspace, look, pair)
    _answer(now, pair.outcome)
    show_decision(now)
    show_failures(look.failed)
    _basis(snapshot, pair.outcome, table)
    _queries(now, pair.outcome, table)
    show_slices(workspace, snapshot, pair)
    show_tests(pair.outcome)
    show_agreement(snapshot, a, b, baseline)
    show_overlap(look.lists)


def _answer(experiment: ExperimentRow, outcome: Outcome) -> None:
    st.subheader(plain(headline(outcome)), anchor=False, help=meaning("separable", "p"))
    effect = outcome.test.effect_size
    figures = {
        plain(outcome.a): Figure(f"{outcome.mean_a:.4f}"),
        plain(outcome.b): Figure(f"{outcome.mean_b:.4f}"),
        "Difference": Figure(f"{outcome.test.difference:+.4f}"),
    }
    if effect is not None:
        figures[f"Effect: {effect_words(effect)}"] = Figure(f"{effect:+.2f}", meaning("effect size"))
    figures["Queries compared"] = Figure(
        f"{outcome.test.n:,} of {experiment.n_queries:,}", meaning("compared queries")
    )
    show_figures(figures)


def _basis(snapshot: Snapshot, outcome: Outcome, table: pd.DataFrame) -> None:
    experiment, pinned = snapshot.experiment, outcome.correction.baseline
    scored = snapshot.scores(outcome.measure).names
    by = "both" if len(scored) == 2 else f"all {len(scored):,} variants with a score"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"Over the {queries(outcome.test.n)} that {by} completed. p is corrected for "
            f"{plain(outcome.correction.words)}.",
            width="content",
        )
        policy_popover(experiment.spec.policy)
        link(
            LEADERBOARD,
            "Leaderboard",
            ":material/leaderboard:",
            experiment=experiment.id,
            measure=outcome.measure,
            **({} if pinned is None else {"baseline": pinned}),
        )
        download(
            lambda: paired_csv(outcome, table),
            experiment.name,
            outcome.a,
            outcome.b,
            outcome.measure,
            help_="Download both scores of every query",
        )
        if may(Action.SHARE, experiment.project):
            with st.popover("Share", icon=":material/ios_share:", type="tertiary"):
                chosen = {"measure": outcome.measure, "baseline": pinned, "a": outcome.a, "b": outcome.b}
                share_by_link(experiment, "comparison", chosen)


def paired_csv(outcome: Outcome, table: pd.DataFrame) -> str:
    """Both scores of every query, for spreadsheets; columns are named by the variants."""
    named = {"a": f"{outcome.a} {outcome.measure}", "b": f"{outcome.b} {outcome.measure}"}
    return csv_text([named.get(str(column), str(column)) for column in table], table.itertuples(index=False))


def _queries(experiment: ExperimentRow, outcome: Outcome, table: pd.DataFrame) -> None:
    st.subheader("Query by query", anchor=False)
    compared = sides(outcome.a, outcome.b)
    drawn = (
        f"Every {len(table) / MOST_BARS:.0f}th of {queries(len(table))}"
        if len(table) > MOST_BARS
        else "One bar per query"
    )
    st.caption(f"{drawn}, sorted. Choose one, here or in the table, to see both lists side by side.")
    clicked = st.altair_chart(
        difference_bars(table, outcome.measure, compared, ink()),
        alt=f"Difference in {outcome.measure} of every query, sorted",
        key=keyed("differences", experiment.id, outcome.measure, outcome.a, outcome.b),
        on_select="rerun",
        selection_mode=PICKED,
        width="stretch",
    )
    parameters = {"measure": outcome.measure, "a": outcome.a, "b": outcome.b}
    st.caption(figure_links(experiment, "differences", **parameters))
    left, right = st.columns(2, gap="large")
    with left:
        st.altair_chart(
            difference_histogram(table["difference"], outcome.measure, compared, ink()),
            alt=f"How many queries differ by how much in {outcome.measure}",
            width="stretch",
        )
        st.caption(figure_links(experiment, "histogram", **parameters))
    with right:
        st.altair_chart(
            score_scatter(table, outcome.measure, compared, ink()),
            alt=f"{outcome.measure} of {outcome.a} against {outcome.b}",
            width="stretch",
        )
        st.caption(figure_links(experiment, "scatter", **parameters))
    chosen = _table(experiment, outcome, table)
    picked = [str(point["query_id"]) for point in clicked["selection"].get(PICKED, [])]
    if query_id := next(iter(picked), chosen):
        # Streamlit briefly shows this page under the next address: a step back must find this view there.
        here = {"a": outcome.a, "b": outcome.b, **st.query_params.to_dict()}
        there = {"experiment": experiment.id, "query": query_id, "variants": joined((outcome.a, outcome.b))}
        st.switch_page(QUERY, query_params={**here, **there, "measure": outcome.measure})


def _table(experiment: ExperimentRow, outcome: Outcome, table: pd.DataFrame) -> str | None:
    """Draw every query as a row; the id of the one that was chosen."""
    number = st.column_config.NumberColumn
    chosen = st.dataframe(
        table,
        hide_index=True,
        placeholder="",
        key=keyed(
            "paired-queries", experiment.id, outcome.measure, outcome.a, outcome.b, list(table["query_id"])
        ),
        on_select="rerun",
        selection_mode="single-row",
        alt=f"Queries with {outcome.measure} of both variants",
        column_order=["text", "difference", "a", "b", "jaccard_10", "rbo", "words", "relevant", "query_id"],
        column_config={
            "text": st.column_config.TextColumn("Query", width="medium"),
            "query_id": st.column_config.TextColumn("Id", width="small"),
            "a": number(outcome.a, format="%.4f"),
            "b": number(outcome.b, format="%.4f"),
            "difference": number("Difference", format="%+.4f"),
            "jaccard_10": number(
                "Overlap@10", format="percent", help="Documents that both lists have among those either has."
            ),
            "rbo": number("RBO", format="%.2f", help="Rank-biased overlap: 1 for the same list."),
            "words": number("Words", format="localized"),
            "relevant": number("Relevant", format="localized", help="Documents with a grade of 1 or more."),
        },
    )
    rows = chosen["selection"]["rows"]
    return str(table["query_id"].iloc[rows[0]]) if rows else None
