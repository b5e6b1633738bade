"""Comments on an experiment, on its variants and its queries."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.records import ExperimentRow
from evaluator.domain.teamwork.records import Comment
from evaluator.domain.teamwork.wording import linked
from evaluator.teamwork import comments
from evaluator.teamwork.comments import LONGEST
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import QUERY, link
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import count, moment, plain
from evaluator.ui.teamwork.author import ask_author, keep_author
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace

WHOLE = "The experiment"


def show_comments(workspace: Workspace, experiment: ExperimentRow, query: str | None = None) -> None:
    """Draw the comments, on one query or on all of the experiment, and a field for another one.

    Args:
        query: only comments on this query.
    """
    found = [each for each in comments.comments(workspace, experiment) if query in (None, each.query)]
    label = f"{count(len(found), 'comment')}" if found else "Comment"
    with st.expander(
        label if query is None else f"{label} on this query",
        icon=":material/forum:",
        key=keyed("comments", experiment.run, query),
        expanded=bool(found),
    ):
        for each in found:
            _show(workspace, experiment, each, is_of_query=query is not None)
        if not found:
            st.caption("Nobody has commented yet.")
        if may(Action.COMMENT):
            with explained():
                _write(workspace, experiment, query)


def _show(workspace: Workspace, experiment: ExperimentRow, written: Comment, *, is_of_query: bool) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(_heading(written, is_of_query), width="stretch")
            if written.query is not None and not is_of_query:
                link(
                    QUERY,
                    "The query",
                    ":material/view_column_2:",
                    experiment=experiment.id,
                    query=written.query,
                )
            if comments.may_delete(written):
                _change(workspace, written)
        st.markdown(linked(written.text))


def _heading(written: Comment, is_of_query: bool) -> str:
    on = [] if written.query is None or is_of_query else [f"query {plain(written.query)}"]
    on += [] if written.variant is None else [plain(written.variant)]
    edited = " · edited" if written.edited_at else ""
    about = f" on **{'**, **'.join(on)}**" if on else ""
    return f"**{plain(written.person)}**{about} · {moment(written.written_at, st.context.timezone)}{edited}"


def _change(workspace: Workspace, written: Comment) -> None:
    with (
        st.popover("Change", type="tertiary", key=keyed("change-comment", written.number, written.text)),
        explained(),
    ):
        if comments.is_own(written):
            text = st.text_area(
                "Comment", written.text, max_chars=LONGEST, key=keyed("edit", written.number, written.text)
            )
            if st.button("Save", key=keyed("save-comment", written.number)):
                comments.edit(workspace, written.number, text or "")
                st.rerun()
        if st.button(
            "Delete the comment", key=keyed("delete-comment", written.number), icon=":material/delete:"
        ):
            comments.delete(workspace, written.number)
            st.rerun()


def _write(workspace: Workspace, experiment: ExperimentRow, query: str | None) -> None:
    key = keyed("comment", experiment.run, query)
    with st.form(key, border=False, clear_on_submit=True):
        text = st.text_area(
            "Comment",
            max_chars=LONGEST,
            placeholder="What others should know. Addresses become links.",
            label_visibility="collapsed",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            variant = _variant(experiment.spec.variants, query)
            by = ask_author(key)
            sent = st.form_submit_button("Comment", icon=":material/send:")
        if sent:
            comments.comment(workspace, experiment, text or "", variant=variant, query=query, by=by)
            keep_author(by)
            st.rerun()


def _variant(variants: Sequence[object], query: str | None) -> str | None:
    whole = WHOLE if query is None else "All lists"
    names = [str(getattr(variant, "name", "")) for variant in variants]
    chosen = st.selectbox("About", [None, *names], format_func=lambda name: name or whole, width=220)
    return chosen or None
