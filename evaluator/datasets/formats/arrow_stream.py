"""Reads Arrow files, as `save_to_disk` of Hugging Face's `datasets` writes them, a batch of rows at a time.

A batch lies in the file as it lies in memory, so that its size is bounded by the file's. What could make it larger is
refused: compressed batches, and types by which a value that is stored once appears in many rows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from evaluator.datasets.formats.columnar import (
    BATCH_BYTES,
    BATCH_ROWS,
    BATCH_VALUES,
    LEAST,
    ROOM,
    TIMES,
    fields_of,
    rows_of,
)
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row

FILE_MAGIC = b"ARROW1\0\0"
"""How a file of the Arrow file format begins; a stream of messages follows."""

U16, I32, U32 = struct.Struct("<H"), struct.Struct("<i"), struct.Struct("<I")
HEADER, COMPRESSION = 2, 3
"""Fields of Arrow's messages (https://github.com/apache/arrow/blob/main/format/Message.fbs), by their number."""


def read_arrow(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows; values that are neither text nor a list become text.

    Raises:
        DatasetError: the file is not Arrow, is broken from here on, or holds what is refused.
    """
    place = Place(table.file)
    path = folder / table.file
    limit = max(ROOM, TIMES * path.stat().st_size)
    count = 0
    try:
        for batch in _batches(path, place):
            limit -= LEAST * (_values(batch) + batch.num_rows)
            if limit < 0:
                raise place.error(
                    "the file holds far more values than bytes", "write it as Parquet or JSON Lines"
                )
            names = batch.schema.names
            for part in _slices(batch):
                for row in rows_of(part):
                    count += 1
                    place = Place(table.file, count)
                    yield place, fields_of(names, row, place)
    except (pa.ArrowException, OSError, ValueError, OverflowError, RecursionError, struct.error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise place.error(
            f"not readable as Arrow from here on ({reason[:300]})", "write the file again"
        ) from error


def _batches(path: Path, place: Place) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path)) as file:
        if file.read(len(FILE_MAGIC)) != FILE_MAGIC:
            file.seek(0)
        messages = pa.ipc.MessageReader.open_stream(file)
        first = next(messages, None)
        if first is None:
            raise ValueError("it is empty")
        schema = pa.ipc.read_schema(first)
        for field in schema:
            if (kind := _refused(field.type)) is not None:
                raise place.error(f"{field.name} is of the type {kind}", "write it as Parquet or JSON Lines")
        for message in messages:
            if message.type != "record batch" or _is_compressed(message.metadata.to_pybytes()):
                raise place.error("it has compressed or shared values", "write it as Parquet or JSON Lines")
            batch = pa.ipc.read_record_batch(message, schema)
            batch.validate(full=True)
            yield batch


def _refused(kind: pa.DataType) -> pa.DataType | None:
    """The type, or one inside it, by which a value can appear more often than it is stored; None if there is none."""
    shared = pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind) or pa.types.is_union(kind)
    views = (
        pa.types.is_string_view,
        pa.types.is_binary_view,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    if shared or any(is_view(kind) for is_view in views) or isinstance(kind, pa.BaseExtensionType):
        return kind
    inner = (kind.field(number).type for number in range(kind.num_fields))
    return next((refused for refused in map(_refused, inner) if refused is not None), None)


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in parts that fit into memory as Python's values; a single row may be larger."""
    small = batch.num_rows <= BATCH_ROWS and batch.nbytes <= BATCH_BYTES and _values(batch) <= BATCH_VALUES
    if small or batch.num_rows == 1:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _slices(batch.slice(0, half))
    yield from _slices(batch.slice(half))


def _values(batch: pa.RecordBatch) -> int:
    """The values of a batch, with those inside of lists."""
    return sum(map(_values_of, batch.columns))


def _values_of(array: pa.Array) -> int:
    if pa.types.is_struct(array.type):
        return len(array) + sum(map(_values_of, array.flatten()))
    return len(array) + (_values_of(array.flatten()) if pa.types.is_nested(array.type) else 0)


def _is_compressed(message: bytes) -> bool:
    """Whether the batch of a message is compressed, which Arrow's reader does not tell before it unpacks it.

    Args:
        message: the message's metadata, a FlatBuffer.

    Raises:
        struct.error: the metadata is broken.
    """
    root = U32.unpack_from(message, 0)[0]
    header = _field(message, root, HEADER)
    if header is None:
        raise ValueError("a message has no header")
    batch = header + U32.unpack_from(message, header)[0]
    return _field(message, batch, COMPRESSION) is not None


def _field(message: bytes, table: int, number: int) -> int | None:
    """The position of a field of a FlatBuffer's table; None if the table leaves it out."""
    entries = table - I32.unpack_from(message, table)[0]
    entry = 4 + 2 * number
    if entries < 0 or entry >= U16.unpack_from(message, entries)[0]:
        return None
    offset = U16.unpack_from(message, entries + entry)[0]
    return table + offset if offset else None
