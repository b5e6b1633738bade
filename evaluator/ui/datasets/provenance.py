"""Where a dataset comes from: its files with their hashes, how they were read, and what was left out."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from evaluator.domain.records import DatasetRow
from evaluator.library import catalog
from evaluator.library.provenance import FILE_COLUMNS, UNKNOWN, files_shown, sentences
from evaluator.ui.shell.words import plain
from evaluator.workspace.workspace import Workspace


def show_provenance(workspace: Workspace, row: DatasetRow) -> None:
    """Draw the provenance of the newest version for which it is recorded."""
    st.subheader("Where it comes from", anchor=False)
    found = catalog.provenance(workspace, row)
    if found is None:
        st.caption(UNKNOWN)
        return
    version, provenance = found
    for sentence in sentences(version, provenance):
        st.markdown(plain(sentence))
    shown, others = files_shown(provenance)
    files = [(file.name, file.bytes, file.sha256) for file in shown]
    st.dataframe(
        pd.DataFrame(files, columns=list(FILE_COLUMNS)), hide_index=True, alt="Files that were imported"
    )
    if others:
        st.caption(f"And {others:,} more.")
