"""Buttons and links that download: tables, the report, figures, results as files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from urllib.parse import quote, urlencode

import streamlit as st

from evaluator.domain.printable import file_name
from evaluator.domain.records import ExperimentRow
from evaluator.ui.shell.words import plain

FORMATS = {
    "duckdb": ("All data (DuckDB)", ":material/database:"),
    "trec": ("Runs and judgments, for trec_eval (zip)", ":material/folder_zip:"),
    "csv": ("Scores of every query (CSV)", ":material/table:"),
    "parquet": ("Scores of every query (Parquet)", ":material/table:"),
}
"""Labels and icons of the exports, by format."""
Kind = Literal["csv", "parquet", "yaml"]
"""Of a file that a page itself makes; also its ending."""
KINDS: dict[Kind, tuple[str, str]] = {
    "csv": ("CSV", "text/csv"),
    "parquet": ("Parquet", "application/vnd.apache.parquet"),
    "yaml": ("YAML", "application/yaml"),
}
"""Labels and media types."""


def download(
    content: str | bytes | Callable[[], str], *name: str, kind: Kind = "csv", help_: str | None = None
) -> None:
    """Draw a button that downloads a file.

    Args:
        content: of the file; a function is called when the button is pressed.
        name: parts of the file's name.
        kind: of the file.
        help_: what is downloaded.
    """
    label, media_type = KINDS[kind]
    st.download_button(
        label,
        content,
        file_name=file_name(*name, ending=kind),
        mime=media_type,
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help=help_,
    )


def export_popover(
    experiment: ExperimentRow,
    measure: str | None = None,
    baseline: str | None = None,
    by_link: Callable[[], None] | None = None,
) -> None:
    """Draw a button that leads to an experiment's report and its files.

    Args:
        by_link: draws how to share it by a link.
    """
    query = {"measure": measure, "baseline": baseline}
    with st.popover("Share", icon=":material/ios_share:", type="tertiary"):
        st.markdown(f"Share **{plain(experiment.name)}**. The report is one self-contained HTML file.")
        page = address(experiment, "report", look="1", **query)
        st.link_button("Read the report", page, icon=":material/description:", width="stretch")
        file = address(experiment, "report", **query)
        st.link_button("Download the report", file, icon=":material/download:", width="stretch")
        for format_, (label, icon) in FORMATS.items():
            st.link_button(label, address(experiment, f"export/{format_}"), icon=icon, width="stretch")
        if by_link is not None:
            by_link()


def figure_links(experiment: ExperimentRow, name: str, **query: str | None) -> str:
    """Markdown links to a figure as files, for the caption below its chart."""
    links = (
        f"[{kind.upper()}]({address(experiment, f'figures/{name}.{kind}', **query)})"
        for kind in ("svg", "png")
    )
    return "Save as " + " or ".join(links)


def address(experiment: ExperimentRow, path: str, **query: str | None) -> str:
    """The REST API's address of a part of an experiment, such as `report`, without query parameters that are None."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"api/experiments/{experiment.id}/{path}" + (
        f"?{urlencode(given, quote_via=quote)}" if given else ""
    )
