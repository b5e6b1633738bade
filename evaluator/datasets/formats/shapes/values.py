"""Finds the objects of a shape in a JSON or JSON Lines file, one after the other, without reading the file whole."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path

from evaluator.datasets.formats.encodings import open_utf8
from evaluator.datasets.formats.json_objects import Event, build, events_of, holds_lines, skip
from evaluator.datasets.formats.shapes.shape import EACH, ENTRIES, Steps
from evaluator.datasets.formats.text_lines import as_object, read_objects
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

SAMPLED_MEMBERS = 100
"""Maximum members of an object in a sample."""


def objects(folder: Path, file: str, steps: Steps) -> Iterator[Row[Fields]]:
    """The objects at a path.

    Raises:
        DatasetError: the file is not valid JSON from here on.
    """
    if holds_lines(folder / file):
        for place, row in read_objects(folder, file):
            if isinstance(row, DatasetError):
                yield place, row
            elif steps[:1] == (EACH,):
                for value in within(row, steps[1:]):
                    yield place, as_object(place, value)
        return
    count = 0
    with open_utf8(folder / file) as opened:
        events = events_of(opened, file)
        for value in _at(next(events, ("", None)), events, steps, Place(file)):
            count += 1
            place = Place(file, count)
            yield place, as_object(place, value)
        for _ in events:
            pass


def within(value: object, steps: Steps) -> Iterator[object]:
    """The values at a path inside a value."""
    if not steps:
        yield value
    elif steps[0] == EACH and isinstance(value, list):
        for item in value:
            yield from within(item, steps[1:])
    elif steps[0] == ENTRIES and isinstance(value, dict):
        for key, entry in value.items():
            yield from within({"key": key, "value": entry}, steps[1:])
    elif isinstance(value, dict) and steps[0] in value:
        yield from within(value[str(steps[0])], steps[1:])


def _at(start: Event, events: Iterator[Event], steps: Steps, place: Place) -> Iterator[object]:
    """The values at a path inside the value that begins with an event."""
    if not steps:
        yield build(start, events, place)
    elif steps[0] == EACH and start[0] == "start_array":
        while (event := next(events))[0] != "end_array":
            yield from _at(event, events, steps[1:], place)
    elif steps[0] != EACH and start[0] == "start_map":
        while (event := next(events))[0] != "end_map":
            value = next(events)
            if steps[0] == ENTRIES:
                yield from within({"key": str(event[1]), "value": build(value, events, place)}, steps[1:])
            elif event[1] == steps[0]:
                yield from _at(value, events, steps[1:], place)
            else:
                skip(value, events)
    else:
        skip(start, events)


def sample(path: Path, wanted: Container[str], found: Callable[[object], bool]) -> object:
    """A file's value with only the first item of each list, and the first members of each object.

    Args:
        path: the file.
        wanted: members of the outermost object that are there wherever they stand.
        found: whether a sample is enough, so that the rest of the file need not be read.
    """
    if holds_lines(path):
        rows = (row for _, row in read_objects(path.parent, path.name) if not isinstance(row, DatasetError))
        return list(islice(rows, 1))
    kept: list[object] = []
    with open_utf8(path) as opened, suppress(DatasetError):  # a break is reported when the file is read
        events = events_of(opened, path.name)
        start = next(events, ("", None))
        if start[0] == "start_array":
            _sample_value(next(events), events, kept.append)
            return kept
        if start[0] != "start_map":
            return None
        outermost: Fields = {}
        kept.append(outermost)
        while (event := next(events))[0] != "end_map":
            name, value = str(event[1]), next(events)
            if name in wanted and value[0] == "start_array":
                items: list[object] = []
                outermost[name] = items
                if (first := next(events))[0] != "end_array":
                    _sample_value(first, events, items.append)
                    if found(outermost):
                        break
                    skip(value, events)
            elif name in wanted or len(outermost) < SAMPLED_MEMBERS:
                _sample_value(value, events, partial(outermost.__setitem__, name))
            else:
                skip(value, events)
    return kept[0] if kept else None


def _sample_value(start: Event, events: Iterator[Event], keep: Callable[[object], None]) -> None:
    """Sample the value that begins with an event; it is kept first and filled then, as far as the file can be read."""
    if start[0] == "start_array":
        items: list[object] = []
        keep(items)
        while (event := next(events))[0] != "end_array":
            if items:
                skip(event, events)
            else:
                _sample_value(event, events, items.append)
    elif start[0] == "start_map":
        fields: Fields = {}
        keep(fields)
        while (event := next(events))[0] != "end_map":
            name, value = str(event[1]), next(events)
            if len(fields) < SAMPLED_MEMBERS:
                _sample_value(value, events, partial(fields.__setitem__, name))
            else:
                skip(value, events)
    else:
        keep(start[1])
