"""Notes on how files are read where that is not the usual way, so that no guess is silent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evaluator.datasets.findings import EXAMPLES, counted
from evaluator.datasets.formats.detected import guessed_files
from evaluator.datasets.reading import Reading
from evaluator.domain.dataset import ImportNote


def reading_notes(folder: Path, reading: Reading) -> Iterator[ImportNote]:
    """The notes on encodings that no file declares, on rows above headers, and on tables without a header."""
    tables = tuple(dict.fromkeys(part.table for part in (*reading.parts, *reading.runs)))
    by_encoding: dict[str, dict[str, None]] = {}
    for table in tables:
        for path in guessed_files(folder, table):
            by_encoding.setdefault(str(table.encoding), {})[path.relative_to(folder).as_posix()] = None
    for encoding, files in by_encoding.items():
        are_read = f"{counted(len(files), 'file')} {'is' if len(files) == 1 else 'are'} read as {encoding}"
        yield ImportNote(
            "encoding",
            len(files),
            f"{are_read}, which is a guess unless it was chosen: not UTF-8, and no encoding is declared",
            tuple(files)[:EXAMPLES],
        )
    titled = [
        f"{table}: columns are named in row {table.header}" for table in tables if (table.header or 0) > 1
    ]
    if titled:
        message = "tables have rows above the row that names the columns; these are left out"
        yield ImportNote("rows-above-header", len(titled), message, tuple(titled[:EXAMPLES]))
    headless = [str(table) for table in tables if table.header == 0]
    if headless:
        message = "tables are read without a row that names the columns"
        yield ImportNote("no-header", len(headless), message, tuple(headless[:EXAMPLES]))
