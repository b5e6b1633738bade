"""Judging the unjudged documents of ranked lists, and how far they could change a score."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.printable import as_code
from evaluator.inspection.side_by_side import SideBySide
from evaluator.judging import ratings
from evaluator.judging.ratings import MAX_GUIDELINES, MAX_RATER, DocumentToJudge, MeanBounds
from evaluator.library import catalog
from evaluator.ui.glossary import meaning
from evaluator.ui.query.selection import View
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import QUERY, link
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import count, plain
from evaluator.workspace.acting import acting, may
from evaluator.workspace.workspace import Workspace

GRADES = {0: "Not relevant", 1: "Relevant", 2: "Highly"}
"""Grades that a rater can give; a document without a choice is skipped."""
TEXT = 1500
"""Characters of a document that a rater reads here."""
SAVED = "judging-saved"
"""Key of what the page says once after saving."""
RATER = "rater-name"
"""Key of the rater's name, which stays for the session."""


def show_judging(workspace: Workspace, view: View, side: SideBySide) -> None:
    """Draw the unjudged documents at the top of the lists, and how far they could change scores."""
    if message := st.session_state.pop(SAVED, None):
        st.success(message, icon=":material/check:")
    open_ = {hit.doc_id for shown in side.lists for hit in shown.hits if hit.grade is None}
    label = (
        f"Judge {count(len(open_), 'unjudged document')}"
        if open_
        else "Everything shown is judged: judge again"
    )
    if may(Action.JUDGE):
        judge = st.expander(label, icon=":material/gavel:", key="judge", on_change="rerun")
        if judge.open:
            with judge, explained():
                _judge(workspace, view, side)
    bounds = st.expander(
        "What unjudged documents could change", icon=":material/swap_vert:", key="bounds", on_change="rerun"
    )
    if bounds.open:
        with bounds:
            _bounds(workspace, view)


def _judge(workspace: Workspace, view: View, side: SideBySide) -> None:
    experiment = view.experiment
    if not _is_newest(workspace, view):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rater = _rater()
        _guidelines(workspace, experiment.dataset_id)
    st.session_state[RATER] = rater
    pooled = ratings.pool(workspace, experiment, side.query.query_id, view.variants, view.depth)
    if not pooled:
        st.caption("All of these documents came with judgments. They are edited with the dataset.")
        return
    st.caption(
        f"{count(len(pooled), 'document')} from the first {view.depth} of the lists above, in random order."
    )
    grades: dict[str, int | None] = {}
    for document in pooled:
        own = document.grades.get(rater.strip())
        grade = _card(view, side.query.query_id, document, rater.strip(), own)
        if grade != own:
            grades[document.document.doc_id] = grade
    left = len(grades)
    if st.button(
        f"Save {count(left, 'judgment')}" if left else "Save",
        type="primary",
        disabled=not grades or not rater.strip(),
        help=None if rater.strip() else "Say who judges first",
    ):
        _save(workspace, view, rater, side.query.query_id, grades)
    _agreement(workspace, experiment.dataset_id)


def _rater() -> str:
    """Who judges: whoever is signed in, or whose name somebody writes on an instance without accounts."""
    person = acting()
    if person.account is not None:
        st.markdown(f"You judge as **{plain(person.name)}**.", width="content")
        return person.name
    return st.text_input(
        "Who judges",
        value=str(st.session_state.get(RATER, "")),
        max_chars=MAX_RATER,
        placeholder="Your name",
        width=260,
    )


def _is_newest(workspace: Workspace, view: View) -> bool:
    """Whether saved judgments would score these lists; says what to do if not."""
    experiment = view.experiment
    if experiment.status != "finished":
        st.info("Judging is possible once the experiment is finished.", icon=":material/hourglass_top:")
        return False
    row = catalog.by_id(workspace, experiment.dataset_id)
    if experiment.spec.dataset == row.manifest.fingerprint:
        return True
    newest = ratings.followed(workspace, experiment)
    st.info(
        f"These scores are by older judgments; {plain(row.name)} is at version {row.version}. "
        + ("Judge there." if newest else "Run the experiment again to judge its lists."),
        icon=":material/history:",
    )
    if newest is not None:
        address = dataclasses.replace(view, experiment=newest).address()
        link(QUERY, "The same query by the newest judgments", ":material/arrow_forward:", **address)
    return False


def _card(view: View, query_id: str, pooled: DocumentToJudge, rater: str, own: int | None) -> int | None:
    """A document and the rater's choice."""
    document = pooled.document
    with st.container(border=True, gap="xsmall"):
        title = f" · **{plain(document.title)}**" if document.title not in ("", document.doc_id) else ""
        st.markdown(f"{as_code(document.doc_id)}{title}")
        st.text(document.text[:TEXT] + (" …" if len(document.text) > TEXT else "") or "No text")
        with st.container(horizontal=True, vertical_alignment="center"):
            grade = st.segmented_control(
                f"Grade of {plain(document.doc_id)}",
                list(GRADES),
                default=own if own in GRADES else None,
                format_func=GRADES.__getitem__,
                key=keyed(
                    "grade",
                    view.experiment.dataset,
                    view.experiment.spec.dataset,
                    query_id,
                    document.doc_id,
                    rater,
                ),
                label_visibility="collapsed",
            )
            others = len(pooled.grades) - (own is not None)
            if others:
                st.caption(f"{count(others, 'other person', 'other people')} judged it", width="content")
    return grade


def _save(workspace: Workspace, view: View, rater: str, query_id: str, grades: dict[str, int | None]) -> None:
    with st.spinner("Saving, and rescoring experiments ..."):
        row = ratings.judge(workspace, view.experiment.dataset_id, rater, query_id, grades)
    followed = ratings.followed(workspace, view.experiment) or view.experiment
    st.session_state[SAVED] = (
        f"Saved {count(len(grades), 'judgment')} by {plain(rater.strip())}. {plain(row.name)} is at version "
        f"{row.version}, and these lists are scored by it."
    )
    dataclasses.replace(view, experiment=followed).go()
    st.rerun()


def _guidelines(workspace: Workspace, dataset: int) -> None:
    """Draw the guidelines for raters, and a field to change them."""
    text = ratings.read_guidelines(workspace, dataset)
    with st.popover("Guidelines", icon=":material/menu_book:"):
        if text:
            st.text(text)
        else:
            st.caption(
                "No guidelines yet. Raters agree more when it is written down what counts as relevant."
            )
        written = st.text_area(
            "What counts as relevant",
            value=text,
            max_chars=MAX_GUIDELINES,
            placeholder="Relevant: answers the question in part. Highly relevant: nothing else is needed.",
            key=keyed("guidelines", dataset, text),
        )
        if st.button("Keep with the dataset", disabled=(written or "").strip() == text):
            ratings.write_guidelines(workspace, dataset, written or "")
            st.rerun()


def _agreement(workspace: Workspace, dataset: int) -> None:
    agreements = ratings.agreements(workspace, dataset)
    if not agreements:
        return
    st.markdown(
        "**Agreement of raters** on documents that each of them judged, over all queries of the dataset"
    )
    st.dataframe(
        pd.DataFrame(
            [
                (", ".join(shared.raters), shared.documents, shared.same, shared.kappa)
                for shared in agreements
            ],
            columns=["Raters", "Documents", "Same grade", "Kappa"],
        ),
        hide_index=True,
        placeholder="",
        alt="Agreement of raters",
        column_config={
            "Same grade": st.column_config.NumberColumn(format="percent"),
            "Kappa": st.column_config.NumberColumn(
                format="%.2f",
                help="Agreement beyond chance: Cohen's for two raters, Fleiss' for more. 1 is all, 0 what chance "
                "gives; it is not defined while all grades are the same.",
            ),
        },
    )


def _bounds(workspace: Workspace, view: View) -> None:
    """Bounds of the means, for each of the variants shown."""
    with st.spinner("Scoring all lists again ..."):
        rows = [
            ratings.mean_bounds(workspace, view.experiment, name, view.measure, view.depth)
            for name in view.variants
        ]
    _draw_bounds([row for row in rows if row is not None], view)


def _draw_bounds(rows: Sequence[MeanBounds], view: View) -> None:
    if not rows:
        st.caption("No query has a score yet.")
        return
    st.markdown(
        f"Mean {view.measure} as it is, where an unjudged document counts as not relevant, and as it would be if "
        f"**all** unjudged documents among the first {view.depth} were relevant (grade 1)."
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        pd.DataFrame([dataclasses.asdict(row) for row in rows]),
        hide_index=True,
        placeholder="",
        alt=f"Bounds of {view.measure}",
        column_config={
            "variant": st.column_config.TextColumn("Variant"),
            "mean": number(view.measure, format="%.4f"),
            "low": number("At least", format="%.4f"),
            "high": number("At most", format="%.4f"),
            "queries": number("Queries", format="localized"),
            "unjudged": number(
                "Not judged", format="localized", help=f"{meaning('unjudged')}\n\nOver all queries."
            ),
        },
    )
    st.caption(
        "For measures with an ideal, such as nDCG and recall, some mixtures of relevant and not relevant lie "
        "outside: every relevant document raises the ideal, too."
    )
