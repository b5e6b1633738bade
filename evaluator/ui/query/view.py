"""One query of the dataset, its lists side by side, and the way to the other queries."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.printable import as_code
from evaluator.domain.records import ExperimentRow
from evaluator.inspection.query_list import Position, QueryLine, listed_queries, position, tags_of
from evaluator.inspection.side_by_side import MAX_LISTS, SideBySide, side_by_side
from evaluator.ui.datasets.list import show_tags
from evaluator.ui.query.data import lists_data
from evaluator.ui.query.judge import show_judging
from evaluator.ui.query.lists import draw_lists
from evaluator.ui.query.selection import (
    View,
    addressed_view,
    choose_lists,
    choose_queries,
    order_in_words,
    position_in_words,
)
from evaluator.ui.shell.badges import badge_of, show_badge
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import EXPERIMENTS, LEADERBOARD, QUERY, link
from evaluator.ui.shell.words import count, plain
from evaluator.ui.teamwork.comments import show_comments
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace

LISTED = 1000
"""Queries that the table of all queries has at most."""

STYLE = """
<style>
  .st-key-query-text [data-testid="stText"] { font-size: 1.3rem; font-weight: 600; white-space: pre-wrap; }
</style>
"""


def show_queries_of(workspace: Workspace, experiment: ExperimentRow, measure: str) -> None:
    """Draw the query that the address names, the first of the chosen ones if it names none."""
    names = [variant.name for variant in experiment.spec.variants]
    view = addressed_view(experiment, measure, names, MAX_LISTS)
    choose_lists(view, names, MAX_LISTS)
    _state(experiment)
    lines, side = workspace.frozen(lambda: _read(workspace, view))
    tags = tags_of(workspace, experiment)
    if side is None:
        choose_queries(view, tags)
        st.info("No query matches. Search for less, or choose another tag.", icon=":material/search_off:")
        return
    view = dataclasses.replace(view, query=side.query.query_id)
    _navigation(view, lines, tags)
    _query(side, view)
    show_lists(side, view)
    show_judging(workspace, view, side)
    show_comments(workspace, view.experiment, side.query.query_id)
    _all_queries(view, lines)


def _read(workspace: Workspace, view: View) -> tuple[list[QueryLine], SideBySide | None]:
    """The queries that match, and the one that is shown; None if there is none."""
    lines = listed_queries(
        workspace, view.experiment, view.variants, view.measure, view.order, view.tag, view.search
    )
    query_id = view.query or (lines[0].query.query_id if lines else None)
    if query_id is None:
        return lines, None
    return lines, side_by_side(workspace, view.experiment, query_id, view.variants, view.measure, view.depth)


def _query(side: SideBySide, view: View) -> None:
    """Draw the query itself, what is known of it, and the way to other views."""
    st.html(STYLE)
    with st.container(key="query-text", gap="xsmall"):
        st.text(side.query.text)
        relevant = sum(grade >= 1 for grade in side.grades.values())
        judged = f"{count(len(side.grades), 'judgment')}, {relevant:,} relevant"
        place = {"experiment": view.experiment.id, "measure": view.measure}
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{as_code(side.query.query_id)} · {judged}", width="content")
            link(LEADERBOARD, "Leaderboard", ":material/leaderboard:", **place)
            if may(Action.ASK):
                link(QUERY, "Ask a query", ":material/chat:", **place, ask="")
        show_tags(side.query.tags)


def show_lists(side: SideBySide, view: View) -> None:
    """Draw the lists; documents lead to their place in the dataset."""
    draw_lists(lists_data(side, view.experiment.dataset, view.measure))


def _state(experiment: ExperimentRow) -> None:
    """Say that the lists are not final, if they are not."""
    if experiment.status == "finished":
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        show_badge(badge_of(experiment.status))
        st.markdown("Not final: lists that are missing were not evaluated yet.", width="content")
        link(EXPERIMENTS, "Experiment", ":material/science:", experiment=experiment.id)


def _navigation(view: View, lines: Sequence[QueryLine], tags: Sequence[str]) -> None:
    """Draw where the query stands, and the way to its neighbours and to other views."""
    at = position(lines, view.query or "")
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, key, query_id in (
            ("Previous", ":material/arrow_back:", "P", at.previous),
            ("Next", ":material/arrow_forward:", "N", at.next),
        ):
            st.button(
                label,
                icon=icon,
                icon_position="left" if label == "Previous" else "right",
                shortcut=key,
                disabled=query_id is None,
                on_click=dataclasses.replace(view, query=query_id).go,
            )
        st.markdown(_where(view, at, lines), width="content")
        with st.popover(
            plain(order_in_words(view.order, view.variants)), icon=":material/sort:", help="Which queries"
        ):
            choose_queries(view, tags)


def _where(view: View, at: Position, lines: Sequence[QueryLine]) -> str:
    words = [position_in_words(at.place, at.total)]
    line = lines[at.place - 1] if at.place else None
    if line is not None and line.failed:
        words.append(":red[:material/error: failed]")
    if line is not None and line.difference is not None and len(view.variants) > 1:
        first, second = (plain(name) for name in view.variants[:2])
        words.append(f"{first} − {second}: **{line.difference:+.4f}**")
    return " · ".join(words)


def _all_queries(view: View, lines: Sequence[QueryLine]) -> None:
    """The chosen queries as a table, to choose another from."""
    whole = st.expander(
        f"All {count(len(lines), 'chosen query', 'chosen queries')}",
        icon=":material/list:",
        key="all-queries",
        on_change="rerun",
    )
    if not whole.open:
        return
    with whole:
        value = "Difference" if len(view.variants) > 1 else "Score"
        table = pd.DataFrame(
            [
                (line.query.query_id, line.query.text, line.difference, "failed" if line.failed else "")
                for line in lines[:LISTED]
            ],
            columns=["Query", "Text", value, "State"],
        )
        chosen = st.dataframe(
            table,
            hide_index=True,
            key=keyed("query-table", view.address()),  # so that no row is chosen on arrival
            on_select="rerun",
            selection_mode="single-row",
            alt="Queries in the chosen order",
            column_config={value: st.column_config.NumberColumn(format="%.4f")},
        )
        if len(lines) > LISTED:
            st.caption(f"The first {LISTED:,}. Search for others.")
        if rows := chosen["selection"]["rows"]:
            dataclasses.replace(view, query=lines[rows[0]].query.query_id).go()
            st.rerun()
