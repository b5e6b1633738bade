"""What takes no part in a dataset: files, sheets and columns that no part of a reading uses."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from evaluator.datasets.formats.suffixes import OTHER_TEXTS, PLAIN_TEXTS
from evaluator.datasets.reading import Reading, Table, columns_of
from evaluator.datasets.recognition.names import SYSTEM, has_word
from evaluator.datasets.recognition.recognise import Recognised, TableInfo
from evaluator.datasets.recognition.splits import same_but_for_the_split
from evaluator.datasets.recognition.stored_tables import is_stored

TECHNICAL = {"qrels": ("iteration",), "run": ("iteration", "rank", "tag"), "smart": ("number", "id")}
"""Columns that formats have for other purposes, by kind; nobody misses them."""


@dataclass(frozen=True)
class Unused:
    """A file, a sheet or a column that takes no part.

    Attributes:
        place: its name; a column's with its table's.
        reason: why it takes no part.
    """

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place} ({self.reason})"


def unused(recognised: Recognised, reading: Reading) -> list[Unused]:
    """What a reading does not use of the files: files first, then sheets and members, then columns."""
    tables = {file: info for info in recognised.tables for file in info.table.files}
    found = [
        Unused(file, recognised.reasons.get(file) or _why_not(reading, file, tables.get(file)))
        for file in reading.ignored
    ]
    used = columns_used(reading)
    for info in recognised.tables:
        if recognised.adds and is_stored(info.table.file):
            continue
        if info.table not in used:
            if not _is_ignored(info.table, reading) and not _is_part_of(info.table, used):
                reason = "it has no rows" if not info.sample else "no part of the dataset is read from it"
                found.append(Unused(str(info.table), reason))
            continue
        skipped = TECHNICAL.get(info.table.kind, ())
        found += [
            Unused(f"{info.table}: {column}", _why_no_column(column))
            for column in info.columns
            if column not in used[info.table] and column not in skipped
        ]
    return found


def with_ignored(recognised: Recognised, reading: Reading) -> Reading:
    """A reading that ignores the files that no part of it uses, and no others: its parts may have been changed."""
    used = {part.table for part in (*reading.parts, *reading.runs)}
    named = {file for table in used for file in table.files}
    folders = [PurePosixPath(table.file) for table in used if table.kind == "texts"]
    before = [file for file in reading.ignored if file not in named and not _is_text_below(file, folders)]
    new = [
        info.table.file for info in recognised.tables if not (recognised.adds and is_stored(info.table.file))
    ]
    others = [file for file in new if file not in named]
    return dataclasses.replace(reading, ignored=tuple(dict.fromkeys((*before, *others))))


def _is_text_below(file: str, folders: Sequence[PurePosixPath]) -> bool:
    path = PurePosixPath(file)
    return path.suffix.lower() in {*PLAIN_TEXTS, *OTHER_TEXTS} and any(f in path.parents for f in folders)


def columns_used(reading: Reading) -> dict[Table, set[str]]:
    """The columns that a reading uses, by table."""
    used: dict[Table, set[str]] = defaultdict(set)
    for part in reading.parts:
        used[part.table] |= columns_of(part)
    for run in reading.runs:
        used[run.table].update((run.query, run.document, run.score))
    return used


def _is_ignored(table: Table, reading: Reading) -> bool:
    """Whether a table is among the files that are ignored; so are all files of a folder of texts."""
    return table.kind == "texts" or table.file in reading.ignored


def _is_part_of(table: Table, used: dict[Table, set[str]]) -> bool:
    """Whether a table is one of several that are read as one."""
    return any(table.file in other.files and table.member == other.member for other in used)


def _why_not(reading: Reading, file: str, info: TableInfo | None) -> str:
    qrels = reading.qrels.table.file if reading.qrels else ""
    if same_but_for_the_split(file, qrels):
        return f"another split than {qrels}"
    if info is None:
        return "no table, and no text of the corpus"
    return "no part of the dataset is read from it" if info.bytes else "it is empty"


def _why_no_column(column: str) -> str:
    return "a system's output is no judgment" if has_word(column, SYSTEM) else "no role for it was found"
