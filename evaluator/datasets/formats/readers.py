"""Reads every kind of table in the same way: yields rows or defects, never raises."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

from evaluator.datasets.formats import json_objects
from evaluator.datasets.formats.arrow_stream import read_arrow
from evaluator.datasets.formats.columnar import read_parquet
from evaluator.datasets.formats.json_objects import read_json
from evaluator.datasets.formats.lines import ltr
from evaluator.datasets.formats.lines.judgments import read_document_lists, read_qrels, read_smart_qrels
from evaluator.datasets.formats.lines.ltr import read_ltr
from evaluator.datasets.formats.lines.runs import read_run
from evaluator.datasets.formats.lines.smart_collection import read_smart
from evaluator.datasets.formats.shapes import registry
from evaluator.datasets.formats.shapes.dumps import read_bulk
from evaluator.datasets.formats.shapes.registry import read_shape
from evaluator.datasets.formats.sniffing import refuse_pointer
from evaluator.datasets.formats.tabular.delimited import read_delimited
from evaluator.datasets.formats.tabular.spreadsheet import read_excel, sheets
from evaluator.datasets.formats.text_lines import OTHER_ENCODING, read_objects
from evaluator.datasets.formats.texts import read_texts
from evaluator.datasets.formats.trec import read_documents, read_topics
from evaluator.datasets.reading import Kind, Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import BrokenFileError, DatasetError

Read = Callable[[Path, Table], Iterator[Row[Fields]]]


def _read_json_lines(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The objects of a JSON Lines file, or of an array in a file with that suffix."""
    if json_objects.holds_lines(folder / table.file):
        return read_objects(folder, table.file, table.encoding)
    return read_json(folder, table)


READERS: dict[Kind, Read] = {
    "csv": read_delimited,
    "tsv": read_delimited,
    "jsonl": _read_json_lines,
    "json": read_json,
    "parquet": read_parquet,
    "arrow": read_arrow,
    "excel": read_excel,
    "smart": read_smart,
    "topics": read_topics,
    "trec-documents": read_documents,
    "qrels": read_qrels,
    "smart-qrels": read_smart_qrels,
    "document-lists": read_document_lists,
    "ltr": read_ltr,
    "run": read_run,
    "bulk": read_bulk,
    **dict.fromkeys(registry.BY_KIND, read_shape),
    "texts": read_texts,
}
"""The reader of each kind; it may raise `DatasetError` if the rest of a file cannot be read."""


def read(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows of a table below `folder`, streamed.

    An unreadable row is replaced by its error. If the rest of a file cannot be read, its rows end with a
    `BrokenFileError`.
    """
    for file in table.files:
        yield from _read(folder, dataclasses.replace(table, file=file, more=()))


def _read(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    place = Place(str(table))
    try:
        if table.kind != "texts":
            refuse_pointer(folder / table.file, table.file)
        yield from READERS[table.kind](folder, table)
    except DatasetError as error:
        yield place, BrokenFileError(str(error))
    except UnicodeError as error:
        reason = f"not all of it is {table.encoding} ({error})"
        yield place, BrokenFileError(str(place.error(reason, OTHER_ENCODING)))
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror})"
        yield place, BrokenFileError(str(place.error(reason, "check that it is there")))


def members(folder: Path, file: str, kind: Kind) -> tuple[str, ...]:
    """Names of the tables in a file: an Excel file's sheets, or a JSON object's members; otherwise one empty name.

    Raises:
        DatasetError: the file cannot be read.
    """
    refuse_pointer(folder / file, file)
    if kind == "excel":
        return sheets(folder, file)
    if kind == "json":
        return json_objects.members(folder, file) or ("",)
    if kind in registry.BY_KIND:
        return registry.members(folder, file, kind)
    if kind == "ltr":
        return ltr.members(folder, file)
    return ("",)
