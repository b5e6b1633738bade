"""How the files are read: which table is the corpus, the queries, the judgments, and which columns mean what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd
import streamlit as st

from evaluator.datasets.formats.detected import in_words
from evaluator.datasets.reading import CorpusPart, MeantBy, QrelsPart, QueriesPart, Reading, Table
from evaluator.datasets.recognition.recognise import Recognised, TableInfo
from evaluator.ui.shell.identity import keyed, told_apart

Role = Literal["corpus", "queries", "qrels"]
Part = CorpusPart | QueriesPart | QrelsPart
ROLES: Mapping[type[Part], Role] = {CorpusPart: "corpus", QueriesPart: "queries", QrelsPart: "qrels"}
MEANINGS: Mapping[Role, Mapping[str, str]] = {
    "corpus": {"id": "Document id", "title": "Title", "text": "Text"},
    "queries": {"id": "Query id", "text": "Query text", "tags": "Tags"},
    "qrels": {"query": "Query", "document": "Document", "grade": "Grade"},
}
"""Labels of the meanings that a column can have, by role."""
WITHOUT = {
    "title": "no title",
    "id": "made from the text",
    "tags": "no tags",
    "grade": "1 for all",
}
"""What a meaning without a column stands for."""
NO_COLUMN = ""
"""Stands for no column in choosers: every column has a name."""
BY: Mapping[MeantBy, str] = {"id": "id", "text": "text"}


def assemble(
    recognised: Recognised, corpus: CorpusPart, queries: QueriesPart, qrels: QrelsPart | None
) -> Reading:
    """The reading of chosen parts. The guess itself if nothing was changed; a file that no part needs is ignored."""
    guess = recognised.reading
    if guess is not None and (guess.corpus, guess.queries, guess.qrels) == (corpus, queries, qrels):
        return guess
    used = {part.table for part in (corpus, queries, qrels) if part is not None}
    runs = () if guess is None else tuple(run for run in guess.runs if run.table not in used)
    named = {file for table in (*used, *(run.table for run in runs)) for file in table.files}
    unused = [info.table.file for info in recognised.tables if info.table.file not in named]
    before = [] if guess is None else [file for file in guess.ignored if file not in named]
    return Reading(corpus, queries, qrels, runs=runs, ignored=tuple(dict.fromkeys((*before, *unused))))


def meanings(part: Part) -> dict[str, str]:
    """What each column that a part uses means, in words."""
    words_by_column: dict[str, str] = {}
    for field, words in MEANINGS[ROLES[type(part)]].items():
        value = getattr(part, field)
        for column in (value,) if isinstance(value, str) else value or ():
            words_by_column[column] = (
                f"{words_by_column[column]}, {words}" if column in words_by_column else words
            )
    return words_by_column


def suggested(info: TableInfo, guess: Part | None, field: str) -> tuple[str, ...]:
    """The columns that the guess takes for a meaning.

    In the table of the guess, all columns, also those that the first rows lack; in another table, those that it has.
    """
    value = getattr(guess, field, None) or ()
    columns = (value,) if isinstance(value, str) else tuple(value)
    if guess is not None and guess.table == info.table:
        return columns
    return tuple(column for column in columns if column in info.columns)


def edit_reading(recognised: Recognised, reading: Reading | None, upload: str) -> Reading | None:
    """Draw what was recognised, as choosers.

    Args:
        reading: shown at first.
        upload: id of the upload; each has its own choices.

    Returns:
        The chosen reading; None while a choice is missing, which the choosers then show.
    """
    corpus = _corpus(upload, recognised, None if reading is None else reading.corpus)
    queries = _queries(upload, recognised, None if reading is None else reading.queries)
    complete, qrels = _qrels(upload, recognised, reading)
    if corpus is None or queries is None or not complete:
        return None
    return assemble(recognised, corpus, queries, qrels)


def _corpus(upload: str, recognised: Recognised, start: CorpusPart | None) -> CorpusPart | None:
    with _card("Documents", "The corpus: what is searched."):
        info = _choose_table(upload, recognised, "corpus", start)
        if info is None:
            return None
        left, middle, right = st.columns(3)
        with left:
            id_ = _choose_column(upload, info, "corpus", "id", start)
        with middle:
            title = _choose_column(upload, info, "corpus", "title", start)
        with right:
            columns = _choose_texts(upload, info, start)
        part = CorpusPart(info.table, tuple(columns), id_, title)
        _preview(info, part)
        return part if columns else None


def _queries(upload: str, recognised: Recognised, start: QueriesPart | None) -> QueriesPart | None:
    with _card("Queries", "The questions that people ask."):
        info = _choose_table(upload, recognised, "queries", start)
        if info is None:
            return None
        chosen = _choose_columns(upload, info, "queries", start, required=("text",))
        if chosen["text"] is None:
            _preview(info, None)
            return None
        part = QueriesPart(info.table, chosen["text"], chosen["id"], chosen["tags"])
        _preview(info, part)
        return part


def _qrels(upload: str, recognised: Recognised, reading: Reading | None) -> tuple[bool, QrelsPart | None]:
    """Whether the choice is complete, and the part: none is a choice too."""
    start = None if reading is None else reading.qrels
    with _card("Judgments", "The qrels: which documents are relevant to which query."):
        if not st.toggle(
            "My data has relevance judgments", start is not None, key=keyed("qrels-present", upload)
        ):
            st.caption("Retrieval and side-by-side work without them; scores wait until there are some.")
            return True, None
        info = _choose_table(upload, recognised, "qrels", start)
        if info is None:
            return False, None
        chosen = _choose_columns(upload, info, "qrels", start, required=("query", "document"))
        query_by, document_by = _choose_by(upload, info, start)
        if chosen["query"] is None or chosen["document"] is None:
            _preview(info, None)
            return False, None
        grade = None if chosen["grade"] is None else (chosen["grade"],)
        part = QrelsPart(info.table, chosen["query"], (chosen["document"],), grade, query_by, document_by)
        _preview(info, part)
        return True, part


def _card(title: str, meaning: str) -> st.delta_generator.DeltaGenerator:
    card = st.container(border=True)
    card.subheader(title, anchor=False)
    card.caption(meaning)
    return card


def _choose_table(upload: str, recognised: Recognised, role: Role, start: Part | None) -> TableInfo | None:
    tables = {info.table: info for info in recognised.tables}
    order = list(tables)
    chosen = st.selectbox(
        "Read from",
        order,
        index=order.index(start.table) if start is not None and start.table in tables else None,
        format_func=told_apart(order, _table_words),
        placeholder="Choose a table",
        key=keyed(f"{role}-table", upload),
    )
    return None if chosen is None else tables[chosen]


def _table_words(table: Table) -> str:
    if table.kind == "texts":
        folder = "" if table.file == "." else f"{table.file}/, "
        return f"{folder}one document per file{f' ({table.encoding})' if table.encoding else ''}"
    return in_words(table)


def _choose_texts(upload: str, info: TableInfo, start: CorpusPart | None) -> list[str]:
    suggestion = suggested(info, start, "text")
    return st.multiselect(
        MEANINGS["corpus"]["text"],
        list(dict.fromkeys((*info.columns, *suggestion))),
        suggestion,
        key=keyed("corpus-text", upload, info.table),
        placeholder="Choose columns",
        help="Several columns are joined by a blank line.",
    )


def _choose_columns(
    upload: str, info: TableInfo, role: Role, start: Part | None, required: Sequence[str]
) -> dict[str, str | None]:
    chosen: dict[str, str | None] = {}
    for column, field in zip(st.columns(3), MEANINGS[role], strict=True):
        with column:
            chosen[field] = _choose_column(upload, info, role, field, start, required=field in required)
    return chosen


def _choose_column(
    upload: str, info: TableInfo, role: Role, field: str, start: Part | None, *, required: bool = False
) -> str | None:
    suggestion = suggested(info, start, field)
    options = list(dict.fromkeys((*([] if required else [NO_COLUMN]), *info.columns, *suggestion)))

    def words(column: str) -> str:
        if column == NO_COLUMN:
            return WITHOUT[field]
        return column if column in info.columns else f"{column}, where there is one"

    chosen = st.selectbox(
        MEANINGS[role][field],
        options,
        index=options.index(suggestion[0]) if suggestion else None if required else 0,
        format_func=told_apart(options, words),
        placeholder="Choose a column",
        key=keyed(f"{role}-{field}", upload, info.table),
    )
    return chosen or None


def _choose_by(upload: str, info: TableInfo, start: QrelsPart | None) -> tuple[MeantBy, MeantBy]:
    def by(field: str, before: MeantBy) -> MeantBy:
        ways = list(BY)
        return st.radio(
            f"Refers to the {field} by",
            ways,
            index=ways.index(before),
            format_func=lambda value: BY[value],
            horizontal=True,
            key=keyed(f"qrels-{field}-by", upload, info.table),
        )

    query, document, _ = st.columns(3)
    with query:
        query_by = by("query", "id" if start is None else start.query_by)
    with document:
        document_by = by("document", "id" if start is None else start.document_by)
    return query_by, document_by


def _preview(info: TableInfo, part: Part | None) -> None:
    """The first rows, the columns that are used before the others, each with its meaning."""
    used = {} if part is None else meanings(part)
    meant = {column: words for column, words in used.items() if column in info.columns}
    order = [*meant, *(column for column in info.columns if column not in meant)]
    st.dataframe(
        pd.DataFrame(list(info.sample), columns=order),
        hide_index=True,
        placeholder="",
        alt=f"First rows of {info.table}",
        column_config={
            column: st.column_config.TextColumn(f"{meant[column]} ← {column}" if column in meant else column)
            for column in order
        },
    )
