"""JSON: a list of objects, a mapping by id, or an object with the parts of a dataset as its members."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import ijson

from evaluator.datasets.formats.encodings import open_utf8
from evaluator.datasets.formats.suffixes import JSON
from evaluator.datasets.formats.text_lines import as_object, raw_lines
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

MAX_DEPTH = 64
"""Maximum depth of nested lists and objects."""

CHUNK = 1 << 22
"""Bytes that are parsed at once: for every chunk that a string spans, the parser reads the string from its start."""

LONGEST_STRING = 16
"""Maximum chunks that a string may span."""

LONGEST_ESCAPE = 12
"""Bytes of a surrogate pair: two escapes of six."""

TOO_LONG = b"{..."
"""What stands for a line that is too long to be read."""

QUOTE = re.compile(rb'(?<!\\)"')
SUSPECT = re.compile(rb"\\u[dD][89a-fA-F]")
ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.|\Z)",
    re.DOTALL,
)
"""Every escape, a surrogate pair as one match; the group is half of a pair."""

PARTS = {
    *("corpus", "documents", "docs", "passages", "collection"),
    *("queries", "questions", "topics"),
    *("qrels", "judgments", "judgements", "relevance", "relevantdocs"),
}
"""Names of members that hold a part of a dataset, normalized by `part_name`."""

OPENING, CLOSING = ("start_map", "start_array"), ("end_map", "end_array")

Event = tuple[str, object]


def read_json(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows of a list or mapping: the value of the table's member, or else the whole file.

    Raises:
        DatasetError: the file is not valid JSON from here on, or has no such member.
    """
    count = 0
    for key, value in _entries(folder, table):
        for row in _rows(key, value):
            count += 1
            place = Place(str(table), count)
            yield place, as_object(place, row)


def holds_lines(path: Path) -> bool:
    """Whether a file is JSON Lines, whatever its suffix: a `.jsonl` may hold one array, and a `.json` objects in lines.

    It is, unless an array or object begins in the first line and does not end there. A `.json` needs a second line.
    """
    lines = (TOO_LONG if line is None else line.strip() for _, line in raw_lines(path))
    written = filter(None, lines)
    first, second = next(written, b""), next(written, b"")
    if path.suffix.lower() == JSON:
        return first[:1] == second[:1] == b"{" and _is_complete(first)
    if first[:1] == b"[":
        return bool(second) and _is_complete(first)
    return first != b"{"


def _is_complete(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def members(folder: Path, file: str) -> tuple[str, ...]:
    """Names of the members of a file's object that are separate tables; none if the file is a single table.

    An object is a single table, a mapping by id, unless a member has the name of a dataset's part or lists objects.

    Raises:
        DatasetError: the file is not valid JSON.
    """
    named: list[str] = []
    listing: list[str] = []
    with open_utf8(folder / file) as opened:
        events = events_of(opened, file)
        if next(events, ("", None))[0] != "start_map":
            return ()
        for event, name in events:
            if event == "map_key":
                start = next(events)
                first = next(events) if start[0] == "start_array" else ("", None)
                if start[0] in OPENING and part_name(str(name)) in PARTS:
                    named.append(str(name))
                elif first[0] == "start_map":
                    listing.append(str(name))
                skip(start, events, first)
    return tuple(named or listing)


def part_name(name: str) -> str:
    """A member's name without case and punctuation."""
    return "".join(filter(str.isalnum, name.lower()))


def _entries(folder: Path, table: Table) -> Iterator[tuple[str | None, object]]:
    """The items of a list (with None as the key) or of a mapping (with their keys)."""
    place = Place(str(table))
    with open_utf8(folder / table.file, table.encoding) as opened:
        events = events_of(opened, table.file)
        start = next(events, ("", None))
        if table.member:
            start = _find(table.member, start, events)
        if start[0] == "start_array":
            while (event := next(events))[0] != "end_array":
                yield None, build(event, events, place)
        elif start[0] == "start_map":
            while (event := next(events))[0] != "end_map":
                yield str(event[1]), build(next(events), events, place)
        else:
            raise place.error("a list or an object is expected", "write a list of objects")
        for _ in events:
            pass


def _find(member: str, start: Event, events: Iterator[Event]) -> Event:
    """The first event of a member's value.

    Raises:
        DatasetError: there is no such member.
    """
    if start[0] == "start_map":
        while (event := next(events))[0] != "end_map":
            value = next(events)
            if event[1] == member:
                return value
            skip(value, events)
    raise DatasetError(f"{member}: there is no such member; choose one that the file has")


def _rows(key: str | None, value: object) -> Iterator[object]:
    """The rows of one item: the item of a list, or the key of a mapping with its text, fields or judgments."""
    if key is None:
        yield _positional(value)
    elif (
        isinstance(value, dict) and value and all(isinstance(grade, int | float) for grade in value.values())
    ):
        for document, grade in value.items():
            yield {"query": key, "document": document, "grade": grade}
    elif isinstance(value, dict):
        yield {**value, "id": key}
    elif isinstance(value, list):
        for document in value:
            yield {"query": key, "document": document}
    else:
        yield {"id": key, "text": value}


def _positional(value: object) -> object:
    """An item of a list: a text is a document or query, two or three values are a judgment."""
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, list) and len(value) in (2, 3):
        return dict(zip(("query", "document", "grade"), value, strict=False))
    return value


def events_of(file: BinaryIO, name: str) -> Iterator[Event]:
    """The parser's events.

    Raises:
        DatasetError: the file is not valid JSON, or its values are nested too deeply.
    """
    place = Place(name)
    depth = 0
    try:
        for event, value in ijson.basic_parse(_Checked(file, place), use_float=True, buf_size=CHUNK):
            if event in OPENING:
                depth += 1
                if depth > MAX_DEPTH:
                    raise place.error(
                        f"lists and objects are inside each other {depth} deep", "write a list of objects"
                    )
            elif event in CLOSING:
                depth -= 1
            yield event, value
    except (ijson.JSONError, ValueError) as error:
        raise place.error(f"not valid JSON ({_reason(error)})", "write the file again") from error


def _reason(error: Exception) -> str:
    """The parser's message on one line; the message is bytes if it quotes a part of the file that is not UTF-8."""
    message = error.args[0] if error.args else ""
    text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    return " ".join(text.split())[:300]


def build(event: Event, events: Iterator[Event], place: Place) -> object:
    """The value that begins with an event."""
    kind, value = event
    if kind == "start_array":
        items = []
        while (event := next(events))[0] != "end_array":
            items.append(build(event, events, place))
        return items
    if kind == "start_map":
        fields: Fields = {}
        while (event := next(events))[0] != "end_map":
            fields[str(event[1])] = build(next(events), events, place)
        return fields
    return value


def skip(start: Event, events: Iterator[Event], second: Event = ("", None)) -> None:
    """Skip the value that begins with one or two events that were already read."""
    depth = (start[0] in OPENING) + (second[0] in OPENING) - (second[0] in CLOSING)
    while depth:
        kind = next(events)[0]
        depth += (kind in OPENING) - (kind in CLOSING)


class _Checked:
    """A file that refuses endless strings and halves of surrogate pairs, which the parser would replace silently."""

    def __init__(self, file: BinaryIO, place: Place) -> None:
        self._file = file
        self._place = place
        self._tail = b""
        self._without_quote = 0
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            file.seek(0)

    def read(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            DatasetError: the bytes hold half of a surrogate pair, or continue a string that is too long.
        """
        chunk = self._file.read(size)
        if size:
            self._check(chunk)
        return chunk

    def _check(self, chunk: bytes) -> None:
        self._without_quote = 0 if QUOTE.search(chunk) else self._without_quote + 1
        if self._without_quote > LONGEST_STRING:
            raise self._place.error(
                f"a string is longer than {LONGEST_STRING * CHUNK >> 20} MiB", "split it, or remove it"
            )
        window, self._tail = self._tail + chunk, b""
        if not SUSPECT.search(window):
            last = window.rfind(b"\\")
            if chunk and last >= max(0, len(window) - len(b"\\ud")):
                self._tail = window[len(window[: last + 1].rstrip(b"\\")) :]
            return
        for escape in ESCAPES.finditer(window):
            if chunk and escape.start() > len(window) - LONGEST_ESCAPE:
                self._tail = window[escape.start() :]
                return
            if escape[1]:
                raise self._place.error(
                    f"\\{escape[1].decode()} is half of a surrogate pair",
                    "write the whole character, or remove it",
                )
