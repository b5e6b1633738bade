"""Parquet, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

BATCH_ROWS = 1024


def read_parquet(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows; values that are neither text nor a list become text.

    Raises:
        DatasetError: the file is not Parquet, or broken from here on.
    """
    count = 0
    place = Place(table.file)
    try:
        with pq.ParquetFile(folder / table.file) as file:
            for batch in file.iter_batches(BATCH_ROWS):
                names = batch.schema.names
                for row in _rows(batch):
                    count += 1
                    place = Place(table.file, count)
                    yield place, _fields(names, row, place)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise place.error(
            f"not readable as Parquet from here on ({reason[:300]})", "write the file anew"
        ) from error


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[object, ...]]:
    """Rows of a batch; a value that is no UTF-8 is there as its bytes."""
    columns = [_values(column) for column in batch.columns]
    return zip(*columns, strict=True) if columns else iter([()] * batch.num_rows)


def _values(column: pa.Array) -> list[object]:
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return [_decoded(value) for value in column.to_pylist()]
    try:
        values: list[object] = column.to_pylist()
    except UnicodeDecodeError:
        kind = pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()
        return [_decoded(value) for value in column.view(kind).to_pylist()]
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return values
    return [_as_text(value) for value in values]


def _decoded(value: bytes | None) -> object:
    """Bytes as the text they are, if they are one."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value


def _as_text(value: object) -> object:
    """Numbers and dates as text, a whole number without its fraction; NaN is a missing value."""
    if value is None or value != value:
        return None
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, dict | bytes) else str(value)


def _fields(names: list[str], row: tuple[object, ...], place: Place) -> Fields | DatasetError:
    for name, value in zip(names, row, strict=True):
        if isinstance(value, bytes):
            return place.error(f"{name} holds bytes that are not UTF-8", "write it as text")
    return dict(zip(names, row, strict=True))
