"""The program of the process that reads an Arrow file: its argument is the file, its output a line of JSON per row.

The first line lists the names of the columns. A line is a list of values, or a text: the name of a column with bytes
that are no text; or an object whose `error` says why the rest cannot be read. It imports no other module of this
project.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_MEMORY = 4 << 30
"""Maximum bytes of address space."""
SECONDS, SECONDS_PER_MEBIBYTE = 60, 1
"""Maximum seconds of processor time, and those that every MiB of the file adds."""

SLICE_ROWS = 256
"""Rows that are Python's values at once."""

FILE_MAGIC = b"ARROW1\0\0"
"""How a file of the Arrow file format begins; a stream of messages follows."""


def main(path: Path) -> None:
    """Write the rows of a file to the standard output."""
    seconds = SECONDS + SECONDS_PER_MEBIBYTE * (path.stat().st_size >> 20)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        for line in _lines(path):
            sys.stdout.write(json.dumps(line, default=str) + "\n")
    except Exception as error:  # noqa: BLE001  whatever is wrong with the file, the other process says it
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        sys.stdout.write(json.dumps({"error": reason}) + "\n")


def _lines(path: Path) -> Iterator[object]:
    import pyarrow as pa  # noqa: PLC0415  within the limits of memory

    with pa.OSFile(str(path)) as file:
        if file.read(len(FILE_MAGIC)) != FILE_MAGIC:
            file.seek(0)
        batches = pa.ipc.open_stream(file)
        names = batches.schema.names
        yield names
        for batch in batches:
            batch.validate(full=True)
            for start in range(0, batch.num_rows, SLICE_ROWS):
                columns = [column.to_pylist() for column in batch.slice(start, SLICE_ROWS).columns]
                for row in zip(*columns, strict=True):
                    yield _row(names, row)


def _row(names: list[str], row: tuple[Any, ...]) -> object:
    """The values of a row, bytes as text; or the name of a column whose bytes are none."""
    values = []
    for name, value in zip(names, row, strict=True):
        try:
            values.append(value.decode() if isinstance(value, bytes) else value)
        except UnicodeDecodeError:
            return name
    return values


if __name__ == "__main__":
    main(Path(sys.argv[1]))
