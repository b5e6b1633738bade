"""One experiment: the progress and speed of each encoder and variant, and failures."""

from __future__ import annotations

from contextlib import suppress

import pandas as pd
import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.records import ExperimentRow
from evaluator.domain.status import ACTIVE
from evaluator.domain.teamwork.deeds import experiment_of
from evaluator.errors import ConflictError, QueueUnavailableError
from evaluator.experiments import lifecycle
from evaluator.experiments.overview import experiment_yaml, failures, overview
from evaluator.experiments.progress import (
    ExperimentProgress,
    PlanningProgress,
    VariantProgress,
    progress_reader,
)
from evaluator.ui.people.sharing import share_by_link
from evaluator.ui.shell.badges import badge_of, show_badge
from evaluator.ui.shell.downloads import export_popover
from evaluator.ui.shell.figures import Figure, show_figures
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import EXPERIMENTS, LEADERBOARD, WORKERS, link
from evaluator.ui.shell.live import live
from evaluator.ui.shell.start import PATIENCE
from evaluator.ui.shell.words import count, duration, moment, percent, plain, queries, rate, sentence
from evaluator.ui.teamwork.activity import show_activity
from evaluator.ui.teamwork.comments import show_comments
from evaluator.ui.teamwork.decision import decide_or_replace, show_decision
from evaluator.workspace.acting import may
from evaluator.workspace.queue_status import queue_status
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.stalled import stalled
from evaluator.workspace.workspace import Workspace


def show_experiment(workspace: Workspace, experiment: ExperimentRow) -> None:
    """Draw one experiment; what changes redraws itself while it runs."""
    st.title(plain(experiment.name), anchor=False)
    summary = overview(workspace, experiment.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        show_badge(badge_of(experiment.status, failed=bool(summary.failed or summary.broken)))
        started = moment(experiment.started_at, st.context.timezone)
        st.caption(
            f"{queries(experiment.n_queries)} of {plain(experiment.dataset)} · "
            f"{count(len(experiment.spec.variants), 'variant')} · started {started}",
            width="content",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        link(LEADERBOARD, "Leaderboard", ":material/leaderboard:", experiment=experiment.id)
        if experiment.active:
            _cancel(workspace, experiment)
        elif experiment.status == "cancelled" or summary.broken or summary.failed:
            _resume(workspace, experiment, "Resume" if experiment.status == "cancelled" else "Try again")
        export_popover(experiment, by_link=lambda: share_by_link(experiment, "report", {}))
        if may(Action.RUN):
            link(EXPERIMENTS, "Use as a template", ":material/content_copy:", new=experiment.id)
        if not experiment.active:
            _delete(workspace, experiment)
    if experiment.status == "cancelled" and experiment.reason:
        st.warning(
            f"Stopped: {plain(without_paths(experiment.reason))}. What is done stays. *Resume* continues it; to change "
            "its budget first, *Use as a template*, change it, and start.",
            icon=":material/block:",
        )
    show_decision(experiment)
    decide_or_replace(workspace, experiment)
    live(lambda: _now(workspace, experiment), refresh=experiment.active)
    show_comments(workspace, experiment)
    with st.expander("Activity", icon=":material/history:"):
        show_activity(workspace, experiment_of(experiment.id))
    _description(experiment)


def _cancel(workspace: Workspace, experiment: ExperimentRow) -> None:
    if not may(Action.RUN):
        return
    with st.popover("Cancel", icon=":material/stop:", key="cancel"):
        st.markdown("Jobs that wait are dropped. What is evaluated stays, and *Resume* continues from there.")
        if st.button("Cancel the experiment", type="primary"):
            with suppress(ConflictError):  # it has finished meanwhile, which the page then shows
                lifecycle.cancel(workspace, experiment)
            st.rerun()


def _resume(workspace: Workspace, experiment: ExperimentRow, label: str) -> None:
    if may(Action.RUN) and st.button(label, icon=":material/play_arrow:", type="primary"):
        lifecycle.resume(workspace, experiment, patience=PATIENCE)
        st.rerun()


def _delete(workspace: Workspace, experiment: ExperimentRow) -> None:
    if not may(Action.RUN):
        return
    with st.popover("Delete", icon=":material/delete:", type="tertiary", key="delete"):
        st.markdown(
            "This permanently deletes all of its results. Vectors and indexes stay, for other experiments."
        )
        if st.button("Delete the experiment", type="primary"):
            lifecycle.delete(workspace, experiment)
            st.switch_page(EXPERIMENTS)


def _now(workspace: Workspace, experiment: ExperimentRow) -> None:
    progress, summary, failed = workspace.frozen(
        lambda: (
            progress_reader(workspace).read(experiment.id),
            overview(workspace, experiment.id),
            failures(workspace, experiment),
        )
    )
    if progress.status != experiment.status:
        st.rerun()
    if progress.trouble:
        st.error(
            f"{plain(progress.trouble)}. Nothing is lost; the next attempt follows.", icon=":material/error:"
        )
    if experiment.active:
        _hindrances(workspace, experiment)
    if progress.planning is not None:
        _planning(progress.planning)
    _figures(progress, summary.seconds)
    if progress.encoders:
        encoding, evaluating = st.columns(2, gap="large")
        with encoding:
            _encoding(progress)
            _searching(progress)
        with evaluating:
            _evaluating(progress)
    else:
        _searching(progress)
        _evaluating(progress)
    _failures(experiment, failed)


def _hindrances(workspace: Workspace, experiment: ExperimentRow) -> None:
    """Say why a running experiment may not move: no queue, no jobs, no workers."""
    try:
        if stalled(workspace, [experiment]):
            problem = (
                "Planning has stopped"
                if experiment.status == "planning"
                else "Its jobs are gone from the queue"
            )
            st.warning(f"{problem}. It is planned again within seconds.", icon=":material/pause:")
            _resume(workspace, experiment, "Resume")
        elif not queue_status(workspace).present:
            st.warning(
                "No workers are running; start some: `evaluator worker --count 2`",
                icon=":material/hourglass_disabled:",
            )
            link(WORKERS, "See the queue", ":material/stacks:")
    except QueueUnavailableError as error:
        st.error(sentence(error), icon=":material/error:")


def _planning(planning: PlanningProgress) -> None:
    """How far it is to know what must be encoded."""
    done = (
        f"{planning.texts:,} of {count(planning.total, 'text')}" if planning.total else "waiting for its turn"
    )
    st.progress(
        planning.texts / max(planning.total, 1),
        text=f"**Planning**, {done}  \nCached vectors are looked up, and the rest is divided into jobs.",
    )


def _figures(progress: ExperimentProgress, seconds: float | None) -> None:
    running = progress.status in ACTIVE
    encoding = progress.texts_done < progress.texts_total
    figures = {
        "Queries evaluated": percent(progress.queries_done, progress.queries_total),
        "Queries failed": f"{progress.failed:,}",
    }
    if running and encoding:
        figures |= {"Encoding": rate(progress.texts_per_second, "texts")}
    elif running:
        figures |= {"Evaluating": rate(progress.queries_per_second, "queries")}
    if running:
        figures |= {"Time left": duration(progress.seconds_left)}
    elif seconds is not None:
        figures |= {"Took": duration(seconds)}
    show_figures({label: Figure(value) for label, value in figures.items()})


def _encoding(progress: ExperimentProgress) -> None:
    st.subheader("Encoding", anchor=False)
    for encoder in progress.encoders:
        st.progress(
            encoder.done / max(encoder.total, 1),
            text=f"**{plain(encoder.encoder)}**  \n{percent(encoder.done, encoder.total)} · "
            f"{encoder.done:,} of {count(encoder.total, 'text')}",
        )


def _searching(progress: ExperimentProgress) -> None:
    """Draw the progress of searches that variants share, while a variant waits for them."""
    if not progress.searches:
        return
    st.subheader("Searching", anchor=False)
    for search in progress.searches:
        st.progress(
            search.done / max(search.total, 1),
            text=f"**{plain(search.name)}**, once for {count(search.variants, 'variant')}  \n"
            f"{percent(search.done, search.total)} · {search.done:,} of {queries(search.total)}",
        )


def _evaluating(progress: ExperimentProgress) -> None:
    st.subheader("Evaluating", anchor=False)
    for variant in progress.variants:
        if variant.error:
            st.error(f"**{plain(variant.variant)}** failed: {plain(variant.error)}", icon=":material/error:")
        else:
            st.progress(variant.recorded / max(variant.total, 1), text=_variant_text(variant))


def _variant_text(variant: VariantProgress) -> str:
    done = f"{percent(variant.recorded, variant.total)} · {variant.recorded:,} of {queries(variant.total)}"
    failed = f" · :red[{variant.failed:,} failed]" if variant.failed else ""
    return f"**{plain(variant.variant)}**  \n{done}{failed}"


def _failures(experiment: ExperimentRow, failed: pd.DataFrame) -> None:
    if failed.empty:
        return
    st.subheader("Failures", anchor=False)
    st.caption("These queries have no score; they are not averaged in.")
    st.dataframe(
        failed,
        hide_index=True,
        key=keyed("failures", experiment.id),  # so that a refresh keeps how the reader sorted it
        alt="Queries that failed",
        column_config={"variant": "Variant", "query_id": "Query", "error": "Reason"},
    )


def _description(experiment: ExperimentRow) -> None:
    spec = experiment.spec
    st.space("small")
    with st.expander("Description and fingerprints", icon=":material/data_object:"):
        st.code(experiment_yaml(experiment), language="yaml")
        parts = {"experiment": spec.id, "dataset": spec.dataset, "corpus": spec.corpus}
        parts |= {"queries": spec.queries, "qrels": spec.qrels}
        parts |= {f"variant {variant.name}": variant.fingerprint for variant in spec.variants}
        parts |= {f"encoder {encoder.name}": encoder.fingerprint for encoder in spec.encoders.values()}
        st.dataframe(
            pd.DataFrame(parts.items(), columns=["Part", "Fingerprint"]),
            hide_index=True,
            width="content",
            alt="Fingerprints",
        )
