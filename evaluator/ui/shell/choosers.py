"""Choosers whose choice is in the address: the URL is the state, so a view can be linked to and reloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from evaluator.domain.measures.scoring import canonical_measures
from evaluator.domain.records import ExperimentRow
from evaluator.errors import AmbiguousNameError, InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.ui.glossary import meaning, measure_meaning
from evaluator.ui.shell.address import go
from evaluator.ui.shell.identity import told_apart
from evaluator.ui.shell.words import moment, plain, sentence
from evaluator.workspace.workspace import Workspace

Address = Mapping[str, str]
"""Query parameters."""


def choose(
    label: str,
    options: Sequence[str],
    current: str,
    address: Callable[[str], Address],
    format_func: Callable[[str], str] = str,
    help_: str | None = None,
) -> None:
    """Draw a list to choose one option from.

    Args:
        current: the option that the address names.
        address: the view that an option leads to.
        format_func: the label of an option.
        help_: what is chosen.
    """
    key = f"choose-{label}"
    st.session_state[key] = current
    st.selectbox(
        label,
        options,
        key=key,
        format_func=told_apart(options, format_func),
        on_change=lambda: go(address(st.session_state[key])),
        help=help_,
    )


def choose_several(
    label: str,
    options: Sequence[str],
    current: Sequence[str],
    key: str,
    address: Callable[[list[str]], Address],
    format_func: Callable[[str], str] = str,
    most: int | None = None,
    help_: str | None = None,
) -> None:
    """Draw a list to choose several options from; see `choose`.

    Args:
        key: of the widget's state.
        most: number of options that can be chosen.
    """
    st.session_state[key] = list(current)
    st.multiselect(
        label,
        options,
        key=key,
        format_func=told_apart(options, format_func),
        max_selections=most,
        placeholder=f"Choose {label.lower()}",
        on_change=lambda: go(address(st.session_state[key])),
        help=help_,
    )


def choose_view(
    label: str,
    options: Mapping[str, str],
    current: str,
    key: str,
    address: Callable[[str], Address],
    *,
    labelled: bool = False,
) -> None:
    """Draw a few options as buttons beside each other; see `choose`. Pressing the chosen one changes nothing.

    Args:
        options: labels by what the address says.
        labelled: whether the label is shown, too.
    """
    st.session_state[key] = current
    st.segmented_control(
        label,
        list(options),
        key=key,
        format_func=options.__getitem__,
        on_change=lambda: go(address(st.session_state[key] or current)),
        label_visibility="visible" if labelled else "collapsed",
    )


def search_field(
    label: str, current: str, key: str, address: Callable[[str], Address], placeholder: str
) -> None:
    """Draw a field for a text to search for; see `choose`."""
    st.session_state[key] = current
    st.text_input(
        label,
        key=key,
        placeholder=placeholder,
        icon=":material/search:",
        on_change=lambda: go(address(st.session_state[key].strip())),
    )


def choose_dataset(names: Sequence[str], current: str, address: Callable[[str], Address]) -> None:
    """Draw the chooser of a dataset."""
    choose("Dataset", names, current, address, help_=meaning("dataset"))


def choose_measure(measures: Sequence[str], current: str, address: Callable[[str], Address]) -> None:
    """Draw the chooser of a measure."""
    choose("Measure", measures, current, address, help_=measure_meaning(current))


def choose_variants(
    names: Sequence[str], current: Sequence[str], key: str, address: Callable[[list[str]], Address], most: int
) -> None:
    """Draw the chooser of several variants."""
    choose_several("Variants", names, current, key, address, most=most, help_=meaning("variant"))


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
    keep: Address | None = None,
) -> None:
    """Draw choosers of dataset, experiment (where the dataset has several) and measure.

    Args:
        keep: query parameters that another measure leaves as they are then; these values where the address lacks one.
    """

    def with_measure(name: str) -> Address:
        kept = {parameter: st.query_params.get(parameter, value) for parameter, value in (keep or {}).items()}
        return {**kept, "experiment": experiment.id, "measure": name}

    last = {row.dataset: row.id for row in reversed(rows)}
    siblings = {row.id: row for row in rows if row.dataset == experiment.dataset}
    # By older judgments than those of the list, an experiment is not in it.
    siblings.setdefault(experiment.id, experiment)
    last.setdefault(experiment.dataset, experiment.id)
    columns = iter(st.columns(2 + (len(siblings) > 1)))
    with next(columns):
        choose_dataset(list(reversed(last)), experiment.dataset, lambda name: {"experiment": last[name]})
    if len(siblings) > 1:
        with next(columns):
            choose(
                "Experiment",
                list(siblings),
                experiment.id,
                lambda id_: {"experiment": id_},
                lambda id_: f"{siblings[id_].name} · {moment(siblings[id_].started_at, st.context.timezone)}",
                meaning("experiment"),
            )
    with next(columns):
        choose_measure(experiment.spec.measures, measure, with_measure)
