"""The evidence of a comparison: tests and their assumptions, the other measures, the overlap of the lists."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from evaluator.analysis.overlap import DEPTH, Overlap
from evaluator.analysis.pair_wording import TESTS, effect_words, p_words
from evaluator.analysis.pairwise import Outcome, agree, agreement
from evaluator.analysis.snapshot import Snapshot
from evaluator.domain.statistics.resampling import PERMUTATIONS
from evaluator.domain.statistics.separability import Decision
from evaluator.domain.statistics.similarity import PERSISTENCE
from evaluator.ui.glossary import meaning
from evaluator.ui.shell.figures import Figure, show_figures
from evaluator.ui.shell.words import count, plain, queries

FEW = 30
"""Queries below which means need not be close to normal."""


def show_tests(outcome: Outcome) -> None:
    """Draw the tests' results, each with what it assumes."""
    test = outcome.test
    st.subheader("Tests and their assumptions", anchor=False)
    decision = outcome.decision
    corrected = (
        f"; **{p_words(decision.corrected)}** corrected by Holm for {plain(outcome.correction.words)}"
        if outcome.correction.family > 1
        else ""
    )
    decides = "; this one decides" if decision.test == "randomization" else ""
    instead = (
        " Not one flip reached this difference, so that p is only known to be small: the t-test decides."
        if decision.test == "t"
        else ""
    )
    by_randomization, by_t = (corrected, "") if decision.test == "randomization" else ("", corrected)
    ranks = "not computed" if test.p_wilcoxon is None else p_words(test.p_wilcoxon)
    few = f" With {test.n} queries this is doubtful." if test.n < FEW else ""
    ties = f" {queries(test.ties)} with equal scores are dropped." if test.ties else ""
    st.markdown(
        f"- **Randomization test**: {p_words(test.p_randomization)}{by_randomization}. If the variants were the same, "
        "either score of a query could have been either's: signs of the differences are flipped at random, "
        f"{PERMUTATIONS:,} times (all ways, where that is fewer). Assumes nothing about how scores are distributed"
        f"{decides}.{instead}\n"
        f"- **Paired t-test**: {p_words(test.p_t)}{by_t}. Assumes that means of differences are normally distributed, "
        f"which holds with many queries, unless a few differences are very large.{few}\n"
        f"- **Wilcoxon's signed-rank test**: {ranks}. Compares the differences' ranks, so that "
        f"large ones count no more than their place. Assumes that they lie symmetrically around their middle.{ties}\n"
        f"- **Interval**: bootstrap of the queries; 95 of 100 such intervals hold the true mean difference.\n"
        f"- **Effect size**: {_effect(outcome)}"
    )
    if test.tests_disagree:
        st.caption("The randomization test and the t-test do not agree: the evidence is borderline.")
    st.caption(
        "All of them take the queries as a sample of those to come. None says whether the difference matters."
    )


def _effect(outcome: Outcome) -> str:
    effect = outcome.test.effect_size
    if effect is None:
        return "not defined, because the differences do not vary."
    return (
        f"{effect:+.2f}, {effect_words(effect)}. The mean difference in standard deviations of the differences "
        "(Cohen's d); below 0.2 is called negligible, from 0.2 small, from 0.5 medium, from 0.8 large."
    )


def show_agreement(snapshot: Snapshot, a: str, b: str, baseline: str | None) -> None:
    """Draw what each of the experiment's measures says."""
    outcomes = agreement(snapshot, a, b, baseline)
    if len(outcomes) < 2:
        return
    st.subheader("Do the measures agree?", anchor=False, help=meaning("measure"))
    st.markdown(agreement_words(outcomes, a, b))
    number = st.column_config.NumberColumn
    st.dataframe(
        agreement_table(outcomes, a, b),
        hide_index=True,
        placeholder="",
        alt="What each measure says",
        column_config={
            "measure": st.column_config.TextColumn("Measure", pinned=True),
            "a": number(a, format="%.4f"),
            "b": number(b, format="%.4f"),
            "difference": number("Difference", format="%+.4f"),
            "interval": "95 % interval",
            "p": number(
                "p corrected",
                format="%.4f",
                help=f"By Holm for {plain(outcomes[0].correction.words)}, by each measure alone: looking at several "
                "measures is not corrected for.",
            ),
            "test": "Test",
            "ahead": "Ahead",
        },
    )


def agreement_words(outcomes: tuple[Outcome, ...], a: str, b: str) -> str:
    """Whether all measures say the same, in a sentence."""
    clear = sum(row.separable for row in outcomes)
    clearly = f"{'Each' if clear == len(outcomes) else f'{clear} of {len(outcomes)}'} separably."
    if not agree(outcomes):
        by = {name: ", ".join(row.measure for row in outcomes if row.ahead == name) for name in (a, b)}
        named = "; ".join(f"**{plain(name)}** is ahead by {measures}" for name, measures in by.items())
        return f":material/warning: No: {named}. {clearly}"
    ahead = next((row.ahead for row in outcomes if row.ahead), None)
    if ahead is None:
        return "Yes: by every measure they are equal."
    return f"Yes: by every measure **{plain(ahead)}** is ahead or equal. {clearly}"


def agreement_table(outcomes: tuple[Outcome, ...], a: str, b: str) -> pd.DataFrame:
    """One row a measure. Columns: measure, a, b, difference, interval, p, test, ahead."""
    return pd.DataFrame(
        {
            "measure": row.measure,
            "a": row.mean_a,
            "b": row.mean_b,
            "difference": row.test.difference,
            "interval": f"{row.test.interval.low:+.4f} to {row.test.interval.high:+.4f}",
            "p": row.decision.corrected,
            "test": TESTS[row.decision.test],
            "ahead": ahead_words(row.decision, a, b),
        }
        for row in outcomes
    )


def ahead_words(decision: Decision, a: str, b: str) -> str:
    """Who is ahead, if that can be told apart from chance."""
    if not decision.separable:
        return "not separable"
    return a if decision.difference > 0 else b


def show_overlap(lists: Overlap) -> None:
    """Draw how alike the lists are, on average."""
    st.subheader("How alike are the lists?", anchor=False, help=meaning("overlap"))
    tau = lists.mean_tau
    figures = {
        "Overlap@10": Figure(
            f"{lists.jaccard_10.mean():.0%}".replace("%", " %"),
            "Documents that both lists have among their first ten, of those that either has (Jaccard).",
        ),
        f"Overlap@{DEPTH}": Figure(
            f"{lists.jaccard_100.mean():.0%}".replace("%", " %"),
            f"The same, among their first {DEPTH}.",
        ),
        "Rank overlap": Figure(
            f"{lists.rbo.mean():.2f}",
            "Rank-biased overlap: 1 for the same list, 0 for no document in common. The top counts most: the first ten "
            f"ranks have 86 % of the weight (persistence {PERSISTENCE}).",
        ),
        "Kendall's tau": Figure(
            "–" if tau is None else f"{tau:.2f}",
            f"Order of the documents that both have among their first {DEPTH}: 1 for the same, -1 for the opposite.",
        ),
    }
    show_figures(figures)
    same = int((lists.rbo > 1 - 1e-9).sum())
    st.caption(
        f"Means over the {queries(len(lists.query_ids))} that both completed"
        + (f"; {count(same, 'query has', 'queries have')} the same list under both." if same else ".")
    )
