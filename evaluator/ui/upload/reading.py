"""How the files are read: which table is the corpus, the queries, the judgments, and which columns mean what."""

from __future__ import annotations

import dataclasses

import streamlit as st

from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading
from evaluator.datasets.recognition.recognise import Recognised, TableInfo
from evaluator.datasets.recognition.stored_tables import CORPUS, QUERIES
from evaluator.datasets.recognition.unused import with_ignored
from evaluator.ui.shell.identity import keyed
from evaluator.ui.upload.choosers import (
    card,
    choose_column,
    choose_columns,
    choose_several,
    choose_table,
    preview,
    suggested,
)
from evaluator.ui.upload.judgments import choose_judgments


def assemble(
    recognised: Recognised,
    start: Reading | None,
    corpus: CorpusPart,
    queries: QueriesPart | None,
    qrels: QrelsPart | None,
) -> Reading:
    """The reading of chosen parts, with everything else as it was at the start.

    A table that is now a part is no run any more, and a file that no part needs is ignored.
    """
    if start is None:
        return with_ignored(recognised, Reading(corpus, queries, qrels))
    used = {part.table for part in (corpus, queries, qrels) if part is not None}
    runs = tuple(run for run in start.runs if run.table not in used)
    chosen = dataclasses.replace(start, corpus=corpus, queries=queries, qrels=qrels, runs=runs)
    return start if chosen == start else with_ignored(recognised, chosen)


def edit_reading(recognised: Recognised, reading: Reading | None, upload: str) -> Reading | None:
    """Draw what was recognised, as choosers.

    Args:
        reading: shown at first.
        upload: id of the upload; each has its own choices.

    Returns:
        The chosen reading; None while a choice is missing, which the choosers then show.
    """
    if recognised.adds:
        st.caption(":material/database: The documents are those of the dataset.")
        corpus: CorpusPart | None = CORPUS
    else:
        corpus = _corpus(upload, recognised, None if reading is None else reading.corpus)
    has_queries, queries = _queries(upload, recognised, reading)
    if not has_queries:
        return None if corpus is None else assemble(recognised, reading, corpus, None, None)
    complete, qrels = choose_judgments(
        upload, recognised, None if reading is None else reading.qrels, corpus, queries
    )
    if corpus is None or queries is None or not complete:
        return None
    return assemble(recognised, reading, corpus, queries, qrels)


def _corpus(upload: str, recognised: Recognised, start: CorpusPart | None) -> CorpusPart | None:
    with card("Documents", "The corpus: what is searched."):
        info = choose_table(upload, recognised, "corpus", start)
        if info is None:
            return None
        left, middle, right = st.columns(3)
        with left:
            id_ = choose_column(upload, info, "corpus", "id", start)
        with middle:
            title = choose_column(upload, info, "corpus", "title", start)
        with right:
            texts = choose_several(
                upload,
                info,
                "corpus",
                "text",
                suggested(info, start, "text"),
                help_="Several columns are joined by a blank line.",
            )
        apart = _apart(upload, info, start, texts) if id_ is None else ()
        part = CorpusPart(info.table, texts, id_, title, apart)
        preview(info, part)
        return part if texts else None


def _apart(upload: str, info: TableInfo, start: CorpusPart | None, texts: tuple[str, ...]) -> tuple[str, ...]:
    suggestion = suggested(info, start, "apart")
    with st.expander("More document columns", expanded=bool(suggestion)):
        return choose_several(
            upload,
            info,
            "corpus",
            "apart",
            suggestion,
            help_="Each cell is one more document, such as a passage that does not answer the query.",
            without=texts,
        )


def _queries(upload: str, recognised: Recognised, reading: Reading | None) -> tuple[bool, QueriesPart | None]:
    """Draw the choosers. Gives whether there are to be queries, and the part; None while a choice is missing."""
    with card("Queries", "The questions that people ask."):
        if not recognised.adds:
            shown = reading is None or reading.queries is not None
            if not st.toggle("My data has queries", shown, key=keyed("queries-present", upload, shown)):
                st.caption("The documents are stored alone; queries can be added later.")
                return False, None
        return True, _queries_part(upload, recognised, None if reading is None else reading.queries)


def _queries_part(upload: str, recognised: Recognised, start: QueriesPart | None) -> QueriesPart | None:
    info = choose_table(upload, recognised, "queries", start)
    if info is None:
        return None
    if info.table == QUERIES.table:
        st.caption("The queries that the dataset has; judgments are added.")
        return QUERIES
    chosen = choose_columns(upload, info, "queries", start, required=("text",))
    if chosen["text"] is None:
        preview(info, None)
        return None
    suggestion = suggested(info, start, "exclude")
    with st.expander("Documents to exclude", expanded=bool(suggestion)):
        exclude = choose_several(
            upload,
            info,
            "queries",
            "exclude",
            suggestion,
            help_="Columns of ids of documents that are left out of this query's lists.",
        )
    part = QueriesPart(info.table, chosen["text"], chosen["id"], chosen["tags"], exclude)
    preview(info, part)
    return part
