"""Reads Arrow files, as `save_to_disk` of Hugging Face's `datasets` writes them, in a separate process.

Arrow's reader trusts what it reads: a damaged file can end its process, and a small one can ask for all of the memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from evaluator.datasets.formats import arrow_process
from evaluator.datasets.formats.columnar import LEAST, ROOM, TIMES, as_text
from evaluator.datasets.formats.text_lines import MAX_LINE, too_long
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

TOO_MUCH = "the file holds far more than its size, once repeated values are written out"


def read_arrow(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows; values that are neither text nor a list become text.

    Raises:
        DatasetError: the file is not Arrow, is broken from here on, or holds too much.
    """
    path = folder / table.file
    limit = max(ROOM, TIMES * path.stat().st_size)
    command = [sys.executable, "-I", arrow_process.__file__, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            yield from _rows(process.stdout, table.file, limit)
            ended = process.wait()
        finally:
            process.kill()
    if ended:
        raise _unreadable(Place(table.file), "it is damaged, or takes too much time or memory to read")


def _rows(lines: IO[bytes] | None, file: str, limit: int) -> Iterator[Row[Fields]]:
    """The rows that the process writes.

    Args:
        lines: its output.
        file: the file that it reads.
        limit: bytes that the rows may have.
    """
    names: list[str] = []
    number = -1
    while lines and (line := lines.readline(MAX_LINE)):
        number += 1
        place = Place(file, number)
        limit -= len(line) + LEAST * len(names)
        if limit < 0:
            raise Place(file).error(TOO_MUCH, "give it in parts, or as JSON Lines")
        if len(line) >= MAX_LINE:
            raise too_long(place)
        if not line.endswith(b"\n"):
            return  # the process ended within the line
        written = json.loads(line)
        if isinstance(written, dict):
            raise _unreadable(place, str(written["error"])[:300])
        if number == 0:
            names = written
        elif isinstance(written, str):
            yield place, place.error(f"{written} holds bytes that are not UTF-8", "write it as text")
        else:
            yield place, dict(zip(names, map(as_text, written), strict=True))


def _unreadable(place: Place, reason: str) -> DatasetError:
    return place.error(f"not readable as Arrow from here on ({reason})", "write the file again")
