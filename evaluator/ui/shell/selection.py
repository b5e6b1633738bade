"""Choosers whose choice is in the address: the URL is the state, so a view can be linked to and reloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from evaluator.domain.measures.scoring import canonical_measures
from evaluator.domain.records import ExperimentRow
from evaluator.errors import AmbiguousNameError, InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.ui.shell.identity import told_apart
from evaluator.ui.shell.words import moment, plain, sentence
from evaluator.workspace.workspace import Workspace


def choose(
    label: str,
    options: Sequence[str],
    current: str,
    address: Callable[[str], Mapping[str, str]],
    format_func: Callable[[str], str] = str,
) -> None:
    """Draw a chooser that shows what the address says, and changes the address when something else is chosen.

    Args:
        address: the query parameters of the view that a choice leads to.
    """
    key = f"choose-{label}"
    st.session_state[key] = current

    def go() -> None:
        st.query_params.from_dict(dict(address(st.session_state[key])))

    st.selectbox(label, options, key=key, format_func=told_apart(options, format_func), on_change=go)


def named_experiment(workspace: Workspace, reference: str | None) -> ExperimentRow:
    """The experiment that an address names, by id or name; of several the newest, and the page says so.

    Args:
        reference: empty for the last submitted.

    Raises:
        UnknownNameError: there is none; lists those there are.
    """
    try:
        return lifecycle.find(workspace, reference or None)
    except AmbiguousNameError as error:
        st.warning(f"{sentence(error)}. This is the newest of them.", icon=":material/link_off:")
        return lifecycle.find(workspace, error.candidates[0])


def addressed_experiment(workspace: Workspace, rows: Sequence[ExperimentRow]) -> ExperimentRow:
    """The experiment that the address names, by id or name; the last submitted if it names none or an unknown one."""
    try:
        return named_experiment(workspace, st.query_params.get("experiment"))
    except UnknownNameError as error:
        st.warning(f"{sentence(error)}. This is the last one.", icon=":material/link_off:")
        return rows[0]


def addressed_measure(experiment: ExperimentRow) -> str:
    """The measure that the address names; the experiment's first if it names none or one not computed."""
    measures = experiment.spec.measures
    named = st.query_params.get("measure", measures[0])
    try:
        canonical = canonical_measures([named])[0]
    except InvalidInputError as error:
        st.warning(f"{sentence(error)}. This is {measures[0]}.", icon=":material/link_off:")
        return measures[0]
    if canonical not in measures:
        st.warning(
            f"The experiment {plain(experiment.name)} did not compute {canonical}. This is {measures[0]}.",
            icon=":material/link_off:",
        )
        return measures[0]
    return canonical


def choose_experiment_and_measure(
    rows: Sequence[ExperimentRow],
    experiment: ExperimentRow,
    measure: str,
    keep: Mapping[str, str] | None = None,
) -> None:
    """Draw choosers of dataset, experiment (where the dataset has several) and measure.

    Args:
        keep: query parameters that another measure leaves as they are then; these values where the address lacks one.
    """

    def with_measure(name: str) -> dict[str, str]:
        kept = {parameter: st.query_params.get(parameter, value) for parameter, value in (keep or {}).items()}
        return {**kept, "experiment": experiment.id, "measure": name}

    last = {row.dataset: row.id for row in reversed(rows)}
    siblings = {row.id: row for row in rows if row.dataset == experiment.dataset}
    siblings.setdefault(experiment.id, experiment)  # by older judgments than those of the list
    last.setdefault(experiment.dataset, experiment.id)
    columns = iter(st.columns(2 + (len(siblings) > 1)))
    with next(columns):
        choose("Dataset", list(reversed(last)), experiment.dataset, lambda name: {"experiment": last[name]})
    if len(siblings) > 1:
        with next(columns):
            choose(
                "Experiment", list(siblings), experiment.id,
                lambda id_: {"experiment": id_},
                lambda id_: f"{siblings[id_].name} · {moment(siblings[id_].started_at, st.context.timezone)}",
            )  # fmt: skip
    with next(columns):
        choose("Measure", experiment.spec.measures, measure, with_measure)
