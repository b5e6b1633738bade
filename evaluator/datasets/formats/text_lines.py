"""Reads text files line by line: UTF-8 with or without byte order mark, LF or CRLF; blank lines are skipped."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path

import orjson

from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

MAX_LINE = 64 * 2**20
"""Maximum bytes of a line, including its line break."""


def raw_lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Numbers and bytes of a file's lines, with line breaks and without a byte order mark; None for too long a line."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if len(line) >= MAX_LINE and not line.endswith(b"\n"):
                while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                    pass
                yield number, None
            else:
                yield number, line


def read_lines(folder: Path, name: str) -> Iterator[Row[str]]:
    """The lines of a file that are not blank, without their line breaks."""
    for number, line in raw_lines(folder / name):
        place = Place(name, number)
        if line is None:
            yield place, too_long(place)
        elif not line.isspace():
            try:
                decoded = line.decode()
            except UnicodeDecodeError as error:
                yield place, not_utf8(place, error)
            else:
                if decoded.strip():
                    yield place, decoded.rstrip("\r\n")


def read_objects(folder: Path, name: str) -> Iterator[Row[Fields]]:
    """The JSON objects of a JSON Lines file."""
    for number, line in raw_lines(folder / name):
        place = Place(name, number)
        if line is None:
            yield place, too_long(place)
        elif line and not line.isspace():
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                row = _read_leniently(place, line)
                if row is not None:
                    yield place, row
            else:
                yield place, as_object(place, value)


def as_object(place: Place, value: object) -> Fields | DatasetError:
    """A JSON value that must be an object; otherwise an error."""
    if isinstance(value, dict):
        return value
    return place.error(
        f"a JSON object is expected, found a {type(value).__name__}", "write one JSON object on each line"
    )


def _read_leniently(place: Place, line: bytes) -> Fields | DatasetError | None:
    """Parse a line that orjson refuses: `json` accepts NaN and lone surrogates, to which the rules for values apply."""
    try:
        decoded = line.decode()
        return as_object(place, json.loads(decoded)) if decoded.strip() else None
    except UnicodeDecodeError as error:
        return not_utf8(place, error)
    except (ValueError, RecursionError) as error:
        return place.error(f"not valid JSON ({error})", "write one JSON object on each line")


def too_long(place: Place) -> DatasetError:
    """The error for a line that is too long to be read."""
    return place.error(f"the line is longer than {MAX_LINE >> 20} MiB", "split it, or remove it")


def not_utf8(place: Place, error: UnicodeDecodeError) -> DatasetError:
    """The error for a line in another encoding."""
    byte = error.object[error.start]
    return place.error(f"byte {error.start + 1} (0x{byte:02x}) is not UTF-8", "save the file as UTF-8")
