"""The decision on an experiment: which variant ships, why, by whom, and what was decided before."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.records import ExperimentRow
from evaluator.domain.teamwork.records import Decision
from evaluator.domain.teamwork.wording import linked
from evaluator.teamwork import comments
from evaluator.teamwork.comments import LONGEST
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import moment, plain
from evaluator.ui.teamwork.author import ask_author, keep_author
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace

NONE = "None of them"


def show_decision(experiment: ExperimentRow) -> None:
    """Say what was decided, if anything was."""
    if experiment.decision is not None:
        st.info(_words(experiment, experiment.decision), icon=":material/task_alt:")


def decide_or_replace(workspace: Workspace, experiment: ExperimentRow) -> None:
    """Draw what is needed to decide, and what was decided before, where something is to be decided."""
    earlier = comments.decisions(workspace, experiment)[1:]
    if earlier:
        with st.expander(f"Earlier decisions ({len(earlier)})", icon=":material/history:"):
            for each in earlier:
                st.markdown(_words(experiment, each))
    if may(Action.DECIDE) and experiment.status == "finished":
        label = "Decide" if experiment.decision is None else "Decide again"
        with st.popover(label, icon=":material/task_alt:", key="decide"), explained():
            _decide(workspace, experiment)


def _decide(workspace: Workspace, experiment: ExperimentRow) -> None:
    names = [variant.name for variant in experiment.spec.variants]
    key = keyed("decision", experiment.run, experiment.decision and experiment.decision.number)
    with st.form(key, border=False):
        variant = st.selectbox("Which variant ships", [*names, NONE], width=320)
        reason = st.text_area(
            "Why", max_chars=LONGEST, placeholder="What speaks for it, and what it was weighed against"
        )
        by = ask_author(key)
        if st.form_submit_button("Keep the decision", type="primary"):
            chosen = None if variant == NONE and NONE not in names else variant
            comments.decide(workspace, experiment, chosen, reason or "", by=by)
            keep_author(by)
            st.rerun()


def _words(experiment: ExperimentRow, decision: Decision) -> str:
    what = "None of them ships" if decision.variant is None else f"**{plain(decision.variant)}** ships"
    at = moment(decision.decided_at, st.context.timezone)
    older = " · on scores by other judgments" if decision.experiment != experiment.id else ""
    return f"{what} · decided by {plain(decision.person)}, {at}{older}  \n{linked(decision.reason)}"
