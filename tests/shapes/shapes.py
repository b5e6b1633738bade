"""All shapes, each with the values that are right for it. docs/datasets.md lists them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.shapes.formats import formats
from tests.shapes.shape import Shape
from tests.shapes.tables import tables


def all_shapes() -> Iterator[Shape]:
    """Every shape."""
    yield from tables()
    yield from formats()
