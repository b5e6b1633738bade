"""Writes rows as files of all kinds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

Rows = Sequence[Mapping[str, Any]]


def delimited(rows: Rows, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """CSV, or TSV: lists are written as Python prints them."""
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().encode(encoding)


def json_lines(rows: Rows) -> bytes:
    """JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_json(value: Any) -> bytes:
    """One JSON value."""
    return json.dumps(value, ensure_ascii=False).encode()


def parquet(rows: Rows) -> bytes:
    """Parquet."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), sink)
    return sink.getvalue()


def workbook(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """An Excel file: cells by sheet."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def cells(rows: Rows) -> list[list[Any]]:
    """Rows with the names of their columns above them, as a sheet has them."""
    return [list(rows[0]), *(list(row.values()) for row in rows)]


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
