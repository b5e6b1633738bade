"""A dataset's scores over time: regressions, a line per variant, and every step in a table."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby

import pandas as pd
import streamlit as st

from evaluator.analysis.history import LAST, History, Point, Step
from evaluator.analysis.pair_wording import TESTS, p_words
from evaluator.charts.scores import history_lines
from evaluator.domain.printable import csv_text
from evaluator.ui.glossary import meaning
from evaluator.ui.shell.address import changed, joined, parted
from evaluator.ui.shell.choosers import choose_variants
from evaluator.ui.shell.downloads import download
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import EXPERIMENTS, LEADERBOARD, link
from evaluator.ui.shell.theme import ink
from evaluator.ui.shell.words import count, moment, plain

DRAWN = 6
"""Variants that are drawn unless others are chosen; more lines are hard to tell apart."""
MOST = 8
"""Lines that have a colour of their own."""
STEPS = (
    "number", "at", "variant", "score", "outcome", "p", "changed", "version", "experiment", "low", "high", "queries",
    "test",
)  # fmt: skip
"""Columns of the table."""
FLAGGED = 3
"""Experiments whose regressions are spelled out; the others are in the table."""


def show_history(timeline: History) -> None:
    """Draw the history; it must have at least one point."""
    shown = _choose_variants(timeline)
    _flags(timeline)
    points = [point for point in timeline.points if point.variant in shown]
    table = _table(points, _numbers(timeline))
    if not table.empty:
        st.altair_chart(
            history_lines(table, timeline.measure, ink()),
            alt=f"{timeline.measure} of each variant over time",
            width="stretch",
        )
    if len({point.at for point in timeline.points}) < 2:
        st.info(
            "History appears after a second run: edit judgments, import the dataset again, or run the same "
            "variants with another model, and this page says what became better or worse.",
            icon=":material/timeline:",
        )
    st.caption(
        "Points are an experiment's means with their 95 % intervals, as on its leaderboard. A ring marks a regression. "
        "Consecutive experiments are compared query by query, over unchanged queries with a score in both; p is "
        "corrected for the variants of an experiment. An experiment in which nothing changed has no point."
        + _left_out(timeline)
    )
    _steps(points, timeline)


def _choose_variants(timeline: History) -> list[str]:
    known = list(timeline.variants)
    named = [name for name in parted("variants") if name in known]
    shown = named or known[:DRAWN]
    if len(known) > 1:
        choose_variants(
            known, shown, "history-variants", lambda names: changed(variants=joined(names)), most=MOST
        )
    return shown


def _flags(timeline: History) -> None:
    worse = timeline.regressions
    if not worse:
        return
    with st.container(border=True, key="regressions"):
        st.markdown(f":red[:material/trending_down: **{count(len(worse), 'regression')}**]")
        groups = [list(group) for _, group in groupby(worse, key=lambda point: point.at)]
        for group in groups[:FLAGGED]:
            _flag(group, timeline.measure)
        if left := sum(map(len, groups[FLAGGED:])):
            st.caption(f"And {left} before, in the table.")


def _flag(group: list[Point], measure: str) -> None:
    """Draw what became worse with one experiment."""
    experiment = group[0].experiment
    steps = [(point.variant, point.step) for point in group if point.step is not None]
    lost = ", ".join(f"**{plain(variant)}** {_lost(step)}" for variant, step in steps)
    changed = dict.fromkeys(_changed(step) for _, step in steps)
    st.markdown(f"In {measure}, {_when(group[0])}: {lost}. {' '.join(changed)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        before = steps[0][1].before
        link(LEADERBOARD, "Before", ":material/history:", experiment=before, measure=measure)
        after = f"After: {plain(experiment.name)}"
        link(LEADERBOARD, after, ":material/leaderboard:", experiment=experiment.id, measure=measure)


def _lost(step: Step) -> str:
    if step.difference is None or step.corrected is None:
        return ""
    return f"{step.difference:+.4f} ({p_words(step.corrected)})"


def _changed(step: Step) -> str:
    if not step.changed:
        return "Nothing in the description changed: another machine, or other versions of libraries."
    return f"Changed: {plain(', '.join(step.changed))}."


def _when(point: Point) -> str:
    at = moment(point.at, st.context.timezone)
    return f"version {point.version}, {at}"


def _numbers(timeline: History) -> dict[datetime, int]:
    """Start times of the experiments, numbered from the oldest on."""
    moments = dict.fromkeys(point.at for point in timeline.points)
    return {at: number for number, at in enumerate(moments, 1)}


def _label(point: Point, number: int) -> str:
    """The label of a point on the axis below the chart: lines that tell experiments apart."""
    at = moment(point.at, st.context.timezone).replace(", ", " · ")
    return f"#{number} · version {point.version} · {at}"


def _table(points: list[Point], numbers: dict[datetime, int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "when": _label(point, numbers[point.at]),
            "variant": point.variant,
            "score": point.score,
            "low": point.low,
            "high": point.high,
            "note": "" if point.step is None else _outcome_words(point.step),
            "regression": point.step is not None and point.step.outcome == "regression",
        }
        for point in points
    )


def _outcome_words(step: Step) -> str:
    if step.outcome == "not compared":
        reason = "another ranking policy" if "policy" in step.changed else "no query in common"
        return f"not compared: {reason}"
    difference = "" if step.difference is None else f"{step.difference:+.4f}, "
    return difference + {"regression": "worse", "improvement": "better"}.get(step.outcome, step.outcome)


def _left_out(timeline: History) -> str:
    if not timeline.left_out:
        return ""
    left_out = count(timeline.left_out, "experiment")
    return f" Left out: {left_out} that did not finish, lack the measure, or were not among the last {LAST}."


def _steps(points: list[Point], timeline: History) -> None:
    numbers = _numbers(timeline)
    rows = [
        {
            "number": numbers[point.at],
            "at": moment(point.at, st.context.timezone),
            "experiment": point.experiment.name,
            "version": point.version,
            "variant": point.variant,
            "score": point.score,
            "low": point.low,
            "high": point.high,
            "difference": point.step.difference if point.step else None,
            "p": point.step.corrected if point.step else None,
            "test": TESTS[point.step.test] if point.step and point.step.test else "",
            "queries": point.step.n if point.step else None,
            "outcome": _outcome_words(point.step) if point.step else "first",
            "changed": ", ".join(point.step.changed) if point.step else "",
        }
        for point in reversed(points)
    ]
    table = pd.DataFrame(rows)
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        key=keyed("history-steps", timeline.dataset, timeline.measure),
        placeholder="",
        alt="Every step",
        column_order=STEPS,
        column_config={
            "number": number("#", format="%d", width="small"),
            "at": st.column_config.TextColumn("When"),
            "variant": st.column_config.TextColumn("Variant"),
            "score": number(timeline.measure, format="%.4f"),
            "outcome": st.column_config.TextColumn("Since before"),
            "p": number(
                "p corrected",
                format="%.4f",
                help=f"{meaning('p')}\n\nBy Holm for the variants of the experiment.",
            ),
            "test": st.column_config.TextColumn("Test"),
            "changed": st.column_config.TextColumn("What changed"),
            "version": number("Version", format="%d", help=meaning("version")),
            "experiment": st.column_config.TextColumn("Experiment"),
            "low": number("From", format="%.4f"),
            "high": number("To", format="%.4f"),
            "queries": number("Queries", format="localized"),
        },
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        download(
            csv_text(list(map(str, table)), table.itertuples(index=False)),
            timeline.dataset,
            timeline.measure,
            "history",
            help_="Download these numbers",
        )
        link(EXPERIMENTS, "Experiments", ":material/science:")
