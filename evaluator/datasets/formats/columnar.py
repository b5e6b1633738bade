"""Reads Parquet, a batch of rows at a time. Files that would fill the memory, or never end, are refused.

Parquet stores a repeated value once, so a few kilobytes can hold terabytes. Values are counted from the file's metadata
before any value is read, and bytes are counted while reading, in small batches where a repeated value is long.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluator.datasets.formats.fields import whole_number
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

ROOM, TIMES = 1 << 30, 20
"""Bytes that any file may hold, and the multiple of its own size that a larger file may hold."""
LEAST = 8
"""Bytes that each value counts at least, even a missing one."""
BATCH_ROWS, BATCH_VALUES, BATCH_BYTES = 1024, 1 << 20, 64 << 20
"""Maximum rows, values and bytes of a batch; a single row may have more bytes."""


def read_parquet(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows; values that are neither text nor a list become text.

    Raises:
        DatasetError: the file is not Parquet, is broken from here on, or holds too much.
    """
    count = 0
    place = Place(table.file)
    path = folder / table.file
    try:
        with pq.ParquetFile(path) as file:
            limit = remaining = max(ROOM, TIMES * path.stat().st_size)
            if _least_bytes(file.metadata) > limit:
                raise _too_much(place, limit)
            for batch in _batches(file, path):
                remaining -= max(batch.nbytes, LEAST * batch.num_rows * (batch.num_columns + 1))
                if remaining < 0:
                    raise _too_much(place, limit)
                names = batch.schema.names
                for row in _rows(batch):
                    count += 1
                    place = Place(table.file, count)
                    yield place, _fields(names, row, place)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise place.error(
            f"not readable as Parquet from here on ({reason[:300]})", "write the file again"
        ) from error


def _too_much(place: Place, limit: int) -> DatasetError:
    return place.error(
        f"the file holds more than {limit:,} bytes once its repeated values are written out",
        "give it in parts, or as JSON Lines",
    )


def _least_bytes(metadata: pq.FileMetaData) -> int:
    """The bytes that a file holds at least, according to its metadata."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    values = sum(group.column(n).num_values for group in groups for n in range(group.num_columns))
    return int(max(sum(group.total_byte_size for group in groups), LEAST * (values + metadata.num_rows)))


def _batches(file: pq.ParquetFile, path: Path) -> Iterator[pa.RecordBatch]:
    """All rows, in batches that fit into memory."""
    metadata = file.metadata
    leaves = [metadata.schema.column(number) for number in range(len(metadata.schema))]
    texts = [leaf.path for leaf in leaves if _is_text(leaf)]
    with pq.ParquetFile(path, metadata=metadata, read_dictionary=texts) as encoded:
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            row_bytes = sum(
                _row_bytes(group, column, leaf, encoded, number) for column, leaf in enumerate(leaves)
            )
            n_rows = min(BATCH_ROWS, BATCH_VALUES // max(1, len(leaves)), BATCH_BYTES // max(1, row_bytes))
            for batch in file.iter_batches(max(1, n_rows), row_groups=[number]):
                yield pa.RecordBatch.from_arrays(
                    [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in batch.columns],
                    names=batch.schema.names,
                )


def _is_text(leaf: pq.ColumnSchema) -> bool:
    """Whether values may have any length; decimals have the same physical type, but are short."""
    return bool(leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type != "DECIMAL")


def _row_bytes(
    group: pq.RowGroupMetaData, column: int, leaf: pq.ColumnSchema, encoded: pq.ParquetFile, number: int
) -> int:
    """Bytes that a row may have in a column: those of the longest value that can be repeated, else of a mean value.

    Args:
        group: the row group with this number.
        column: the number of the column.
        leaf: the schema of the column.
        encoded: the file, with texts in dictionary encoding.
        number: the number of the row group.
    """
    chunk = group.column(column)
    size, values = chunk.total_uncompressed_size, max(1, chunk.num_values)
    longest = max(size // values, leaf.length)
    if "DELTA_BYTE_ARRAY" in chunk.encodings:  # a text's common prefix with the text before it is stored once
        longest = size
    elif _is_text(leaf):
        longest = max(longest, _longest_text(encoded, number, leaf.path))
    return int(longest * -(-values // max(1, group.num_rows)))


def _longest_text(encoded: pq.ParquetFile, number: int, path: str) -> int:
    """Bytes of the longest text in the dictionary of a column in a row group."""
    first = next(encoded.iter_batches(1, row_groups=[number], columns=[path]), None)
    dictionaries = [] if first is None else _dictionaries(first.column(0))
    return max((pc.max(pc.binary_length(texts)).as_py() or 0 for texts in dictionaries), default=0)


def _dictionaries(array: pa.Array) -> Iterator[pa.Array]:
    """The dictionaries (distinct values) of an array and of the arrays nested in it."""
    if pa.types.is_dictionary(array.type):
        yield array.dictionary
    elif pa.types.is_struct(array.type):
        for number in range(array.type.num_fields):
            yield from _dictionaries(array.field(number))
    elif pa.types.is_nested(array.type):
        yield from _dictionaries(array.values)


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[object, ...]]:
    """Rows of a batch; a value that is not valid UTF-8 stays bytes."""
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
    return [as_text(value) for value in values]


def _decoded(value: bytes | None) -> object:
    """Bytes decoded as text; unchanged if they are not valid UTF-8."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value


def as_text(value: object) -> object:
    """Numbers and dates as text, whole numbers without a fraction; NaN is a missing value."""
    if value is None or value != value:
        return None
    if isinstance(value, list):
        return [as_text(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return whole_number(value)
    return value if isinstance(value, dict | bytes) else str(value)


def _fields(names: list[str], row: tuple[object, ...], place: Place) -> Fields | DatasetError:
    for name, value in zip(names, row, strict=True):
        if isinstance(value, bytes):
            return place.error(f"{name} holds bytes that are not UTF-8", "write it as text")
    return dict(zip(names, row, strict=True))
