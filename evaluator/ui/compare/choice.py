"""Which variants are compared: from the address, and choosers that change it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from evaluator.analysis.decisions import best_first
from evaluator.analysis.slices import DIMENSIONS
from evaluator.analysis.snapshot import read_snapshot
from evaluator.domain.records import ExperimentRow
from evaluator.ui.shell.choosers import choose, choose_experiment_and_measure
from evaluator.ui.shell.links import COMPARE, EXPERIMENTS, link
from evaluator.ui.shell.words import plain
from evaluator.workspace.workspace import Workspace


def addressed_pair(workspace: Workspace, experiment: ExperimentRow, measure: str) -> tuple[str, str]:
    """The two variants that the address names; where it names none, the best and the second by the measure."""
    names = best_first(read_snapshot(workspace, experiment.id), measure)
    b = _named(experiment, "b", "")
    a = _named(experiment, "a", "") or next(name for name in names if name != b)
    return a, b if b not in ("", a) else next(name for name in names if name != a)


def addressed_baseline(experiment: ExperimentRow) -> str:
    """The variant that the address names as the baseline; the experiment's first if it names an unknown one."""
    return _named(experiment, "baseline", experiment.spec.variants[0].name)


def pinned_of(a: str, b: str) -> str | None:
    """Which of two variants the address pins as the baseline."""
    named = st.query_params.get("baseline")
    return named if named in (a, b) else None


def choose_pair(
    rows: Sequence[ExperimentRow], experiment: ExperimentRow, measure: str, a: str, b: str
) -> None:
    """Draw choosers of experiment, measure and the two variants, with a button that swaps these."""
    names = [variant.name for variant in experiment.spec.variants]
    first = next(iter(DIMENSIONS))
    pinned = pinned_of(a, b)
    kept = {} if pinned is None else {"baseline": pinned}
    choose_experiment_and_measure(rows, experiment, measure, {"a": a, "b": b, "slice": first, **kept})

    def address(a: str, b: str) -> dict[str, str]:
        slice_ = st.query_params.get("slice", first)  # it may have been chosen since this was drawn
        still = kept if pinned in (a, b) else {}
        return {"experiment": experiment.id, "a": a, "b": b, "measure": measure, "slice": slice_, **still}

    left, middle, right = st.columns([10, 3, 10], vertical_alignment="bottom")
    with left:
        choose("Variant", [name for name in names if name != b], a, lambda name: address(name, b))
    with right:
        choose("Compared with", [name for name in names if name != a], b, lambda name: address(a, name))
    middle.button(
        "Swap",
        icon=":material/swap_horiz:",
        width="stretch",
        help="Differences are the first variant's score minus the second's",
        on_click=lambda: st.query_params.from_dict(address(b, a)),
    )
    if len(names) > 2:
        link(
            COMPARE,
            f"All variants against {plain(b)}",
            ":material/format_list_numbered:",
            experiment=experiment.id,
            baseline=b,
            measure=measure,
        )


def choose_baseline(
    rows: Sequence[ExperimentRow], experiment: ExperimentRow, measure: str, baseline: str
) -> None:
    """Draw choosers of experiment, measure and the baseline."""
    choose_experiment_and_measure(rows, experiment, measure, {"baseline": baseline})
    choose(
        "Baseline",
        [variant.name for variant in experiment.spec.variants],
        baseline,
        lambda name: {"experiment": experiment.id, "baseline": name, "measure": measure},
    )
    link(COMPARE, "Two variants", ":material/compare_arrows:", experiment=experiment.id, measure=measure)


def explain_single(rows: Sequence[ExperimentRow], experiment: ExperimentRow, measure: str) -> None:
    """Say why there is nothing to compare, and what to do."""
    choose_experiment_and_measure(rows, experiment, measure)
    with st.container(border=True):
        st.subheader("There is nothing to compare yet", anchor=False)
        name = plain(experiment.spec.variants[0].name)
        st.markdown(
            f"This experiment has one variant, **{name}**. A comparison needs two over the same queries."
        )
        link(EXPERIMENTS, "Define an experiment", ":material/add:", new="")


def _named(experiment: ExperimentRow, parameter: str, default: str) -> str:
    names = [variant.name for variant in experiment.spec.variants]
    named = st.query_params.get(parameter, "")
    if named and named not in names:
        st.warning(
            f"The experiment {plain(experiment.name)} has no variant {plain(named)}; it has: "
            f"{plain(', '.join(names))}.",
            icon=":material/link_off:",
        )
    return named if named in names else default
