"""Define an experiment in the browser: its file's text, checked as the command line checks it."""

from __future__ import annotations

import re

import streamlit as st
import yaml

from evaluator.datasets.stdlib import DEMO_DATASET
from evaluator.errors import ExperimentFileError
from evaluator.services import datasets, experiments
from evaluator.services.experiment_file import parse_experiment
from evaluator.services.overview import experiment_yaml
from evaluator.services.workspace import Workspace
from evaluator.ui.start import start
from evaluator.ui.words import plain

EXAMPLE = """\
name: first-look
{dataset}
measures: [nDCG@10, RR@10, R@100]
variants:
  - name: bm25
    retrieve: {{bm25: {{stemmer: english}}}}
  - name: minilm
    retrieve: {{dense: {{encoder: sentence-transformers/all-MiniLM-L6-v2}}}}
  - name: hybrid
    retrieve: {{fuse: {{of: [bm25, minilm], method: rrf, k: 60}}}}
"""

SOURCE = "line"
"""What messages call the text, so that they begin with `line:<number>: `."""
PROBLEM = re.compile(rf"{SOURCE}:(\d+): (.*)")


def new_experiment(workspace: Workspace, template: str) -> None:
    """Draw the form.

    Args:
        template: an experiment's id or name to begin with; empty begins with the example.

    Raises:
        UnknownNameError: the template is unknown.
    """
    st.title("New experiment", anchor=False)
    names = [row.name for row in datasets.all_datasets(workspace)] or [DEMO_DATASET]
    st.markdown(
        f"One dataset, several variants, some measures. Datasets here: {', '.join(f'`{n}`' for n in names)}. "
        "The same description always continues the same experiment: nothing is evaluated twice."
    )
    if template:
        text = experiment_yaml(experiments.find(workspace, template))
    else:
        text = EXAMPLE.format(dataset=_yaml_line("dataset", names[0]))
    with st.form("experiment", border=False):
        written = st.text_area(
            "Description (YAML)",
            text,
            height=320,
            key=f"description-{template}",
        )
        if st.form_submit_button("Start", type="primary", icon=":material/play_arrow:"):
            _start(workspace, written or "")


def _start(workspace: Workspace, text: str) -> None:
    try:
        experiment = parse_experiment(text, SOURCE)
    except ExperimentFileError as error:
        _problems(text, str(error))
        return
    start(workspace, experiment)


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
        where = f"**Line {number}**" + (f" &nbsp; `{quoted}`" if quoted and "`" not in quoted else "")
        st.error(f"{where}  \n{plain(match.group(2))}", icon=":material/error:")


def _yaml_line(key: str, value: str) -> str:
    return str(yaml.safe_dump({key: value}, allow_unicode=True)).strip()
