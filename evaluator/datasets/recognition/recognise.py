"""Recognises the tables in a folder, and the most likely way to read them as a dataset.

File names come first (BEIR's and the decision record's files, `presets.py`), then columns and content (`roles.py`).
The result is a guess that a person can correct, with a sentence on everything doubtful.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from evaluator.datasets.formats import members, read
from evaluator.datasets.formats.detected import as_detected, detected
from evaluator.datasets.formats.sniffing import is_junk, kind_of
from evaluator.datasets.formats.texts import printable, text_files
from evaluator.datasets.reading import Reading, RunPart, Table
from evaluator.datasets.recognition import presets
from evaluator.datasets.recognition.assignment import assign
from evaluator.datasets.recognition.roles import InspectedTable
from evaluator.datasets.source import Fields
from evaluator.domain.json_record import JsonRecord
from evaluator.errors import DatasetError

SAMPLE_ROWS = 5
SAMPLE_CHARACTERS = 300
"""Maximum characters of a cell in a sample."""

INSPECTED_ROWS = 200
"""Rows of a table that are read to find out what its columns mean."""

INSPECTED_TEXTS = 5
"""Files that are read of a folder of texts; few, because reading a PDF is slow."""

LISTED = 20
"""Maximum names of a folder's entries in a message."""

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
    """

    table: Table
    columns: tuple[str, ...]
    sample: tuple[dict[str, str], ...]
    bytes: int


@dataclass(frozen=True)
class Recognised(JsonRecord):
    """The tables of a folder, and how they are read as a dataset.

    Attributes:
        reading: the most likely reading; None if no complete reading was found.
        problems: sentences that say why there is no reading, or what is doubtful about it.
    """

    tables: tuple[TableInfo, ...]
    reading: Reading | None
    problems: tuple[str, ...] = ()


def recognise(folder: Path) -> Recognised:
    """The tables below a folder and how they form a dataset; no content of a file raises an error."""
    files = _files(folder)
    problems: list[str] = []
    inspected = list(_inspect_all(folder, files, problems))
    preset = presets.recognise(folder, files, _columns(inspected))
    if preset is None:
        reading, doubts = assign(folder, [table for table, _ in inspected])
        problems += [table.defect for table, _ in inspected if table.defect and not table.rows]
        if reading is None and not problems:
            doubts = [f"holds no dataset that is recognised. Found: {_entries(folder)}. {EXPECTED}.", *doubts]
    else:
        reading, doubts = preset
        if reading is not None:
            runs = tuple(RunPart(table.table) for table, _ in inspected if table.table.kind == "run")
            reading = dataclasses.replace(reading, runs=runs)
    problems += [
        f"the first row of {table.table} looks like a row of its own; write the names of the columns above it."
        for table, _ in inspected
        if table.lacks_header
    ]
    if reading is not None:
        reading = as_detected(reading, [table.table for table, _ in inspected])
        reading = dataclasses.replace(reading, ignored=_ignored(folder, files, reading))
    tables = tuple(_info(table, size) for table, size in inspected)
    return Recognised(tables, reading, (*problems, *doubts))


def _files(folder: Path) -> list[str]:
    """Relative, sorted paths of the files, without hidden files and names that are not valid text."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.as_posix() for path in paths if not is_junk(path) and printable(str(path)) == str(path)
    )


def _inspect_all(folder: Path, files: list[str], problems: list[str]) -> Iterator[tuple[InspectedTable, int]]:
    """Every table with its first rows and its size in bytes; `problems` gets a sentence on each unreadable file."""
    for file in files:
        kind = kind_of(folder / file)
        if kind is None:
            continue
        size = (folder / file).stat().st_size
        try:
            for member in members(folder, file, kind):
                yield _inspect(folder, detected(folder, Table(file, kind, member)), INSPECTED_ROWS), size
        except DatasetError as error:
            problems.append(str(error))
    texts = [path.relative_to(folder) for path in text_files(folder)]
    if texts:
        base = _common_folder([PurePosixPath(path.as_posix()) for path in texts])
        size = sum((folder / path).stat().st_size for path in texts)
        yield _inspect(folder, detected(folder, Table(base, "texts")), INSPECTED_TEXTS), size


def _inspect(folder: Path, table: Table, n_rows: int) -> InspectedTable:
    rows: list[Fields] = []
    defect = None
    for _, row in islice(read(folder, table), n_rows):
        if isinstance(row, DatasetError):
            defect = defect or str(row)
        else:
            rows.append(row)
    return InspectedTable(
        table, tuple(dict.fromkeys(column for row in rows for column in row)), tuple(rows), defect
    )


def _common_folder(paths: list[PurePosixPath]) -> str:
    """The deepest folder that contains all texts; a README or license above them does not count."""
    texts = [path for path in paths if path.stem.lower() not in ("readme", "license")] or paths
    common = texts[0].parent
    while any(common not in path.parents for path in texts):
        common = common.parent
    return str(common)


def _columns(inspected: list[tuple[InspectedTable, int]]) -> dict[str, tuple[str, ...]]:
    return {table.table.file: table.columns for table, _ in inspected}


def _info(inspected: InspectedTable, size: int) -> TableInfo:
    sample = tuple(
        {column: _shown(row.get(column)) for column in row} for row in inspected.rows[:SAMPLE_ROWS]
    )
    return TableInfo(inspected.table, inspected.columns, sample, size)


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
