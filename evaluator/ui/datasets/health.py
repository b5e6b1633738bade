"""The health report of a dataset: in a sentence, in findings, in small charts, and as a table to download."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise

import pandas as pd
import streamlit as st

from evaluator.charts.scores import count_bars
from evaluator.datasets.findings import Finding, Severity
from evaluator.datasets.health.report import HealthReport, Histogram
from evaluator.domain.printable import csv_text
from evaluator.domain.statistics.power import ASSUMED_DEVIATION, POWER, SIGNIFICANCE
from evaluator.ui.glossary import meaning
from evaluator.ui.shell.badges import Badge, show_badge
from evaluator.ui.shell.downloads import download
from evaluator.ui.shell.figures import Figure, show_figures
from evaluator.ui.shell.theme import ink
from evaluator.ui.shell.words import capital, count, plain

BADGES: Mapping[Severity, Badge] = {
    "blocking": Badge("blocking", "red", ":material/block:"),
    "warning": Badge("warning", "orange", ":material/warning:"),
    "note": Badge("note", "blue", ":material/info:"),
}
"""The order in which findings are shown, too."""
LANGUAGES_SHOWN = 8
NUMBERS = ("part", "name", "value")
"""Columns of the report's numbers."""
FEW_QUERIES = "few-queries"
"""The finding that says which difference can be detected, where it is a large one."""


def show_health(report: HealthReport) -> None:
    """Draw the report."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(verdict(report), anchor=False)
        download(
            csv_text(NUMBERS, numbers(report).itertuples(index=False)),
            "health-report",
            help_="Download the report's numbers",
        )
    show_figures(
        {
            "Documents": Figure(f"{report.n_documents:,}", meaning("document")),
            "Queries": Figure(f"{report.n_queries:,}", meaning("query")),
            "Judgments": Figure(f"{report.n_judgments:,}", meaning("judgment")),
        }
    )
    for severity in BADGES:
        for finding in report.findings:
            if finding.severity == severity:
                _finding(finding)
    for remark in remarks(report):
        st.markdown(remark)
    _charts(report)


def verdict(report: HealthReport) -> str:
    """The report in one line, such as `Ready to use. 3 warnings`, or `Documents alone. 1 warning`."""
    severities = Counter(finding.severity for finding in report.findings)
    warnings = count(severities["warning"], "warning")
    if report.blocking:
        things = count(severities["blocking"], "problem")
        return f"{things} to fix" + (f", {warnings}" if severities["warning"] else "")
    state = "Ready to use" if report.n_queries else "Documents alone"
    return f"{state}. {warnings}" if severities["warning"] else state


def _finding(finding: Finding) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            show_badge(BADGES[finding.severity])
            st.markdown(f"**{capital(finding.message)}**", width="content")
        if finding.consequence:
            st.markdown(f"{capital(finding.consequence)}.")
        if finding.examples:
            with st.expander(_examples_label(finding), expanded=finding.severity == "blocking"):
                st.code("\n".join(finding.examples), language=None, wrap_lines=True)


def _examples_label(finding: Finding) -> str:
    shown = len(finding.examples)
    return f"{shown} of {finding.count:,}" if finding.count > shown else count(shown, "example")


def remarks(report: HealthReport) -> Iterator[str]:
    """What the numbers mean, a sentence each."""
    for cut in report.truncation:
        yield (
            f"**{plain(cut.encoder)}** reads the first {cut.max_length:,} tokens of a document: it would cut off "
            f"{_share(cut.share)} of the {count(cut.sampled, 'document')} that were looked at."
        )
    if report.detectable is not None and all(finding.code != FEW_QUERIES for finding in report.findings):
        yield (
            f"A difference of **{report.detectable:.3f}** or more between two variants can be detected with these "
            f"queries, for a measure between 0 and 1 such as nDCG@10. Assumed: a paired test at the "
            f"{_share(SIGNIFICANCE)} level, {_share(POWER)} power, and differences per query with a standard deviation "
            f"of {ASSUMED_DEVIATION}."
        )


def _share(share: float) -> str:
    """Such as `12 %`; neither none nor all unless it is."""
    if 0 < share < 0.01:
        return "under 1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{share:.0%}".replace("%", " %") if share else "none"


def _charts(report: HealthReport) -> None:
    """Two beside each other; those without values are left out."""
    tables = [(title, table) for title, table in charts(report) if len(table)]
    for start in range(0, len(tables), 2):
        for column, (title, table) in zip(
            st.columns(2, gap="large"), tables[start : start + 2], strict=False
        ):
            label, value = table.columns
            with column:
                st.markdown(f"**{title}**")
                st.altair_chart(
                    count_bars(table, label, value, ink(), format_=".0%" if value == "share" else ",d"),
                    alt=title,
                    width="stretch",
                )


def charts(report: HealthReport) -> Iterator[tuple[str, pd.DataFrame]]:
    """Titles and tables of what is drawn: labels in the first column, numbers in the second."""
    grades = sorted(report.grades.items())
    yield "Grades of the judgments", pd.DataFrame(grades, columns=["grade", "judgments"])
    yield "Judged documents of a query", binned(report.judged_per_query, "judged documents", "queries")
    yield "Length of the documents", binned(report.document_words, "words", "documents")
    yield "Length of the queries", binned(report.query_words, "words", "queries")
    languages = list(report.languages.items())[:LANGUAGES_SHOWN]
    yield "Languages of the documents", pd.DataFrame(languages, columns=["ISO 639 code", "share"])


def binned(histogram: Histogram, label: str, value: str) -> pd.DataFrame:
    """A histogram as a table, from its first value on: `3`, `10–19` or, for the long tail, `40 and more`."""
    edges, tail = histogram.edges, len(histogram.counts) - 1
    width = edges[1] - edges[0] if edges else 0
    names = []
    for number, (low, high) in enumerate(pairwise(edges)):
        if number == tail and high - low > width:
            names.append(f"{low:,} and more")
        else:
            names.append(f"{low:,}" if high - low == 1 else f"{low:,}–{high - 1:,}")
    first = next((number for number, n in enumerate(histogram.counts) if n), 0)
    return pd.DataFrame({label: names[first:], value: histogram.counts[first:]})


def numbers(report: HealthReport) -> pd.DataFrame:
    """All numbers of the report, one per row."""
    rows: list[tuple[str, str, float]] = [
        ("size", "documents", report.n_documents),
        ("size", "queries", report.n_queries),
        ("size", "judgments", report.n_judgments),
        *((finding.severity, finding.code, finding.count) for finding in report.findings),
        *((f"share of {cut.sampled} truncated", cut.encoder, cut.share) for cut in report.truncation),
    ]
    if report.detectable is not None:
        rows.append(("power", "detectable difference", report.detectable))
    for title, table in charts(report):
        rows += [(title, str(label), number) for label, number in table.itertuples(index=False)]
    return pd.DataFrame(rows, columns=NUMBERS)
