"""Links to what can be taken along: the report, figures, results as files. The server makes them when asked."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import streamlit as st

from evaluator.domain.records import ExperimentRow
from evaluator.ui.shell.words import plain

FORMATS = {
    "duckdb": ("All data (DuckDB)", ":material/database:"),
    "trec": ("Runs and judgments, for trec_eval (zip)", ":material/folder_zip:"),
    "csv": ("Scores of every query (CSV)", ":material/table:"),
    "parquet": ("Scores of every query (Parquet)", ":material/table:"),
}
"""Labels and icons of what can be exported, by format."""


def export_popover(
    experiment: ExperimentRow, measure: str | None = None, baseline: str | None = None
) -> None:
    """Draw a button that leads to an experiment's report and its files."""
    wanted = {"measure": measure, "baseline": baseline}
    with st.popover("Share", icon=":material/ios_share:", type="tertiary"):
        st.markdown(f"Share **{plain(experiment.name)}**. The report is one self-contained HTML file.")
        look = address(experiment, "report", look="1", **wanted)
        st.link_button("Read the report", look, icon=":material/description:", width="stretch")
        saved = address(experiment, "report", **wanted)
        st.link_button("Download the report", saved, icon=":material/download:", width="stretch")
        for format_, (label, icon) in FORMATS.items():
            st.link_button(label, address(experiment, f"export/{format_}"), icon=icon, width="stretch")


def figure_links(experiment: ExperimentRow, name: str, **wanted: str | None) -> str:
    """Markdown links to a figure as files, to stand in the caption below its chart."""
    links = (
        f"[{kind.upper()}]({address(experiment, f'figures/{name}.{kind}', **wanted)})"
        for kind in ("svg", "png")
    )
    return "Save as " + " or ".join(links)


def address(experiment: ExperimentRow, what: str, **wanted: str | None) -> str:
    """The address of something of an experiment's, as the REST API has it."""
    given = {name: value for name, value in wanted.items() if value is not None}
    asked = f"?{urlencode(given, quote_via=quote)}" if given else ""
    return f"/api/experiments/{experiment.id}/{what}{asked}"
