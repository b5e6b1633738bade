"""One query's judgments, to be edited; saving them makes a new version of the dataset."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.printable import as_code
from evaluator.domain.records import DatasetRow
from evaluator.errors import InvalidInputError
from evaluator.judging import judgments
from evaluator.judging.judgments import Changes
from evaluator.library import catalog
from evaluator.library.browsing import JudgedQuery, judged_query
from evaluator.library.catalog import MAX_NOTE
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import count, plain
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace

SAVED = "judgments-saved"
"""Key of what the page says once after saving."""
NO_DOCUMENT = "not in the corpus"


def show_judgments_of(workspace: Workspace, row: DatasetRow, query_id: str) -> None:
    """Draw a query and the editor.

    Raises:
        UnknownNameError: there is no query of that id.
    """
    query_judgments = judged_query(catalog.load(workspace, row), query_id)
    st.markdown(as_code(query_id))
    st.text(query_judgments.query.text)
    if message := st.session_state.pop(SAVED, None):
        st.success(message, icon=":material/check:")
    if not may(Action.EDIT):
        st.dataframe(judged_table(query_judgments), hide_index=True)
        return
    shown = (row.name, row.manifest.fingerprint, query_id)  # a new version resets the editor
    edited = st.data_editor(
        judged_table(query_judgments),
        hide_index=True,
        num_rows="dynamic",
        disabled=["title"],
        column_order=["doc_id", "grade", "title"],  # a title may be long, and a window narrow
        key=keyed("judgments-table", *shown),
        alt=f"Judgments of the query {query_id}",
        column_config={
            "doc_id": st.column_config.TextColumn("Document", required=True),
            "title": st.column_config.TextColumn("Title"),
            "grade": st.column_config.NumberColumn(
                "Grade",
                width="small",
                required=True,
                step=1,
                default=1,
                help="1 and more is relevant, 0 is not.",
            ),
        },
    )
    st.caption(
        "Add a row with a document's id, change a grade, or delete a row. Ids are on the Documents tab."
    )
    note = st.text_input(
        "Why",
        max_chars=MAX_NOTE,
        placeholder="Kept with the version; may stay empty",
        key=keyed("why", *shown),
    )
    with explained():
        changes = changed(query_id, grades_of(query_judgments), edited)
        if st.button(f"Save as version {row.version + 1}", type="primary", disabled=not changes):
            _save(workspace, row, changes, note or "")


def judged_table(query_judgments: JudgedQuery) -> pd.DataFrame:
    """A query's judgments. Columns: doc_id, title, grade."""
    rows = [
        (judged.doc_id, judged.document.title if judged.document else NO_DOCUMENT, judged.grade)
        for judged in query_judgments.judged
    ]
    return pd.DataFrame(rows, columns=["doc_id", "title", "grade"]).astype(
        {"doc_id": "string", "title": "string", "grade": "Int64"}
    )


def grades_of(query_judgments: JudgedQuery) -> dict[str, int]:
    """Grades by document id."""
    return {judged.doc_id: judged.grade for judged in query_judgments.judged}


def changed(query_id: str, before: Mapping[str, int], edited: pd.DataFrame) -> Changes:
    """The changes that an edited table makes.

    Args:
        before: grades by document id.
        edited: the table, with the columns `doc_id` and `grade`; rows that are not filled in yet are passed over.

    Raises:
        InvalidInputError: a document is there twice.
    """
    after: dict[str, int] = {}
    for doc_id, grade in edited[["doc_id", "grade"]].dropna().itertuples(index=False):
        if (named := str(doc_id).strip()) in after:
            raise InvalidInputError(f"the document {named!r} is listed twice; delete one of the rows")
        if named:
            after[named] = int(grade)
    pairs = dict.fromkeys((*before, *after))
    return {
        (query_id, doc_id): after.get(doc_id) for doc_id in pairs if before.get(doc_id) != after.get(doc_id)
    }


def _save(workspace: Workspace, row: DatasetRow, changes: Changes, note: str) -> None:
    with st.spinner("Saving, and rescoring experiments ..."):
        saved = judgments.edit(workspace, row.id, changes, note)
    rescored = [
        experiment
        for experiment in catalog.used_by(workspace, row.id)
        if experiment.spec.dataset == saved.manifest.fingerprint
    ]
    st.session_state[SAVED] = (
        f"This is version {saved.version} of {plain(row.name)} now. "
        + (f"Rescored: {count(len(rescored), 'experiment')}. " if rescored else "")
        + "Nothing had to be encoded or retrieved again."
    )
    st.rerun()
