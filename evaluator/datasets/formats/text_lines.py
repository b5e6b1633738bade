"""Reads text files line by line: any encoding, with or without byte order mark, LF or CRLF; blank lines are skipped."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path

import orjson

from evaluator.datasets.formats.encodings import contains_ascii, declared_in, is_utf8, open_text, recoded
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

MAX_LINE = 64 * 2**20
"""Maximum bytes of a line, including its line break."""

SAVE_AS_UTF8 = "save the file as UTF-8, or say in which encoding it is"
OTHER_ENCODING = "choose the encoding in which it was saved"
"""What to do about a text that cannot be decoded."""


def raw_lines(path: Path, encoding: str | None = None) -> Iterator[tuple[int, bytes | None]]:
    """Numbers of a file's lines, and the lines as UTF-8 with line breaks and without a byte order mark.

    A line that is too long is None. Bytes that the encoding does not have are 0xff.

    Args:
        encoding: the file's encoding; None: as it declares, or UTF-8.
    """
    name = encoding or declared_in(path)
    if is_utf8(name):
        return _utf8_lines(path)
    return _recoded_lines(path, name) if contains_ascii(name) else _wide_lines(path, name)


def _recoded_lines(path: Path, name: str) -> Iterator[tuple[int, bytes | None]]:
    for number, line in _utf8_lines(path):
        yield number, line if line is None or line.isascii() else recoded(line, name)


def _utf8_lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
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


def _wide_lines(path: Path, name: str) -> Iterator[tuple[int, bytes | None]]:
    """Lines of UTF-16 and the like, whose characters are no bytes of ASCII; at most `MAX_LINE` / 4 characters."""
    longest = MAX_LINE // 4
    with open_text(path, name) as file:
        number = 0
        while line := file.readline(longest):
            number += 1
            if number == 1:
                line = line.removeprefix("\ufeff")
            if len(line) >= longest and not line.endswith("\n"):
                while (rest := file.readline(longest)) and not rest.endswith("\n"):
                    pass
                yield number, None
            else:
                yield number, line.encode(errors="surrogateescape")


def read_lines(folder: Path, name: str, encoding: str | None = None) -> Iterator[Row[str]]:
    """The lines of a file that are not blank, without their line breaks; `encoding` as for `raw_lines`."""
    for number, line in raw_lines(folder / name, encoding):
        place = Place(name, number)
        if line is None:
            yield place, too_long(place)
        elif not line.isspace():
            try:
                decoded = line.decode()
            except UnicodeDecodeError as error:
                yield place, undecodable(place, error, encoding)
            else:
                if decoded.strip():
                    yield place, decoded.rstrip("\r\n")


def read_objects(folder: Path, name: str, encoding: str | None = None) -> Iterator[Row[Fields]]:
    """The JSON objects of a JSON Lines file; `encoding` as for `raw_lines`."""
    for number, line in raw_lines(folder / name, encoding):
        place = Place(name, number)
        if line is None:
            yield place, too_long(place)
        elif line and not line.isspace():
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                row = _read_leniently(place, line, encoding)
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


def _read_leniently(place: Place, line: bytes, encoding: str | None) -> Fields | DatasetError | None:
    """Parse a line that orjson refuses: `json` accepts NaN and lone surrogates, to which the rules for values apply."""
    try:
        decoded = line.decode()
        return as_object(place, json.loads(decoded)) if decoded.strip() else None
    except UnicodeDecodeError as error:
        return undecodable(place, error, encoding)
    except (ValueError, RecursionError) as error:
        return place.error(f"not valid JSON ({error})", "write one JSON object on each line")


def too_long(place: Place) -> DatasetError:
    """The error for a line that is too long to be read."""
    return place.error(f"the line is longer than {MAX_LINE >> 20} MiB", "split it, or remove it")


def undecodable(place: Place, error: UnicodeDecodeError, encoding: str | None) -> DatasetError:
    """The error for a line that is not in the given encoding; None is UTF-8, unless the file declares another."""
    if encoding is not None and not is_utf8(encoding):
        return place.error(f"not all of it is {encoding}", OTHER_ENCODING)
    byte = error.object[error.start]
    return place.error(f"byte {error.start + 1} (0x{byte:02x}) is not UTF-8", SAVE_AS_UTF8)
