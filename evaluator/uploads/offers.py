"""Tables that could be the judgments, but are not read as such: a person is offered to use them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from evaluator.datasets.reading import QrelsPart, Reading, Table
from evaluator.datasets.recognition.doubts import Option
from evaluator.datasets.recognition.fit import Match
from evaluator.datasets.recognition.names import GRADE, ID, NO_GRADE, SYSTEM, has_word, plain
from evaluator.datasets.recognition.recognise import Recognised
from evaluator.datasets.recognition.references import ENOUGH

FEWEST = 2
"""Different values that must be found: one may be there by chance."""

NUMBERS = frozenset({*GRADE, *NO_GRADE} - {"id"})
"""Columns that hold numbers of another kind, some of which are ids by chance."""


def offered_judgments(recognised: Recognised, reading: Reading) -> list[Option]:
    """Tables that refer to the documents and queries of a reading, and how they would be read as judgments."""
    taken = {reading.corpus.table, *(run.table for run in reading.runs)}
    if reading.qrels is not None:
        taken.add(reading.qrels.table)
    files = {file for table in taken for file in table.files if table.more}
    offers = []
    for info in recognised.tables:
        if info.table in taken or info.table.file in files:
            continue
        offers += [
            Option(f"{info.table} refers to documents: use it as judgments?", changes)
            for changes in _changes(recognised, reading, info.table)
        ]
    return offers


def _changes(recognised: Recognised, reading: Reading, table: Table) -> Iterator[dict[str, object]]:
    """What reading a table as judgments changes; nothing if it does not refer to both documents and queries."""
    corpus, queries = reading.corpus, reading.queries
    if queries is None:
        return
    own = {queries.id, queries.text} if table == queries.table else set()
    texts = (*corpus.text, *corpus.apart) if len(corpus.text) == 1 else ()
    document = _best(recognised, table, corpus.table, corpus.id, texts, own)
    if document is None:
        return
    changes: dict[str, object] = {"corpus.id": document.to} if document.by == "id" else {}
    if table == queries.table:
        query, query_by = (queries.text, "text") if queries.id is None else (queries.id, "id")
    else:
        found = _best(recognised, table, queries.table, queries.id, (queries.text,), {document.column})
        if found is None:
            return
        query, query_by = found.column, found.by
        if found.by == "id":
            changes["queries.id"] = found.to
    columns = next(info.columns for info in recognised.tables if info.table == table)
    grade = next((column for name in GRADE for column in columns if plain(column) == name), None)
    part = QrelsPart(
        table,
        query,
        (document.column,),
        None if grade is None or grade in (query, document.column) else (grade,),
        "id" if query_by == "id" else "text",
        document.by,
    )
    yield {**changes, "qrels": asdict(part)}


def _best(
    recognised: Recognised,
    table: Table,
    other: Table,
    id_: str | None,
    texts: tuple[str, ...],
    own: set[str | None],
) -> Match | None:
    """The column of a table that refers best to another table: by its ids, or else by its texts."""
    found = [
        match
        for match in recognised.compared.matches
        if (match.table, match.other) == (table, other)
        and match.found >= max(FEWEST, ENOUGH * match.of)
        and match.column not in own
        and plain(match.column) not in NUMBERS
        and not has_word(match.column, SYSTEM)
        and (
            match.to in texts
            if match.by == "text"
            else match.to == id_ or (id_ is None and _is_id(match.to, other))
        )
    ]
    return max(found, key=lambda match: (match.by == "id", match.found / match.of, match.found), default=None)


def _is_id(column: str, table: Table) -> bool:
    return plain(column) in ID or table.kind == "texts"
