"""Choosers of the judgments: which columns name query, document and grade, and what the grades mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, get_args

import streamlit as st

from evaluator.datasets.formats.cells import decimal
from evaluator.datasets.reading import Combine, CorpusPart, MeantBy, QrelsPart, QueriesPart
from evaluator.datasets.recognition.fit import Compared, only_way
from evaluator.datasets.recognition.names import NO_GRADE
from evaluator.datasets.recognition.names import plain as plain_name
from evaluator.datasets.recognition.recognise import Recognised, TableInfo
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.words import plain
from evaluator.ui.upload.choosers import (
    card,
    choose_columns,
    choose_several,
    choose_table,
    preview,
    suggested,
)
from evaluator.ui.upload.grades import edit_grades

BY: Mapping[MeantBy, str] = {"id": "id", "text": "text"}
COMBINED: Mapping[Combine, str] = {
    "majority": "the most frequent grade (of equally frequent ones the lowest)",
    "median": "the median, rounded",
    "mean": "the mean, rounded",
}
REFUSED, SCALED, CUT = (
    "refused: grades are whole numbers",
    "multiplied, and rounded",
    "1 from a value on, else 0",
)

Chosen = tuple[bool, QrelsPart | None]
"""Whether the choice is complete, and the part: none is a choice, too."""


def choose_judgments(
    upload: str,
    recognised: Recognised,
    start: QrelsPart | None,
    corpus: CorpusPart | None,
    queries: QueriesPart | None,
) -> Chosen:
    """Draw the choosers.

    Args:
        start: shown at first.
        corpus, queries: what is chosen there, as far as it is complete.
    """
    with card("Judgments", "The qrels: which documents are relevant to which query."):
        present = st.toggle(
            "My data has relevance judgments",
            start is not None,
            key=keyed("qrels-present", upload, start is not None),
        )
        if not present:
            st.caption("Retrieval and side-by-side work without them; scores wait until there are some.")
            return True, None
        info = choose_table(upload, recognised, "qrels", start)
        if info is None:
            return False, None
        chosen = choose_columns(upload, info, "qrels", start, required=("query", "document"))
        query, document, grade = chosen["query"], chosen["document"], chosen["grade"]
        if query is None or document is None:
            preview(info, None)
            return False, None
        query_by, document_by = _choose_by(
            upload, info, start, query, document, corpus, queries, recognised.compared
        )
        more = _more(upload, info, start, document, grade)
        if grade is None:
            _say_what_could_be_grades(info, {query, document, *more.documents, *more.negative})
        part = None
        if len(more.grades) < 2 or more.combine is not None:
            part = QrelsPart(
                info.table,
                query,
                (document, *more.documents),
                more.grades or None,
                query_by,
                document_by,
                more.combine,
                more.words,
                more.scale,
                more.cut,
                more.negative,
            )
        preview(info, part)
        return part is not None, part


def _say_what_could_be_grades(info: TableInfo, used: Collection[str]) -> None:
    """Name the columns of numbers that are not read, where every document named counts as relevant."""
    left = [
        column
        for column in info.columns
        if column not in used and plain_name(column) not in NO_GRADE and _holds_numbers(info, column)
    ]
    if left:
        named = ", ".join(f"*{plain(column)}*" for column in left)
        st.markdown(f":material/help: Every document named counts as relevant. Grades may be in {named}.")


def _holds_numbers(info: TableInfo, column: str) -> bool:
    values = [row[column] for row in info.sample if row.get(column)]
    return bool(values) and all(decimal(value) is not None for value in values)


def _choose_by(
    upload: str,
    info: TableInfo,
    start: QrelsPart | None,
    query: str,
    document: str,
    corpus: CorpusPart | None,
    queries: QueriesPart | None,
    compared: Compared,
) -> tuple[MeantBy, MeantBy]:
    """By id or by text: where only one of them finds anything in the files, that one is shown at first."""

    def by(noun: str, column: str, part: CorpusPart | QueriesPart | None, before: MeantBy | None) -> MeantBy:
        first = before or "id"
        if part is not None:
            way = only_way(compared, info.table, column, part)
            first = way or ("text" if part.id is None else first)
        ways = list(BY)
        texts = () if part is None else part.text
        return st.radio(
            f"Refers to the {noun} by",
            ways,
            index=ways.index(first),
            format_func=lambda value: BY[value],
            horizontal=True,
            key=keyed(f"qrels-{noun}-by", upload, info.table, column, part and part.id, texts, first),
        )

    left, middle, _ = st.columns(3)
    with left:
        query_by = by("query", query, queries, start.query_by if start else None)
    with middle:
        document_by = by("document", document, corpus, start.document_by if start else None)
    return query_by, document_by


class _More(NamedTuple):
    """What few judgments need.

    Attributes:
        documents: further columns of documents.
        grades: all columns of grades.
    """

    documents: tuple[str, ...]
    negative: tuple[str, ...]
    grades: tuple[str, ...]
    combine: Combine | None
    words: Mapping[str, int] | None
    scale: float | None
    cut: float | None


def _more(upload: str, info: TableInfo, start: QrelsPart | None, document: str, grade: str | None) -> _More:
    """Draw the choosers that few judgments need; open where they are used."""
    here = start if start is not None and start.table == info.table else None
    documents = suggested(info, start, "document")[1:]
    negative = suggested(info, start, "negative")
    raters = suggested(info, start, "grade")[1:] if grade is not None else ()
    used = here is not None and any((here.combine, here.grades, here.scale, here.cut))
    with st.expander(
        "Several columns, several raters, words or decimals as grades",
        expanded=bool(documents or negative or raters or used),
    ):
        left, right = st.columns(2)
        with left:
            more_documents = choose_several(
                upload,
                info,
                "qrels",
                "document",
                documents,
                label="More document columns",
                without=[document],
            )
        with right:
            irrelevant = choose_several(
                upload,
                info,
                "qrels",
                "negative",
                negative,
                help_="Columns of documents that get the grade 0.",
                without=[document, *more_documents],
            )
        if grade is None:
            st.caption("Without a column of grades, every document named is relevant, with the grade 1.")
            combine = None if here is None else here.combine
            return _More(more_documents, irrelevant, (), combine, None, None, None)
        with left:
            more_raters = choose_several(
                upload,
                info,
                "qrels",
                "grade",
                raters,
                label="More raters' grades",
                help_="Each column holds the grades of one rater.",
                without=[grade],
            )
        with right:
            combine = _choose_combine(upload, info, here, several=bool(more_raters))
        words = _choose_words(upload, info, here, (grade, *more_raters))
        scale, cut = _choose_decimals(upload, info, here)
        return _More(more_documents, irrelevant, (grade, *more_raters), combine, words, scale, cut)


def _choose_combine(
    upload: str, info: TableInfo, start: QrelsPart | None, *, several: bool
) -> Combine | None:
    ways: list[Combine] = list(get_args(Combine))
    before = None if start is None else start.combine
    chosen: Combine | None = st.selectbox(
        "Several grades of one document count as",
        ways,
        index=None if before is None else ways.index(before),
        format_func=lambda way: COMBINED[way],
        placeholder="Choose how they become one" if several else "refused: each has one grade",
        key=keyed("qrels-combine", upload, info.table, before, several),
    )
    if several and chosen is None:
        st.markdown(":material/help: Several raters: choose how their grades become one.")
    return chosen


def _choose_words(
    upload: str, info: TableInfo, start: QrelsPart | None, columns: tuple[str, ...]
) -> Mapping[str, int] | None:
    before = None if start is None else start.grades
    key = (upload, info.table, columns, None if before is None else dict(before))
    if not st.toggle("Words stand for grades", before is not None, key=keyed("qrels-words", *key)):
        return None
    words = {row[column] for row in info.sample for column in columns if row.get(column)}
    shown = before if before is not None else dict.fromkeys(sorted(words), 0)
    return edit_grades(shown, keyed("qrels-grades", *key)) or None


def _choose_decimals(
    upload: str, info: TableInfo, start: QrelsPart | None
) -> tuple[float | None, float | None]:
    """The factor or the threshold, if either is chosen."""
    scale, cut = (None, None) if start is None else (start.scale, start.cut)
    ways = [REFUSED, SCALED, CUT]
    first = SCALED if scale is not None else CUT if cut is not None else REFUSED
    left, right = st.columns(2)
    with left:
        way = st.selectbox(
            "Decimals as grades are",
            ways,
            index=ways.index(first),
            key=keyed("qrels-decimals", upload, info.table, first),
        )
    with right:
        if way == SCALED:
            factor = st.number_input(
                "Times", 0.0, value=scale or 10.0, key=keyed("qrels-scale", upload, info.table, scale)
            )
            return factor or None, None
        if way == CUT:
            return None, st.number_input(
                "1 from", value=0.5 if cut is None else cut, key=keyed("qrels-cut", upload, info.table, cut)
            )
    return None, None
