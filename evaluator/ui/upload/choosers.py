"""Choosers of tables and columns, and the preview of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd
import streamlit as st

from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Table
from evaluator.datasets.recognition.recognise import Recognised, TableInfo
from evaluator.datasets.recognition.stored_tables import QUERIES, is_stored
from evaluator.ui.shell.identity import keyed, told_apart
from evaluator.ui.shell.words import plain

Role = Literal["corpus", "queries", "qrels"]
Part = CorpusPart | QueriesPart | QrelsPart
ROLES: Mapping[type[Part], Role] = {CorpusPart: "corpus", QueriesPart: "queries", QrelsPart: "qrels"}
MEANINGS: Mapping[Role, Mapping[str, str]] = {
    "corpus": {"id": "Document id", "title": "Title", "text": "Text", "apart": "Documents of their own"},
    "queries": {"id": "Query id", "text": "Query text", "tags": "Tags", "exclude": "Excluded documents"},
    "qrels": {
        "query": "Query", "document": "Document", "grade": "Grade", "negative": "Irrelevant documents",
    },
}  # fmt: skip
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
SHARDS_NAMED = 5


def as_columns(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """The columns in a field of a part."""
    return (value,) if isinstance(value, str) else value or ()


def meanings(part: Part) -> dict[str, str]:
    """What each column that a part uses means, in words."""
    words_by_column: dict[str, str] = {}
    for field, words in MEANINGS[ROLES[type(part)]].items():
        for column in as_columns(getattr(part, field)):
            words_by_column[column] = (
                f"{words_by_column[column]}, {words}" if column in words_by_column else words
            )
    return words_by_column


def suggested(info: TableInfo, guess: Part | None, field: str) -> tuple[str, ...]:
    """The columns that the guess takes for a meaning.

    In the table of the guess, all columns, also those that the first rows lack; in another table, those that it has.
    """
    columns = as_columns(getattr(guess, field, None))
    if guess is not None and guess.table == info.table:
        return columns
    return tuple(column for column in columns if column in info.columns)


def card(title: str, meaning: str) -> st.delta_generator.DeltaGenerator:
    """A box for a part of the dataset."""
    box = st.container(border=True)
    box.subheader(title, anchor=False)
    box.caption(meaning)
    return box


def choose_table(upload: str, recognised: Recognised, role: Role, start: Part | None) -> TableInfo | None:
    """Draw the chooser of a part's table; the files of a table that has several are named."""
    tables = {info.table: info for info in recognised.tables if _may_be(role, recognised, info.table)}
    order = list(tables)
    suggestion = start.table if start is not None and start.table in tables else None
    chosen = st.selectbox(
        "Read from",
        order,
        index=None if suggestion is None else order.index(suggestion),
        format_func=told_apart(order, _table_words),
        placeholder="Choose a table",
        key=keyed(f"{role}-table", upload, suggestion and str(suggestion)),
    )
    if chosen is None:
        return None
    if chosen.more:
        named = ", ".join(map(plain, chosen.files[:SHARDS_NAMED]))
        more = f" and {len(chosen.files) - SHARDS_NAMED:,} more" if len(chosen.files) > SHARDS_NAMED else ""
        st.caption(f"{len(chosen.files):,} files read as one table: {named}{more}.")
    return tables[chosen]


def _may_be(role: Role, recognised: Recognised, table: Table) -> bool:
    """Whether a table may be a part: of the dataset that files add to, only the queries are chosen again."""
    return not (recognised.adds and is_stored(table.file)) or (role, table) == ("queries", QUERIES.table)


def _table_words(table: Table) -> str:
    if table == QUERIES.table:
        return "the dataset's own queries"
    if table.kind == "texts":
        return "one document per file" if table.file == "." else f"{table.file}/, one document per file"
    return str(table)


def choose_columns(
    upload: str, info: TableInfo, role: Role, start: Part | None, required: Sequence[str]
) -> dict[str, str | None]:
    """Draw a part's first three meanings side by side, a column for each."""
    chosen: dict[str, str | None] = {}
    for column, field in zip(st.columns(3), MEANINGS[role], strict=False):
        with column:
            chosen[field] = choose_column(upload, info, role, field, start, required=field in required)
    return chosen


def choose_column(
    upload: str, info: TableInfo, role: Role, field: str, start: Part | None, *, required: bool = False
) -> str | None:
    """Draw the chooser of the column that has a meaning; of several suggested ones, the first.

    A chooser belongs to its suggestion: an answer that changes the suggestion begins anew.
    """
    suggestion = suggested(info, start, field)
    options = list(dict.fromkeys((*([] if required else [NO_COLUMN]), *info.columns, *suggestion)))

    def words(column: str) -> str:
        return WITHOUT[field] if column == NO_COLUMN else _column_words(column, info)

    chosen = st.selectbox(
        MEANINGS[role][field],
        options,
        index=options.index(suggestion[0]) if suggestion else None if required else 0,
        format_func=told_apart(options, words),
        placeholder="Choose a column",
        key=keyed(f"{role}-{field}", upload, info.table, suggestion[:1]),
    )
    return chosen or None


def choose_several(
    upload: str,
    info: TableInfo,
    role: Role,
    field: str,
    suggestion: Sequence[str],
    *,
    label: str | None = None,
    help_: str | None = None,
    without: Sequence[str] = (),
) -> tuple[str, ...]:
    """Draw the chooser of several columns with the same meaning.

    Args:
        label: the field's meaning by default.
        without: columns that are chosen elsewhere.
    """
    options = [column for column in dict.fromkeys((*info.columns, *suggestion)) if column not in without]
    shown = [column for column in suggestion if column in options]
    return tuple(
        st.multiselect(
            label or MEANINGS[role][field],
            options,
            shown,
            format_func=told_apart(options, lambda column: _column_words(column, info)),
            key=keyed(f"{role}-{field}", upload, info.table, shown, options),
            placeholder="Choose columns",
            help=help_,
        )
    )


def _column_words(column: str, info: TableInfo) -> str:
    return column if column in info.columns else f"{column}, where there is one"


def preview(info: TableInfo, part: Part | None) -> None:
    """Draw the first rows, the columns that are used before the others, each with its meaning."""
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
    if info.defects:
        st.markdown(":material/error: Some of the first rows cannot be read:")
        st.code("\n".join(info.defects), language=None, wrap_lines=True)
