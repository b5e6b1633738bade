"""Text files line by line: UTF-8 with or without byte order mark, LF or CRLF, blank lines passed over."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path

from evaluator.datasets.source import Place

Fields = dict[str, object]
"""One JSON object."""


def read_lines(folder: Path, name: str) -> Iterator[tuple[Place, str]]:
    """The lines of a file that are not blank, without their ends.

    Raises:
        DatasetError: a line is not UTF-8.
    """
    with (folder / name).open("rb") as file:
        for number, line in enumerate(file, start=1):
            place = Place(name, number)
            written = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            try:
                decoded = written.decode("utf-8")
            except UnicodeDecodeError as error:
                raise place.error(
                    f"byte {error.start + 1} (0x{written[error.start]:02x}) is not UTF-8",
                    "save the file as UTF-8",
                ) from error
            if decoded.strip():
                yield place, decoded.rstrip("\r\n")


def read_objects(folder: Path, name: str) -> Iterator[tuple[Place, Fields]]:
    """The JSON objects of a JSON Lines file.

    Raises:
        DatasetError: a line is not UTF-8, or not one JSON object.
    """
    for place, line in read_lines(folder, name):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise place.error(f"not valid JSON ({error})", "write one JSON object on each line") from error
        if not isinstance(value, dict):
            raise place.error(
                f"a JSON object is expected, found a {type(value).__name__}",
                "write one JSON object on each line",
            )
        yield place, value


def first_fields(folder: Path, name: str) -> frozenset[str]:
    """Names of the fields of a file's first object; none if the file is empty.

    Raises:
        DatasetError: the first line is not UTF-8, or not one JSON object.
    """
    for _, fields in read_objects(folder, name):
        return frozenset(fields)
    return frozenset()
