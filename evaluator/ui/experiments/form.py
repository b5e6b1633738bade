"""Define an experiment in the browser: by choices or as text, checked as one types, with its plan beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import streamlit as st

from evaluator.domain.experiment import Experiment
from evaluator.domain.printable import as_code
from evaluator.errors import ExperimentFileError
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.file_writer import write_experiment
from evaluator.experiments.form import Choices, experiment_of, problems_of
from evaluator.experiments.overview import experiment_yaml
from evaluator.experiments.presets import PRESETS, QUICK_LOOK, Preset
from evaluator.experiments.yaml_nodes import MAX_BYTES
from evaluator.library import catalog
from evaluator.ui.experiments.cards import show_models, show_strategies
from evaluator.ui.experiments.fields import (
    BEGUN,
    EDITED,
    SOURCE,
    TEXT,
    expressible,
    fill,
    key,
    message,
    read,
    take_text,
)
from evaluator.ui.experiments.plan import show_no_plan, show_plan
from evaluator.ui.experiments.settings import show_settings
from evaluator.ui.shell.choosers import named_experiment
from evaluator.ui.shell.downloads import download
from evaluator.ui.shell.links import UPLOAD, link
from evaluator.ui.shell.live import live
from evaluator.ui.shell.words import plain
from evaluator.workspace.workspace import Workspace

PROBLEM = re.compile(rf"{SOURCE}:(\d+): (.*)")
CHOICES, AS_TEXT = "Choices", "As text"
FILE, FILE_PROBLEM = "new-upload", "new-upload-problem"


def new_experiment(workspace: Workspace, template: str) -> None:
    """Draw the form.

    Args:
        template: an experiment's id or name to begin with; empty begins with a preset.

    Raises:
        UnknownNameError: the template is unknown.
    """
    st.title("New experiment", anchor=False)
    names = [row.name for row in catalog.all_datasets(workspace)]
    if not names:
        _no_dataset(workspace)
        return
    st.markdown(
        "One dataset, several variants, some measures. The same description always continues the same experiment: "
        "nothing is evaluated twice."
    )
    _begin(workspace, template, names)
    live(lambda: _form(workspace, names), refresh=False)


def _no_dataset(workspace: Workspace) -> None:
    with st.container(border=True):
        st.subheader("No dataset is here yet", anchor=False)
        st.markdown(
            "An experiment needs documents, queries, and which documents are relevant. Upload your own, or try it "
            "with the documentation of Python's standard library, which is on this machine."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Add the demo dataset", type="primary", icon=":material/add:"):
                with st.spinner("Reading the standard library ..."):
                    catalog.import_demo(workspace)
                st.rerun()
            link(UPLOAD, "Upload your own data", ":material/upload:")


def _begin(workspace: Workspace, template: str, names: Sequence[str]) -> None:
    """Fill the form when it is opened, and when it is opened with another template."""
    if st.session_state.get(BEGUN) == template and key("name") in st.session_state:
        return
    st.session_state[BEGUN] = template
    fill(QUICK_LOOK.on(names[0]))
    if template:
        take_text(experiment_yaml(named_experiment(workspace, template)))


def _form(workspace: Workspace, names: Sequence[str]) -> None:
    _presets(names)
    choosing, planning = st.columns([3, 2], gap="large")
    with choosing:
        by_choices, as_text = st.tabs(
            [CHOICES, AS_TEXT], default=AS_TEXT if st.session_state[EDITED] else CHOICES
        )
        if st.session_state[EDITED]:
            experiment = _of_text(by_choices, as_text)
        else:
            experiment = _of_choices(workspace, names, by_choices, as_text)
    with planning, st.container(key="plan"):
        if experiment is None:
            show_no_plan()
        else:
            show_plan(workspace, experiment)


def _presets(names: Sequence[str]) -> None:
    st.markdown("Start from a preset, and change what you like:")
    with st.container(horizontal=True, gap="small"):
        for preset in PRESETS:
            st.button(
                preset.title, help=preset.help, on_click=_choose, args=(preset, names), icon=":material/bolt:"
            )


def _choose(preset: Preset, names: Sequence[str]) -> None:
    chosen = st.session_state[key("dataset")]
    fill(preset.on(chosen if chosen in names else names[0]))


# --- by choices ---

Place = st.delta_generator.DeltaGenerator


def _of_choices(
    workspace: Workspace, names: Sequence[str], by_choices: Place, as_text: Place
) -> Experiment | None:
    """Draw the fields, and the text that they mean; gives the experiment if they mean one."""
    if st.session_state[key("dataset")] not in names:
        st.session_state[key("dataset")] = names[0]
    choices = read()
    problems = problems_of(choices)
    experiment, refused = (None, "") if problems else _checked(choices)
    with by_choices:
        _fields(workspace, names, choices, problems)
        for problem in refused.splitlines():
            match = PROBLEM.fullmatch(problem)
            st.error(plain(match.group(2) if match else problem), icon=":material/error:")
    with as_text:
        if experiment is None:
            st.info("The choices are not complete, so there is no text yet.", icon=":material/info:")
        else:
            st.caption("The choices as text. Once you edit it, the text is what counts.")
            st.session_state[TEXT] = write_experiment(experiment)
            _text_area()
            _download(choices.name)
        _upload()
    return experiment


def _fields(
    workspace: Workspace, names: Sequence[str], choices: Choices, problems: Mapping[str, str]
) -> None:
    servers = [(allowed.base_url, allowed.key) for allowed in workspace.settings.endpoints]
    left, right = st.columns(2)
    with left:
        st.selectbox("Dataset", names, key=key("dataset"), persist_state="page")
    with right:
        st.text_input("Name", key=key("name"), max_chars=120, persist_state="page")
        message(problems, "name")
    show_models(choices, problems, servers)
    show_strategies(choices, problems, servers)
    show_settings(choices, problems)


def _checked(choices: Choices) -> tuple[Experiment | None, str]:
    """The experiment that the choices mean, or why the experiment file's reader refuses it."""
    try:
        experiment = experiment_of(choices)
        parse_experiment(write_experiment(experiment), SOURCE)
    except ValueError as error:
        return None, str(error)
    except ExperimentFileError as error:
        return None, str(error)
    return experiment, ""


# --- as text ---


def _of_text(by_choices: Place, as_text: Place) -> Experiment | None:
    """Draw the text that counts; gives the experiment if it describes one."""
    text = st.session_state[TEXT]
    choices = expressible(text)
    with by_choices:
        st.info("The text counts now; the choices are set aside.", icon=":material/edit_note:")
        if choices is not None:
            st.button("Show the text as choices", on_click=fill, args=(choices,))
        else:
            st.caption("The text says more than the choices can, or is not valid yet.")
            st.button("Discard the text", on_click=_discard)
    with as_text:
        st.caption("The text is what counts.")
        try:
            experiment = parse_experiment(text, SOURCE)
        except ExperimentFileError as error:
            experiment = None
            _problems(text, str(error))
        _text_area()
        _download(experiment.name if experiment else "experiment")
        _upload()
    return experiment


def _discard() -> None:
    st.session_state[EDITED] = False


def _text_area() -> None:
    st.text_area("Description (YAML)", height=420, key=TEXT, on_change=_edited, persist_state="page")


def _edited() -> None:
    st.session_state[EDITED] = True


def _download(name: str) -> None:
    download(st.session_state[TEXT], name, kind="yaml", help_="Download this text as an experiment file")


def _upload() -> None:
    st.file_uploader(
        f"Or import a file (.yaml, up to {MAX_BYTES // 1024} kB)", type=["yaml", "yml"], key=FILE,
        max_upload_size=1, on_change=_uploaded,
    )  # fmt: skip
    if problem := st.session_state.get(FILE_PROBLEM):
        st.error(problem, icon=":material/error:")


def _uploaded() -> None:
    file = st.session_state[FILE]
    st.session_state[FILE_PROBLEM] = None
    if file is None:
        return
    if file.size > MAX_BYTES:
        st.session_state[FILE_PROBLEM] = (
            f"{plain(file.name)} is larger than the {MAX_BYTES:,} bytes an experiment file may have"
        )
        return
    try:
        take_text(file.getvalue().decode("utf-8-sig"))
    except UnicodeDecodeError:
        st.session_state[FILE_PROBLEM] = f"{plain(file.name)} is not UTF-8; save it in that encoding"


def _problems(text: str, message: str) -> None:
    """Each problem with the line it is on: a text area shows no numbers."""
    lines = text.splitlines()
    for problem in message.splitlines():
        match = PROBLEM.fullmatch(problem)
        if match is None:
            st.error(plain(problem), icon=":material/error:")
            continue
        number = int(match.group(1))
        quoted = lines[number - 1].strip() if number <= len(lines) else ""
        where = f"**Line {number}**" + (f" &nbsp; {as_code(quoted)}" if quoted else "")
        st.error(f"{where}  \n{plain(match.group(2))}", icon=":material/error:")
