"""The plan of an experiment, and the button that starts it."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from evaluator.domain.cost import size
from evaluator.domain.experiment import Experiment
from evaluator.errors import EncoderNotFoundError, EvaluatorError, NoQueriesError
from evaluator.experiments.plan import EncodingEstimate, Plan
from evaluator.experiments.plan_cache import planner
from evaluator.ui.glossary import meaning
from evaluator.ui.people.projects import warn_of_quotas
from evaluator.ui.shell.figures import Figure, show_figures
from evaluator.ui.shell.links import DATASETS, link
from evaluator.ui.shell.start import start
from evaluator.ui.shell.words import count, percent, plain, queries, roughly, sentence, short
from evaluator.workspace.workspace import Workspace

LOOK_AGAIN = 1.0
"""Seconds between two checks whether a plan is ready."""
NAMED = 12
"""Variants that are named; the others are folded away."""


def show_plan(workspace: Workspace, experiment: Experiment) -> None:
    """Draw the plan of an experiment, and the button that starts it."""
    st.subheader("Plan", anchor=False, help=meaning("plan"))
    warn_of_quotas(workspace)
    try:
        plan = planner(workspace).look(experiment)
    except EvaluatorError as error:
        _startable(workspace, experiment, possible=False)
        st.error(sentence(error), icon=":material/error:")
        if isinstance(error, EncoderNotFoundError):
            st.caption("Choose another model, or leave it out.")
        if isinstance(error, NoQueriesError):
            link(
                DATASETS, "Add queries", ":material/playlist_add:", dataset=experiment.dataset, tab="queries"
            )
        return
    _startable(workspace, experiment, possible=True)
    if plan is None:
        _wait(workspace, experiment)
        return
    _figures(plan)
    _work(plan)
    _variants(plan.variants)


def show_no_plan() -> None:
    """Draw the place of the plan while there is no experiment to plan."""
    st.subheader("Plan", anchor=False, help=meaning("plan"))
    st.button("Start", type="primary", icon=":material/play_arrow:", disabled=True)
    st.caption("First fix what is marked.")


def _startable(workspace: Workspace, experiment: Experiment, *, possible: bool) -> None:
    if st.button("Start", type="primary", icon=":material/play_arrow:", disabled=not possible):
        start(workspace, experiment)


def _wait(workspace: Workspace, experiment: Experiment) -> None:
    """Check until there is a plan, or an error; then draw the form again."""
    st.caption("Working out the plan; a model that is new here is looked up on the hub ...")

    @st.fragment(run_every=LOOK_AGAIN)
    def again() -> None:
        try:
            ready = planner(workspace).look(experiment, patience=0.1) is not None
        except EvaluatorError:
            ready = True
        if ready:
            st.rerun()

    again()


def _figures(plan: Plan) -> None:
    figures = {"Variants": f"{len(plan.variants):,}", "Expected time": roughly(plan.seconds)}
    if plan.tokens:
        figures["Tokens"] = short(plan.tokens)
    if plan.usd is not None:
        figures["Price in USD"] = f"{plan.usd:.4f}" if plan.usd < 1 else f"{plan.usd:,.2f}"
    if plan.memory:
        figures["Vectors"] = size(plan.memory)
    show_figures({label: Figure(value) for label, value in figures.items()})
    known = "Estimated from what these models took here."
    rough = "Rough until these models have been measured here."
    st.caption(f"With {count(plan.workers, 'worker')}. {known if plan.measured else rough}")


def _work(plan: Plan) -> None:
    for encoder, parts in groupby(plan.encodings, key=lambda part: part.encoder):
        st.markdown(f"**{plain(encoder)}**")
        for part in parts:
            st.progress(part.cached / max(part.texts, 1), text=_encoding(part))
    for reranking in plan.reranking:
        usd = "" if reranking.usd is None else f" · {reranking.usd:.4f} USD"
        st.markdown(
            f"**{plain(reranking.model)}** reranks the candidates of {plain(reranking.variant)}  \n"
            f"{count(reranking.pairs, 'pair')} · {roughly(reranking.seconds)}{usd}"
        )
    for shared in plan.shared:
        st.markdown(f":material/join_inner: {plain(shared)}.")
    for use in plan.words:
        st.markdown(f":material/match_word: {plain(use.choice)}")
        for remark in use.remarks:
            st.markdown(f":material/warning: {plain(remark)}")
    st.markdown(f":material/checklist: {_evaluating(plan)}.")


def _encoding(part: EncodingEstimate) -> str:
    of = f"{part.of[0].upper()}{part.of[1:]}" + ("" if part.exact else ", estimated")
    if not part.to_encode:
        return f"{of}: {part.texts:,}, all cached"
    cached = f", {percent(part.cached, part.texts)} cached" if part.cached else ""
    usd = "" if part.usd is None else f" · {part.usd:.4f} USD"
    return f"{of}: {part.to_encode:,} to encode{cached} · {roughly(part.seconds)}{usd}"


def _evaluating(plan: Plan) -> str:
    if not plan.to_evaluate:
        return "Everything is recorded already: starting shows what is there"
    skipped = f"; {plan.recorded:,} are recorded already and skipped" if plan.recorded else ""
    return f"{queries(plan.to_evaluate)} to evaluate over all variants{skipped}"


def _variants(names: tuple[str, ...]) -> None:
    with st.expander(count(len(names), "variant"), expanded=len(names) <= NAMED):
        st.markdown("\n".join(f"1. {plain(name)}" for name in names))
