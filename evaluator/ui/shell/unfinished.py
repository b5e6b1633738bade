"""The notice that an experiment's scores are not final, above any of its numbers."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from evaluator.domain.records import ExperimentRow
from evaluator.ui.shell.badges import badge_of, show_badge
from evaluator.ui.shell.links import EXPERIMENTS, link
from evaluator.ui.shell.words import plain, queries


def show_unfinished(
    experiment: ExperimentRow, waiting: int, broken: Iterable[tuple[str, str]], under: str
) -> None:
    """Say whether the experiment is running or was cancelled, and which variants failed.

    Args:
        waiting: queries still to be evaluated.
        broken: names of variants that failed, each with the reason.
        under: the variants that these queries wait for, in words.
    """
    if experiment.status != "finished":
        running = experiment.active
        rest = f"{queries(waiting)} to go {under}" if running else f"{queries(waiting)} were not evaluated"
        with st.container(horizontal=True, vertical_alignment="center"):
            show_badge(badge_of(experiment.status))
            st.markdown(f"Not final: {rest}.", width="content")
            label, icon = ("Watch it", "monitoring") if running else ("Resume it", "play_arrow")
            link(EXPERIMENTS, label, f":material/{icon}:", experiment=experiment.id)
    for variant, error in broken:
        st.error(f"**{plain(variant)}** failed and has no score: {plain(error)}", icon=":material/error:")
