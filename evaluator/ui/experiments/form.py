"""Define an experiment in the browser: a form and a text show and edit the same description, its plan beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import streamlit as st

from evaluator.domain.experiment import Experiment
from evaluator.domain.printable import as_code
from evaluator.errors import ExperimentFileError
from evaluator.experiments.overview import experiment_yaml
from evaluator.experiments.presets import PRESETS, QUICK_LOOK, Preset
from evaluator.experiments.yaml_nodes import MAX_BYTES
from evaluator.library import catalog
from evaluator.ui.experiments.addition import reset
from evaluator.ui.experiments.cards import show_addition
from evaluator.ui.experiments.fields import (
    BEGUN,
    PROBLEM,
    REFUSED,
    TEXT,
    VALID,
    edit,
    key,
    read_text,
    take,
    take_text,
)
from evaluator.ui.experiments.plan import show_no_plan, show_plan
from evaluator.ui.experiments.settings import show_measures, show_settings
from evaluator.ui.experiments.variants import show_variants
from evaluator.ui.glossary import meaning
from evaluator.ui.shell.choosers import named_experiment
from evaluator.ui.shell.downloads import download
from evaluator.ui.shell.links import UPLOAD, link
from evaluator.ui.shell.live import live
from evaluator.ui.shell.words import count, plain
from evaluator.workspace.workspace import Workspace

FORM, AS_TEXT = "Form", "As text"
FILE, FILE_PROBLEM = "new-upload", "new-upload-problem"


def new_experiment(workspace: Workspace, template: str) -> None:
    """Draw the form.

    Args:
        template: an experiment's id or name to begin with; empty begins with a preset.

    Raises:
        UnknownNameError: the template is unknown.
    """
    st.title("New experiment", anchor=False)
    rows = sorted(catalog.all_datasets(workspace), key=lambda row: not row.manifest.n_queries)
    names = [row.name for row in rows]
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
    """Describe an experiment when the form is opened, and when it is opened with another template."""
    if st.session_state.get(BEGUN) == template and TEXT in st.session_state:
        return
    st.session_state[BEGUN] = template
    reset()
    if template:
        take_text(experiment_yaml(named_experiment(workspace, template)))
    else:
        take(QUICK_LOOK.on(names[0]))


def _form(workspace: Workspace, names: Sequence[str]) -> None:
    _presets(names)
    choosing, planning = st.columns([3, 2], gap="large")
    try:
        experiment, mistakes = read_text(), ""
    except ExperimentFileError as error:
        experiment, mistakes = None, str(error)
    with choosing:
        by_form, as_text = st.tabs([FORM, AS_TEXT])
        with by_form:
            if experiment is None:
                _unreadable()
            else:
                _fields(workspace, names, experiment)
        with as_text:
            _text(experiment, mistakes)
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
    chosen = str(st.session_state.get(key("dataset"), ""))
    take(preset.on(chosen if chosen in names else names[0]))


# --- the form ---


def _fields(workspace: Workspace, names: Sequence[str], experiment: Experiment) -> None:
    """Draw the description's parts as fields."""
    if refused := st.session_state[REFUSED]:
        st.error(f"Not changed: {plain(refused)}", icon=":material/error:")
    st.session_state[key("dataset")], st.session_state[key("name")] = experiment.dataset, experiment.name
    left, right = st.columns(2)
    with left:
        datasets = list(dict.fromkeys((*names, experiment.dataset)))
        st.selectbox(
            "Dataset",
            datasets,
            key=key("dataset"),
            on_change=_set,
            args=("dataset",),
            help=meaning("dataset"),
        )
    with right:
        st.text_input("Name", key=key("name"), max_chars=120, on_change=_set, args=("name",))
    st.subheader(count(len(experiment.variants), "variant"), anchor=False, help=meaning("variant"))
    show_variants(experiment)
    with st.expander("Add variants", icon=":material/add:", key="new-addition"):
        servers = [(allowed.base_url, allowed.key) for allowed in workspace.settings.endpoints]
        show_addition(experiment, servers)
    with st.expander("Settings of the variants", icon=":material/tune:"):
        show_settings(experiment)
    with st.expander("Measures, jobs and budget", icon=":material/straighten:"):
        show_measures(experiment)


def _set(field: str) -> None:
    value = st.session_state[key(field)].strip()
    edit(lambda experiment: dataclasses.replace(experiment, **{field: value}))


def _unreadable() -> None:
    st.info("The text has mistakes, so the form cannot show it.", icon=":material/edit_note:")
    if valid := st.session_state.get(VALID):
        st.button("Undo the mistakes", on_click=take_text, args=(valid,))


# --- the text ---


def _text(experiment: Experiment | None, mistakes: str) -> None:
    """Draw the description as text, and what is wrong with it."""
    st.caption(
        "The experiment as its file. An edit in the form writes this text anew: a matrix as its variants, and without "
        "comments."
    )
    _show_mistakes(st.session_state[TEXT], mistakes)
    st.text_area("Description (YAML)", height=420, key=TEXT, on_change=_edited, persist_state="page")
    download(
        st.session_state[TEXT],
        experiment.name if experiment else "experiment",
        kind="yaml",
        help_="Download this text as an experiment file",
    )
    _upload()


def _edited() -> None:
    st.session_state[REFUSED] = ""


def _upload() -> None:
    st.file_uploader(
        f"Or import a file (.yaml, up to {MAX_BYTES // 1024} kB)",
        type=["yaml", "yml"],
        key=FILE,
        max_upload_size=1,
        on_change=_uploaded,
    )
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


def _show_mistakes(text: str, mistakes: str) -> None:
    """Draw each mistake with the line it is on: a text area shows no numbers."""
    lines = text.splitlines()
    for problem in mistakes.splitlines():
        match = PROBLEM.fullmatch(problem)
        if match is None:
            st.error(plain(problem), icon=":material/error:")
            continue
        number = int(match.group(1))
        quoted = lines[number - 1].strip() if number <= len(lines) else ""
        where = f"**Line {number}**" + (f" &nbsp; {as_code(quoted)}" if quoted else "")
        st.error(f"{where}  \n{plain(match.group(2))}", icon=":material/error:")
