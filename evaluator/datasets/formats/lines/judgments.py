"""Reads judgments that are lines: TREC's qrels, SMART's, and lists of the relevant documents of each query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from evaluator.datasets.formats.suffixes import TABS
from evaluator.datasets.formats.text_lines import read_lines
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

QUERY_NAMES = frozenset({"query", "queryid", "qid", "topic", "topicid", "topicnumber", "questionid"})
DOCUMENT_NAMES = frozenset(
    {"document", "documentid", "doc", "docid", "docno", "corpusid", "pid", "passageid"}
)
GRADE_NAMES = frozenset(
    {"grade", "score", "relevance", "rel", "label", "rating", "judgment", "judgement", "relevancescore"}
)
"""Names of columns without case and punctuation."""

ITERATIONS = ("0", "Q0", "q0")
"""What stands in TREC's second column, which trec_eval does not use."""

COMMENT = re.compile(r"\s*#(?:[\s#]|$)")
NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
ZERO = re.compile(r"0(?:\.0*)?")


class Columns(NamedTuple):
    """The numbers of a file's columns, from 0.

    Attributes:
        grade: None if every document that is named is relevant.
        width: how many columns there are.
    """

    query: int
    document: int
    grade: int | None
    width: int


def read_qrels(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """Lines of query, document and grade, with TREC's iteration after the query or without it.

    Fields are separated by any white space, as trec_eval reads them. Comments (`# ...`) are skipped. The first line may
    name the columns; names of query and document alone mean that every grade is 1.
    """
    tabs = is_tabbed(table.file)
    first = True
    columns: Columns | None = None
    for place, line in read_lines(folder, table.file, table.encoding):
        if isinstance(line, DatasetError):
            yield place, line
            first = False
            continue
        cells = cells_of(line, tabs=tabs)
        if is_comment(line, cells, leading=first):
            continue
        if first and is_header(cells):
            columns = named_columns(cells)
        else:
            yield place, _judgment(cells, columns, place)
        first = False


def is_tabbed(name: str) -> bool:
    """Whether a file's name says that tabs separate its columns."""
    return name.lower().endswith(TABS)


def cells_of(line: str, *, tabs: bool) -> list[str]:
    """The fields of a line, separated by white space.

    Args:
        line: the line.
        tabs: the file's name says that tabs separate the columns. Then a cell that is empty or has white space in it is
            one field, unless the line is TREC's: query, iteration, document, grade in any mix of tabs and spaces.
    """
    fields = line.split()
    if not tabs or "\t" not in line:
        return fields
    cells = divided(line)
    mixed = len(cells) not in (3, 4) and len(fields) in (3, 4)
    return fields if "" not in cells and (mixed or has_iteration(fields)) else cells


def divided(line: str) -> list[str]:
    """The fields of a line between its tabs; a tab at its end is none of a fourth field."""
    cells = [cell.strip() for cell in line.split("\t")]
    while len(cells) > 3 and not cells[-1]:
        cells.pop()
    return cells


def has_iteration(fields: Sequence[str]) -> bool:
    """Whether the second of four fields is TREC's iteration."""
    return len(fields) == 4 and fields[1] in ITERATIONS


def is_comment(line: str, cells: Sequence[str], *, leading: bool) -> bool:
    """Whether a line says something to people.

    Args:
        line: the line.
        cells: its fields.
        leading: no judgment stands above it; `#judged by A` is a comment only there, because an id may begin with `#`.
    """
    if COMMENT.match(line):
        return True
    return leading and line.startswith("#") and not (len(cells) in (3, 4) and NUMBER.fullmatch(cells[-1]))


def is_header(cells: Sequence[str]) -> bool:
    """Whether a qrels file's first line names the columns: its last field is not a number (0.5 is an invalid grade)."""
    if not all(cells):
        return False
    if len(cells) == 2:
        return named_columns(cells) is not None
    return len(cells) in (3, 4) and not NUMBER.fullmatch(cells[-1])


def named_columns(header: Sequence[str]) -> Columns | None:
    """Which columns a header names; None if it does not name all of them, so that TREC's order holds."""
    names = ["".join(filter(str.isalnum, name.lower())) for name in header]
    query, document, grade = (
        next((number for number, name in enumerate(names) if name in meant), None)
        for meant in (QUERY_NAMES, DOCUMENT_NAMES, GRADE_NAMES)
    )
    if query is None or document is None or (grade is None and len(header) > 2):
        return None
    return Columns(query, document, grade, len(header))


def _judgment(cells: Sequence[str], columns: Columns | None, place: Place) -> Fields | DatasetError:
    if columns is not None and columns.grade is None:
        if len(cells) != 2:
            return place.error(f"2 fields are expected, found {len(cells)}", "write query id and document id")
        return {"query": cells[columns.query], "document": cells[columns.document], "grade": "1"}
    if len(cells) not in (3, 4):
        return place.error(
            f"3 or 4 fields are expected, found {len(cells)}", "write query id, document id and grade"
        )
    query, document, grade = 0, len(cells) - 2, len(cells) - 1
    if columns is not None and columns.grade is not None and columns.width == len(cells):
        query, document, grade = columns.query, columns.document, columns.grade
    return {"query": cells[query], "document": cells[document], "grade": cells[grade]}


def is_smart_judgment(cells: Sequence[str]) -> bool:
    """Whether a line is one of CISI's, CACM's and ADI's judgments: query, document and two zeros."""
    return (
        len(cells) == 4 and all(cell.isdecimal() for cell in cells[:3]) and bool(ZERO.fullmatch(cells[3]))
        and cells[2] == "0"
    )  # fmt: skip


def read_smart_qrels(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """Lines of query, relevant document, and two zeros; SMART numbers its records, so `01` is the record 1."""
    for place, line in read_lines(folder, table.file, table.encoding):
        if isinstance(line, DatasetError):
            yield place, line
            continue
        cells = line.split()
        if is_smart_judgment(cells):
            yield place, {"query": _number(cells[0]), "document": _number(cells[1])}
        else:
            yield (
                place,
                place.error(
                    "4 fields are expected: query, relevant document, 0 and 0",
                    "write them, or use TREC's qrels",
                ),
            )


def read_document_lists(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """Lines of a query and all of its relevant documents, as in TIME; a row for each document."""
    for place, line in read_lines(folder, table.file, table.encoding):
        if isinstance(line, DatasetError):
            yield place, line
            continue
        query, *documents = line.split()
        if not documents or not all(cell.isdecimal() for cell in (query, *documents)):
            yield (
                place,
                place.error(
                    "the number of a query and those of its relevant documents are expected",
                    "write numbers only",
                ),
            )
            continue
        for document in documents:
            yield place, {"query": _number(query), "document": _number(document)}


def are_document_lists(rows: Sequence[Sequence[str]]) -> bool:
    """Whether lines list the relevant documents of queries 1, 2, 3, ..., and are no qrels: there queries repeat."""
    if len(rows) < 2 or not all(len(row) > 1 and all(cell.isdecimal() for cell in row) for row in rows):
        return False
    queries = [int(row[0]) for row in rows]
    rising = all(first < second for first, second in pairwise(queries))
    return rising and len(set(map(len, rows))) > 1


def _number(digits: str) -> str:
    """A number as SMART's records have it, without leading zeros."""
    return digits.lstrip("0") or "0"
