"""All experiments, one row each."""

from __future__ import annotations

import streamlit as st

from evaluator.experiments.overview import Overview, overviews
from evaluator.ui.shell.badges import badge_of, show_badge
from evaluator.ui.shell.links import EXPERIMENTS, link
from evaluator.ui.shell.words import count, duration, moment, percent, plain, queries
from evaluator.workspace.workspace import Workspace

PER_PAGE = 20


def show_experiments(workspace: Workspace) -> None:
    """Draw a page of the list as it is now."""
    _, total = overviews(workspace, 0, 0)
    pages = -(-total // PER_PAGE)
    number = st.pagination(pages, key="experiments-page") if pages > 1 else 1
    shown, _ = overviews(workspace, (number - 1) * PER_PAGE, number * PER_PAGE)
    for summary in shown:
        _row(summary)


def _row(summary: Overview) -> None:
    experiment = summary.experiment
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            link(EXPERIMENTS, f"**{plain(experiment.name)}**", experiment=experiment.id)
            show_badge(badge_of(experiment.status, failed=bool(summary.failed or summary.broken)))
        st.caption(
            f"{plain(experiment.dataset)} · {count(len(experiment.spec.variants), 'variant')} · "
            f"started {moment(experiment.started_at, st.context.timezone)}"
            + (f" · {_took(summary)}" if summary.seconds is not None else "")
        )
        done = f"{percent(summary.done, summary.total)} · {summary.done:,} of {queries(summary.total)}"
        if experiment.status == "finished":
            st.caption(done)
        else:
            st.progress(summary.done / max(summary.total, 1), text=done)
        if trouble := _trouble(summary):
            st.markdown(f":red[:material/error: {trouble}]")


def _trouble(summary: Overview) -> str:
    failed = [f"{queries(summary.failed)} failed"] if summary.failed else []
    broken = [f"{count(summary.broken, 'variant')} failed"] if summary.broken else []
    return ", ".join(failed + broken)


def _took(summary: Overview) -> str:
    return f"{'running for' if summary.experiment.active else 'took'} {duration(summary.seconds)}"
