"""Parquet, a batch of rows at a time. What would fill the memory, or never end, is refused.

A value that comes again is stored once, so a few kilobytes can hold terabytes: values are counted by what the file says
of itself before any is read, and bytes as they come, a few rows at a time where a value that is repeated is long.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

ROOM, TIMES = 1 << 30, 20
"""Bytes that any file may hold, and how many times its own size a larger one may."""
LEAST = 8
"""Bytes that a value counts at least, also if it is missing."""
BATCH_ROWS, BATCH_VALUES, BATCH_BYTES = 1024, 1 << 20, 64 << 20
"""What is held at a time, at most; a single row may have more bytes."""


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
            limit = left = max(ROOM, TIMES * path.stat().st_size)
            if _least_bytes(file.metadata) > limit:
                raise _too_much(place, limit)
            for batch in _batches(file, path):
                left -= max(batch.nbytes, LEAST * batch.num_rows * (batch.num_columns + 1))
                if left < 0:
                    raise _too_much(place, limit)
                names = batch.schema.names
                for row in _rows(batch):
                    count += 1
                    place = Place(table.file, count)
                    yield place, _fields(names, row, place)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise place.error(
            f"not readable as Parquet from here on ({reason[:300]})", "write the file anew"
        ) from error


def _too_much(place: Place, limit: int) -> DatasetError:
    return place.error(
        f"the file holds more than {limit:,} bytes once its repeated values are written out",
        "give it in parts, or as JSON Lines",
    )


def _least_bytes(metadata: pq.FileMetaData) -> int:
    """Bytes that a file holds at least, by what it says of itself."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    values = sum(group.column(n).num_values for group in groups for n in range(group.num_columns))
    return int(max(sum(group.total_byte_size for group in groups), LEAST * (values + metadata.num_rows)))


def _batches(file: pq.ParquetFile, path: Path) -> Iterator[pa.RecordBatch]:
    """All rows, so few at a time that they fit into memory."""
    metadata = file.metadata
    leaves = [metadata.schema.column(number) for number in range(len(metadata.schema))]
    texts = [leaf.path for leaf in leaves if _is_text(leaf)]
    with pq.ParquetFile(path, metadata=metadata, read_dictionary=texts) as words:
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            in_a_row = sum(
                _in_a_row(group, column, leaf, words, number) for column, leaf in enumerate(leaves)
            )
            n_rows = min(BATCH_ROWS, BATCH_VALUES // max(1, len(leaves)), BATCH_BYTES // max(1, in_a_row))
            for batch in file.iter_batches(max(1, n_rows), row_groups=[number]):
                yield pa.RecordBatch.from_arrays(
                    [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in batch.columns],
                    names=batch.schema.names,
                )


def _is_text(leaf: pq.ColumnSchema) -> bool:
    """Whether values have any length; numbers of many digits are stored like that, too, but are short."""
    return bool(leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type != "DECIMAL")


def _in_a_row(
    group: pq.RowGroupMetaData, column: int, leaf: pq.ColumnSchema, words: pq.ParquetFile, number: int
) -> int:
    """Bytes that a row may have in a column: the longest value that can be repeated, else a mean one.

    Args:
        group: the row group of this number.
        words: the file, in which repeated texts are numbers and a list of the different ones.
    """
    chunk = group.column(column)
    size, values = chunk.total_uncompressed_size, max(1, chunk.num_values)
    longest = max(size // values, leaf.length)
    if "DELTA_BYTE_ARRAY" in chunk.encodings:  # what a text shares with the one before is left out
        longest = size
    elif _is_text(leaf):
        longest = max(longest, _longest_word(words, number, leaf.path))
    return int(longest * -(-values // max(1, group.num_rows)))


def _longest_word(words: pq.ParquetFile, number: int, path: str) -> int:
    """Bytes of the longest text that a row group lists for a column."""
    first = next(words.iter_batches(1, row_groups=[number], columns=[path]), None)
    lists = [] if first is None else _lists(first.column(0))
    return max((pc.max(pc.binary_length(listed)).as_py() or 0 for listed in lists), default=0)


def _lists(array: pa.Array) -> Iterator[pa.Array]:
    """The lists of different values in an array, and in what is inside it."""
    if pa.types.is_dictionary(array.type):
        yield array.dictionary
    elif pa.types.is_struct(array.type):
        for number in range(array.type.num_fields):
            yield from _lists(array.field(number))
    elif pa.types.is_nested(array.type):
        yield from _lists(array.values)


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
