"""Any query that the reader types: the variants answer it, their lists side by side."""

from __future__ import annotations

import dataclasses

import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.records import ExperimentRow
from evaluator.inspection.ask import MAX_ASKED, MAX_TEXT, AskedQuery, answered, ask, askable
from evaluator.library import catalog
from evaluator.library.queries import NewQuery, add
from evaluator.ui.query.selection import View, addressed_view, choose_lists
from evaluator.ui.query.view import show_lists
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import DATASETS, LEADERBOARD, QUERY, WORKERS, link
from evaluator.ui.shell.live import explained, live
from evaluator.ui.shell.words import plain
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace

POLL = 1.0
"""Seconds between two looks for answers."""


def show_ask(workspace: Workspace, experiment: ExperimentRow, measure: str) -> None:
    """Draw the field for a query and, once a query is typed, the answers."""
    text = st.query_params.get("ask", "").strip()
    names = askable(workspace, experiment)
    if not names:
        st.info(
            "No variant of this experiment can answer: imported ranked lists know only their own queries.",
            icon=":material/block:",
        )
        return
    view = addressed_view(experiment, measure, names, MAX_ASKED)
    choose_lists(view, names, MAX_ASKED, keep={"ask": text})
    _field(view, text)
    if not text:
        st.caption(
            "Type a query as somebody would ask it. The workers answer, with the models and indexes of the "
            "experiment; nothing is recorded."
        )
        return
    _offer_to_keep(workspace, view, text)
    waiting = bool(ask(workspace, experiment, view.variants, text).waiting)
    live(lambda: _answers(workspace, view, text, waiting), refresh=waiting, every=POLL)


def _field(view: View, text: str) -> None:
    st.session_state["ask"] = text

    def go() -> None:
        typed = st.session_state["ask"].strip()
        st.query_params.from_dict({**dataclasses.replace(view, query=None).address(), "ask": typed})

    st.text_input(
        "Query",
        key="ask",
        max_chars=MAX_TEXT,
        placeholder="How do I ...",
        icon=":material/search:",
        on_change=go,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        address = dataclasses.replace(view, query=None, variants=()).address()
        link(QUERY, "Queries of the dataset", ":material/arrow_back:", **address)
        link(
            LEADERBOARD,
            "Leaderboard",
            ":material/leaderboard:",
            experiment=view.experiment.id,
            measure=view.measure,
        )


def _answers(workspace: Workspace, view: View, text: str, was_waiting: bool) -> None:
    """Draw the answers so far; rerun the whole page once all are there, which ends the polling."""
    question = ask(workspace, view.experiment, view.variants, text)
    if was_waiting and not question.waiting:
        st.rerun()
    _state(workspace, view, text, question)
    if len(question.waiting) < len(question.answers):
        show_lists(answered(workspace, view.experiment, question, text, view.depth), view)


def _offer_to_keep(workspace: Workspace, view: View, text: str) -> None:
    """Draw the button that makes the query one of the dataset's, or the link to it once it is one.

    Not with the answers: while they are awaited, a redraw could pass over a click.
    """
    if not may(Action.EDIT):
        return
    dataset = catalog.by_id(workspace, view.experiment.dataset_id)
    with explained(), st.container(horizontal=True, vertical_alignment="center"):
        key = keyed("keep", dataset.id, text)
        if query := st.session_state.get(f"{key}-id"):
            st.caption(":material/check: It is a query of the dataset.", width="content")
            link(DATASETS, "Judge it", ":material/gavel:", dataset=dataset.name, tab="judgments", query=query)
        elif st.button(
            f"Add to {plain(dataset.name)}",
            icon=":material/playlist_add:",
            key=key,
            help="It becomes a query of the dataset: its next version. Experiments that run from then on score it.",
        ):
            added = add(workspace, dataset.id, [NewQuery(text)], "asked on the page of queries")
            st.session_state[f"{key}-id"] = added.ids[0]
            st.rerun()


def _state(workspace: Workspace, view: View, text: str, question: AskedQuery) -> None:
    if question.waiting and not question.served:
        st.warning(
            "No workers are running. The query waits in the queue until one starts: `evaluator up` starts "
            "them with the server, `evaluator worker` alone.",
            icon=":material/person_off:",
        )
        link(WORKERS, "See the queue", ":material/stacks:")
    elif question.waiting:
        st.status(f"Waiting for {plain(', '.join(question.waiting))} ...", state="running")
    failed = [name for name, answer in question.answers.items() if answer.state == "failed"]
    if failed and st.button("Ask again", icon=":material/refresh:"):
        ask(workspace, view.experiment, view.variants, text, again=True)
        st.rerun()
