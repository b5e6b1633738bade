"""The report as one HTML file: no scripts, no external resources, and all user content is escaped."""

from __future__ import annotations

from functools import cache

import jinja2
from markdown_it import MarkdownIt

from evaluator.analysis.pair_wording import p_words
from evaluator.domain.records import ExperimentRow, Part
from evaluator.domain.teamwork.deeds import Deed, experiment_of
from evaluator.report.contents import Contents, collect
from evaluator.report.figures import theme
from evaluator.workspace.log import note
from evaluator.workspace.workspace import Workspace

NOTHING = "–"
"""Shown for an unknown value."""


def report(
    workspace: Workspace, experiment: ExperimentRow, measure: str | None = None, baseline: str | None = None
) -> str:
    """An experiment's report as HTML, which somebody downloads.

    Args:
        workspace: the workspace.
        experiment: the experiment.
        measure: by default the experiment's first measure.
        baseline: the variant that the others are compared with.

    Raises:
        InvalidInputError, UnknownNameError: as `leaderboard`.
    """
    html = render(collect(workspace, experiment, measure, baseline))
    note(workspace, Deed.REPORTED, experiment.name, experiment_of(experiment.id), project=experiment.project)
    return html


def render(contents: Contents, part: Part = "report") -> str:
    """A report's contents as HTML."""
    return _template().render(
        report=contents, board=contents.board, records=contents.board.records, theme=theme(), part=part
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evaluator.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "score": lambda value: _number(value, ".4f"),
        "signed": lambda value: _number(value, "+.4f"),
        "count": lambda value: _number(value, ",d"),
        "one": lambda value: _number(value, ",.1f"),
        "two": lambda value: _number(value, ",.2f"),
        "p": lambda value: (
            NOTHING if value is None else p_words(value).removeprefix("p = ").removeprefix("p ")
        ),
        "markdown": lambda text: MarkdownIt("js-default").render(text),
    }
    return environment.get_template("report.html")


def _number(value: float | int | None, format_: str) -> str:
    return NOTHING if value is None else format(value, format_)
