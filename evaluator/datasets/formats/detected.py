"""Detects how a table's files are read where that is not the usual way: their header row and their encoding."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from evaluator.datasets.formats.encodings import declared_in, encoding_of, guessed, is_utf8
from evaluator.datasets.formats.suffixes import PACKED
from evaluator.datasets.formats.tabular.delimited import layout_of
from evaluator.datasets.formats.tabular.spreadsheet import header_below_titles
from evaluator.datasets.formats.texts import text_files
from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, RunPart, Table
from evaluator.errors import DatasetError

Part = TypeVar("Part", CorpusPart, QueriesPart, QrelsPart, RunPart)

NOT_TEXT = ("parquet", "arrow", "excel")


def detected(folder: Path, table: Table) -> Table:
    """A table with the header row and the encoding that its files seem to have; what is set stays.

    The header stays None if no title stands above the first row, the encoding if the files are UTF-8 or differ.
    """
    encoding, header = table.encoding, table.header
    if encoding is None and table.kind not in NOT_TEXT:
        encoding = _encoding(folder, table)
    if header is None:
        header = _header(folder, dataclasses.replace(table, encoding=encoding))
    return dataclasses.replace(table, encoding=encoding, header=header)


def as_detected(reading: Reading, tables: Iterable[Table]) -> Reading:
    """A reading whose tables have the header rows and the encodings that were detected for the same tables."""
    by_place = {(table.file, table.kind, table.member): table for table in tables}

    def known(part: Part) -> Part:
        table = part.table
        found = by_place.get((table.file, table.kind, table.member), table)
        header = found.header if table.header is None else table.header
        found = dataclasses.replace(table, header=header, encoding=table.encoding or found.encoding)
        return dataclasses.replace(part, table=found)

    return dataclasses.replace(
        reading,
        corpus=known(reading.corpus),
        queries=reading.queries and known(reading.queries),
        qrels=reading.qrels and known(reading.qrels),
        runs=tuple(map(known, reading.runs)),
    )


def in_words(table: Table) -> str:
    """A table, and how it is read where that is not the usual way."""
    ways = [table.encoding] if table.encoding else []
    if table.header is not None:
        ways.append(f"columns named in row {table.header}" if table.header else "no header")
    return f"{table} ({', '.join(ways)})" if ways else str(table)


def guessed_files(folder: Path, table: Table) -> Iterator[Path]:
    """The files that are read in the table's encoding although they declare none."""
    if table.encoding is None or is_utf8(table.encoding):
        return
    for path in _files(folder, table):
        if is_utf8(declared_in(path)) and (table.kind != "texts" or guessed(path) is not None):
            yield path


def _encoding(folder: Path, table: Table) -> str | None:
    files = _files(folder, table)
    if table.kind == "texts":  # each is read as it declares, or as UTF-8 where it is
        return next(
            (named for path in files if is_utf8(declared_in(path)) and (named := guessed(path))), None
        )
    encodings = {encoding_of(path) for path in files}
    return encodings.pop() if len(encodings) == 1 else None


def _header(folder: Path, table: Table) -> int | None:
    try:
        if table.kind in ("csv", "tsv"):
            layout = layout_of(folder, table)
            return layout.start if layout.titled else None
        return header_below_titles(folder, table) if table.kind == "excel" else None
    except (DatasetError, OSError, UnicodeError):  # reading it says what is wrong
        return None


def _files(folder: Path, table: Table) -> Iterator[Path]:
    """The files of a table that are there, without those that are no plain text."""
    if table.kind != "texts":
        yield from (path for path in (folder / file for file in table.files) if path.is_file())
    elif (folder / table.file).is_dir():
        yield from (path for path in text_files(folder / table.file) if path.suffix.lower() not in PACKED)
