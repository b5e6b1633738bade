"""Recognises the tables in a folder, and the most likely way to read them as a dataset.

File names come first (BEIR's and the decision record's files, `presets.py`), then columns and values
(`assignment.py`). The result can be corrected; what is not clear is a question for a person.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from evaluator.datasets.exported import says_documents_alone
from evaluator.datasets.formats import members, read
from evaluator.datasets.formats.detected import as_detected, detected
from evaluator.datasets.formats.sniffing import is_junk, kind_of, what_it_is
from evaluator.datasets.formats.tabular.headers import SAMPLED_ROWS, looks_headless
from evaluator.datasets.formats.texts import printable, text_files
from evaluator.datasets.reading import Reading, Table
from evaluator.datasets.recognition import presets
from evaluator.datasets.recognition.assignment import assign
from evaluator.datasets.recognition.doubts import Doubt, Option, changed
from evaluator.datasets.recognition.fit import Compared, compare
from evaluator.datasets.recognition.inspected import InspectedTable
from evaluator.datasets.recognition.references import References
from evaluator.datasets.recognition.runs import run_part
from evaluator.datasets.recognition.shards import joined, without_other_splits
from evaluator.datasets.recognition.stored_tables import is_stored, of_stored, stored_among
from evaluator.datasets.source import Fields
from evaluator.domain.json_record import JsonRecord
from evaluator.errors import DatasetError

SAMPLE_ROWS, SAMPLE_DEFECTS = 5, 3
SAMPLE_CHARACTERS = 300
"""Maximum characters of a cell in a sample."""

INSPECTED_ROWS = 200
"""Rows of a table that are read to find out what its columns mean."""

INSPECTED_TEXTS = 5
"""Files that are read of a folder of texts; few, because reading a PDF is slow."""

HEADED = ("csv", "tsv", "excel")
"""Kinds of tables of which a row names the columns."""

LISTED = 20
"""Maximum names of a folder's entries in a message."""

MOST_DATASETS = 20
"""Maximum datasets among the files that a person chooses from."""

EXPECTED = (
    "Expected tables of documents (id, text), queries (id, query) and judgments (query, document, grade), "
    f"or a known format. {presets.EXPECTED}"
)


@dataclass(frozen=True)
class TableInfo:
    """A table among the files, for people: its columns and its first rows.

    Attributes:
        sample: at most 5 rows; cells are text, cut to 300 characters.
        bytes: the size of its file or files.
        defects: at most 3 of the reasons why first rows cannot be read, each with its place.
    """

    table: Table
    columns: tuple[str, ...]
    sample: tuple[dict[str, str], ...]
    bytes: int
    defects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recognised(JsonRecord):
    """The tables of a folder, and how they are read as a dataset.

    Attributes:
        reading: the most likely reading; None if no complete reading was found.
        problems: sentences that say why there is no reading, or what is wrong with it.
        doubts: what is not clear about the reading; a person must say it before the files are imported.
        reasons: why files are not read that look as if they could be, by their names.
        adds: whether the files add to a stored dataset, whose own tables are among these (`stored_tables`).
        compared: which values of the tables' columns are in other columns.
    """

    tables: tuple[TableInfo, ...]
    reading: Reading | None
    problems: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    compared: Compared = field(default_factory=Compared)
    reasons: Mapping[str, str] = field(default_factory=dict)
    adds: bool = False

    def doubts_left(self, changes: Mapping[str, Any]) -> list[Doubt]:
        """The doubts that remain once a person has set these fields of the reading, by dotted path.

        Raises:
            DatasetError: a change does not fit.
        """
        if self.reading is None:
            return list(self.doubts)
        reading, settled = changed(self.reading, changes), frozenset(changes)
        return [doubt for doubt in self.doubts if doubt.arises(reading) and not doubt.settled_by(settled)]


def recognise(folder: Path, written: Sequence[Table] = (), *, adds: bool = False) -> Recognised:
    """The tables below a folder and how they form a dataset; no content of a file raises an error.

    Args:
        folder: where the files are.
        written: tables whose header row or encoding a person says; they need not be all.
        adds: whether the files add to a stored dataset, whose own tables are among them (`stored_tables`).
    """
    files = _files(folder)
    problems: list[str] = []
    inspected = list(_inspect_all(folder, files, written, problems))
    own = [table for table, _ in inspected if adds and is_stored(table.table.file)]
    tables = [table for table, _ in inspected if table not in own]
    runs = tuple(part for table in tables if (part := run_part(table)) is not None)
    others = joined([table for table in tables if table.table not in {run.table for run in runs}])
    stored = stored_among(own) if adds else None
    compared = [*others, *(stored.tables if stored else ())]
    references = References(folder, compared)
    columns = {table.table.file: table.columns for table in tables}
    known = {} if adds else presets.recognise(folder, files, columns)
    doubts: list[Doubt] = []
    if known:
        reading, reasons = next(iter(known.values()))
        problems += reasons
        if reading is not None and reading.queries is not None and says_documents_alone(folder):
            has_queries = columns.get(reading.queries.table.file)
            reading = reading if has_queries else dataclasses.replace(reading, queries=None, qrels=None)
        doubts += _which_dataset({name: preset for name, (preset, _) in known.items() if preset is not None})
    else:
        reading, doubts = assign(without_other_splits(others), references, stored)
        is_whole = reading is not None and reading.queries is not None
        problems += [table.defect for table in tables if table.defect and not (is_whole and table.rows)]
        problems += [] if is_whole else _empty(inspected)
        if reading is None and not problems and not adds:
            problems.append(f"holds no dataset that is recognised. Found: {_entries(folder)}. {EXPECTED}.")
    if reading is not None:
        reading = as_detected(dataclasses.replace(reading, runs=runs), [table.table for table in tables])
        ignored = _ignored(folder, files, reading)
        if stored is not None:
            reading = of_stored(reading)
            ignored = tuple(file for file in ignored if not is_stored(file))
        reading = dataclasses.replace(reading, ignored=ignored)
        doubts = [*_headless(reading, written), *doubts]
    else:
        problems += [doubt.question for doubt in doubts]
        doubts = []
    shown = {table.table: table for table in (*compared, *tables)}
    sizes = {table.table.file: size for table, size in inspected}
    return Recognised(
        tuple(_info(table, sum(sizes[file] for file in table.table.files)) for table in shown.values()),
        reading,
        tuple(problems),
        tuple(doubts),
        compare(references, compared),
        {file: reason for file in files if (reason := what_it_is(folder / file)) is not None},
        adds,
    )


def _headless(reading: Reading, written: Sequence[Table]) -> Iterator[Doubt]:
    """The question whether tables have no header, of which the first row looks like the rows below it."""
    names = dict(
        zip(("corpus", "queries", "qrels"), (reading.corpus, reading.queries, reading.qrels), strict=True)
    )
    tables: dict[Table, dict[str, int]] = {}
    for name, part in names.items():
        if part is not None and part.table.header == 0 and part.table not in written:
            tables.setdefault(part.table, {})[f"{name}.table.header"] = 0
    for table, changes in tables.items():
        yield Doubt(
            f"the first row of {table} looks like a row of its own, so that no row names the columns; is that right? "
            "If not, write the names of the columns above it.",
            (Option("no row names the columns", changes),),
        )


def _which_dataset(readings: Mapping[str, Reading]) -> Iterator[Doubt]:
    """The question which of several datasets is meant, if there are several."""
    if len(readings) < 2:
        return
    options = []
    for place, reading in list(readings.items())[:MOST_DATASETS]:
        record = reading.to_json()
        changes = {part: record[part] for part in ("corpus", "queries", "qrels", "format")}
        options.append(Option(f"the one in {place}/ ({reading.format})", changes))
    question = "the files hold several datasets; which one is meant? Choose it, or give its folder alone."
    yield Doubt(question, tuple(options))


def _files(folder: Path) -> list[str]:
    """Relative, sorted paths of the files, without hidden files and names that are not valid text."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.as_posix() for path in paths if not is_junk(path) and printable(str(path)) == str(path)
    )


def _empty(inspected: Sequence[tuple[InspectedTable, int]]) -> list[str]:
    """A sentence on each file without content."""
    return [f"{table.table.file} is empty." for table, size in inspected if not size]


def _inspect_all(
    folder: Path, files: list[str], written: Sequence[Table], problems: list[str]
) -> Iterator[tuple[InspectedTable, int]]:
    """Every table with its first rows and its size in bytes; `problems` gets a sentence on each unreadable file."""
    for file in files:
        kind = kind_of(folder / file)
        if kind is None:
            continue
        size = (folder / file).stat().st_size
        try:
            for member in members(folder, file, kind):
                table = detected(folder, _as_written(Table(file, kind, member), written))
                yield _inspect_table(folder, table), size
        except DatasetError as error:
            problems.append(str(error))
    texts = [path.relative_to(folder) for path in text_files(folder)]
    if texts:
        base = _common_folder([PurePosixPath(path.as_posix()) for path in texts])
        size = sum((folder / path).stat().st_size for path in texts)
        table = detected(folder, _as_written(Table(base, "texts"), written))
        yield _inspect(folder, table, INSPECTED_TEXTS), size


def _inspect_table(folder: Path, table: Table) -> InspectedTable:
    """A table; without a header if its first row looks like the rows below it."""
    inspected = _inspect(folder, table, INSPECTED_ROWS)
    if table.kind not in HEADED or table.header is not None or not inspected.columns:
        return inspected
    rows = [
        ["" if row.get(c) is None else str(row.get(c)) for c in inspected.columns] for row in inspected.rows
    ]
    if not looks_headless([inspected.columns, *rows[:SAMPLED_ROWS]]):
        return inspected
    return _inspect(folder, dataclasses.replace(table, header=0), INSPECTED_ROWS)


def _as_written(table: Table, written: Sequence[Table]) -> Table:
    """A table with the header row and the encoding that a person says."""
    for said in written:
        if (said.member, said.kind) == (table.member, table.kind) and table.file in said.files:
            return dataclasses.replace(table, header=said.header, encoding=said.encoding)
    return table


def _inspect(folder: Path, table: Table, n_rows: int) -> InspectedTable:
    rows: list[Fields] = []
    defects: list[str] = []
    for _, row in islice(read(folder, table), n_rows):
        if isinstance(row, DatasetError):
            defects.append(str(row))
        else:
            rows.append(row)
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    first = defects[0] if defects else None
    return InspectedTable(table, columns, tuple(rows), first, tuple(defects[:SAMPLE_DEFECTS]))


def _common_folder(paths: list[PurePosixPath]) -> str:
    """The deepest folder that contains all texts; a README or license above them does not count."""
    texts = [path for path in paths if path.stem.lower() not in ("readme", "license")] or paths
    common = texts[0].parent
    while any(common not in path.parents for path in texts):
        common = common.parent
    return str(common)


def _info(inspected: InspectedTable, size: int) -> TableInfo:
    sample = tuple(
        {column: _shown(row.get(column)) for column in row} for row in inspected.rows[:SAMPLE_ROWS]
    )
    return TableInfo(inspected.table, inspected.columns, sample, size, inspected.defects[:SAMPLE_DEFECTS])


def _shown(value: object) -> str:
    """A cell as text for people: cut, and without characters that cannot be encoded."""
    content = "" if value is None else str(value)
    return content[:SAMPLE_CHARACTERS].encode(errors="replace").decode()


def _ignored(folder: Path, files: list[str], reading: Reading) -> tuple[str, ...]:
    """Files that no part of the reading uses."""
    tables = {part.table for part in (*reading.parts, *reading.runs)}
    used = {file for table in tables for file in table.files}
    for table in tables:
        if table.kind == "texts":
            used.update(path.relative_to(folder).as_posix() for path in text_files(folder / table.file))
    return tuple(file for file in files if file not in used)


def _entries(folder: Path) -> str:
    """The names of a folder's entries, in words."""
    names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in folder.iterdir())
    more = [f"and {len(names) - LISTED} more"] if len(names) > LISTED else []
    return printable(", ".join([*names[:LISTED], *more])) or "nothing"
