"""How files with the same columns were read before: what a person corrected once need not be corrected again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, Table
from evaluator.datasets.recognition.recognise import Recognised, TableInfo
from evaluator.datasets.recognition.unused import with_ignored
from evaluator.errors import DatasetError
from evaluator.store.datasets import save_reading, stored_readings
from evaluator.workspace.projects import current
from evaluator.workspace.workspace import Workspace

Part = TypeVar("Part", CorpusPart, QueriesPart, QrelsPart)


class Remembered(NamedTuple):
    """A reading of files with the same columns.

    Attributes:
        dataset: what the files became.
        stored_at: when, in UTC.
    """

    reading: Reading
    dataset: str
    stored_at: datetime


def remember(workspace: Workspace, recognised: Recognised, reading: Reading, dataset: str) -> None:
    """Keep how the files of a stored dataset were read.

    Not of documents alone: the same columns beside queries would be read without the queries.
    """
    if reading.queries is None:
        return
    used = {part.table for part in reading.parts}
    tables = [_described(info) for info in recognised.tables if info.table in used]
    if len(tables) == len(used):
        save_reading(workspace.database, current(workspace), dataset, tables, reading.to_json())


def remembered(workspace: Workspace, recognised: Recognised) -> Remembered | None:
    """The last reading of tables with the same kinds, members and columns, for the files that are there now.

    None if there is none, or if it says no more than what was recognised.
    """
    for stored in stored_readings(workspace.database, current(workspace)):
        tables = _same_tables(stored.tables, recognised.tables)
        if tables is None:
            continue
        try:
            reading = _now(Reading.from_json(stored.reading), tables, recognised)
        except DatasetError:  # of a version with other fields
            continue
        if recognised.reading == reading and not recognised.doubts:
            return None
        return Remembered(reading, stored.dataset, stored.stored_at)
    return None


def _described(info: TableInfo) -> dict[str, Any]:
    table = info.table
    return {
        "file": table.file,
        "kind": table.kind,
        "member": table.member,
        "columns": list(info.columns),
    }


def _same_tables(
    before: Sequence[Mapping[str, Any]], now: Sequence[TableInfo]
) -> dict[tuple[str, str], Table] | None:
    """The table of today for each of before, by file and member: of the same name, or the only one that fits."""
    found: dict[tuple[str, str], Table] = {}
    for described in before:
        alike = [
            info.table
            for info in now
            if (info.table.kind, info.table.member) == (described["kind"], described["member"])
            and set(info.columns) == set(described["columns"])
        ]
        named = [table for table in alike if table.file == described["file"]] or alike
        if len(named) != 1 or named[0] in found.values():
            return None
        found[described["file"], described["member"]] = named[0]
    return found


def _now(reading: Reading, tables: Mapping[tuple[str, str], Table], recognised: Recognised) -> Reading:
    """A reading of before with the tables of today; nothing is left out or matched without being asked for."""

    def moved(part: Part) -> Part:
        return replace(part, table=tables[part.table.file, part.table.member])

    used = {*tables.values()}
    runs = () if recognised.reading is None else recognised.reading.runs
    return with_ignored(
        recognised,
        replace(
            reading,
            corpus=moved(reading.corpus),
            queries=reading.queries and moved(reading.queries),
            qrels=reading.qrels and moved(reading.qrels),
            runs=tuple(run for run in runs if run.table not in used),
            ignored=() if recognised.reading is None else recognised.reading.ignored,
            repairs=(),
        ),
    )
