"""A shape: nested JSON of a tool or benchmark, which is read as flat tables of documents, queries and judgments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from evaluator.datasets.reading import Kind
from evaluator.datasets.source import Fields

DOCUMENTS, QUERIES, JUDGMENTS = "documents", "queries", "judgments"
"""Names of the tables. Their columns always have these names:

- documents: `id`, `title`, `text`
- queries: `id`, `query`
- judgments: `query_id`, or `query` with the query's text; `doc_id`, or `document` with the document's text; `grade`

A column is missing where the files do not say it.
"""

EACH = None
"""A step of a path to every item of a list."""
ENTRIES = "{}"
"""A step of a path to every entry of an object, as an object with `key` and `value`."""

Steps = tuple[str | None, ...]
"""The members that lead to a shape's objects; the lines of a JSON Lines file are the items of a list."""

Flatten = Callable[[Fields], Iterable[Fields]]
"""Makes rows of one object; raises `Unclear` for an object that it does not understand."""


class Unclear(Exception):
    """What is not understood in an object, and what to do about it."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice


@dataclass(frozen=True)
class Shape:
    """A shape.

    Attributes:
        kind: its kind.
        name: what people call it.
        paths: where its objects may be in a file.
        fits: whether an object, the first at a path, has this shape.
        tables: makes the rows of each table of one object.
    """

    kind: Kind
    name: str
    paths: tuple[Steps, ...]
    fits: Callable[[Fields], bool]
    tables: Mapping[str, Flatten]


def first_of(record: Fields, names: Iterable[str]) -> object:
    """The first value that is there and not null, of several members."""
    return next((record[name] for name in names if record.get(name) is not None), None)


def objects_of(value: object, name: str) -> list[Fields]:
    """A list of objects; empty for a missing value.

    Raises:
        Unclear: the value is anything else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Unclear(f"{name} is no list of objects", f"write {name} as a list of objects")
    return value


def are_objects(value: object) -> bool:
    """Whether a value is a list of objects."""
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def named(query_id: object, query: object) -> Fields:
    """The columns that name a query in a judgment: its id, or else its text."""
    return {"query": query} if query_id is None else {"query_id": query_id}


def with_id(row_id: object, row: Fields) -> Fields:
    """A row with its id, if it has one."""
    return row if row_id is None else {"id": row_id, **row}
