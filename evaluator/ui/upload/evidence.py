"""What a chosen reading amounts to before everything is read: what is found, and what takes no part."""

from __future__ import annotations

import streamlit as st

from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.fit import Found, fit
from evaluator.datasets.recognition.recognise import Recognised
from evaluator.datasets.recognition.unused import unused
from evaluator.ui.shell.words import plain, queries

REASONS_SHOWN = 100
"""Files, sheets and columns that are listed; the rest is counted."""


def show_fit(recognised: Recognised, reading: Reading) -> None:
    """Say how many of the queries and documents that the first judgments name are found; nothing if not known."""
    found = fit(recognised.compared, reading)
    lost = [
        words
        for words in (
            _lost(found.queries, "queries", "query"),
            _lost(found.documents, "documents", "document"),
        )
        if words
    ]
    if any(each is not None and each.of and not each.found for each in (found.queries, found.documents)):
        st.error(
            f"{' '.join(lost)} All judgments would be lost. Choose another column, or by id or by text.",
            icon=":material/link_off:",
        )
    elif lost:
        st.warning(" ".join(lost), icon=":material/link_off:")
    elif found.queries is not None and found.documents is not None:
        st.caption(
            f":material/check: The {queries(found.queries.of)} and {_documents(found.documents.of)} named in the first "
            "rows of the judgments are found."
        )


def _documents(number: int) -> str:
    return f"{number:,} document{'' if number == 1 else 's'}"


def _lost(found: Found | None, nouns: str, noun: str) -> str:
    """The sentence on those that are not found; empty if all are, or if it is not known."""
    if found is None or found.found == found.of:
        return ""
    return f"{found.found:,} of {found.of:,} {nouns if found.of != 1 else noun} named in judgments are found."


def show_unused(recognised: Recognised, reading: Reading) -> None:
    """List the files, sheets and columns that take no part, with the reasons; and the runs that came along."""
    if reading.runs:
        st.caption(f"Runs that came along: {', '.join(plain(str(run.table)) for run in reading.runs)}.")
    found = unused(recognised, reading)
    if not found:
        return
    with st.expander(f"Not used ({len(found):,})", icon=":material/visibility_off:"):
        st.markdown(
            "\n".join(f"- **{plain(item.place)}**: {plain(item.reason)}" for item in found[:REASONS_SHOWN])
        )
        if len(found) > REASONS_SHOWN:
            st.caption(f"and {len(found) - REASONS_SHOWN:,} more")
