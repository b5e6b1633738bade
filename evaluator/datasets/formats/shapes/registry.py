"""The shapes that are known: recognises them in files, and reads their tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from evaluator.datasets.formats.lines.runs import are_scores
from evaluator.datasets.formats.shapes.dumps import ELASTICDUMP, is_action
from evaluator.datasets.formats.shapes.passages import GOLDENS, PASSAGES, SQUAD
from evaluator.datasets.formats.shapes.ratings import (
    LOTTE,
    QUEPID,
    QUEPID_BOOK,
    QUERY_SETS,
    RANK_EVAL,
    RRE,
    WORKBENCH,
)
from evaluator.datasets.formats.shapes.shape import EACH, JUDGMENTS, Shape, Steps, Unclear
from evaluator.datasets.formats.shapes.values import objects, sample, within
from evaluator.datasets.reading import Kind, Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

SHAPES = (
    *(SQUAD, PASSAGES, GOLDENS, LOTTE),
    *(WORKBENCH, QUERY_SETS, RANK_EVAL, RRE, QUEPID, QUEPID_BOOK),
    ELASTICDUMP,  # the last, because others may be documents of an index, too
)
BY_KIND: Mapping[Kind, Shape] = {shape.kind: shape for shape in SHAPES}

STARTS = frozenset(steps[0] for shape in SHAPES for steps in shape.paths if steps and steps[0] is not None)
"""Members of a file's object in which shapes may be."""

DIGEST_BYTES = 16


def shape_kind(path: Path) -> Kind | None:
    """The kind of shape that a JSON or JSON Lines file has; None if it has none that is known."""
    content = _sample(path)
    first = next(within(content, (EACH,)), None)
    if is_action(first):
        return "bulk"
    if are_scores(content, path):
        return "run"
    return _fitting(content)


def members(folder: Path, file: str, kind: Kind) -> tuple[str, ...]:
    """The tables of a shape that have rows in a file, or all of them if none has.

    Raises:
        DatasetError: the file is not valid JSON.
    """
    shape = BY_KIND[kind]
    empty = dict(shape.tables)
    for _, record in _objects(folder, file, shape):
        if not isinstance(record, DatasetError):
            empty = {name: flatten for name, flatten in empty.items() if not _has_rows(shape, name, record)}
        if not empty:
            break
    return tuple(name for name in shape.tables if name not in empty) or tuple(shape.tables)


def read_shape(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows of one of a shape's tables; a document or query that is repeated is one row.

    Raises:
        DatasetError: the file is not valid JSON from here on, or has another shape, or no such table.
    """
    shape = BY_KIND[table.kind]
    if table.member not in shape.tables:
        raise DatasetError(f"{table}: there is no such table; choose one of {', '.join(shape.tables)}")
    seen: set[bytes] | None = None if table.member in ("", JUDGMENTS) else set()
    for place, record in _objects(folder, table.file, shape):
        if isinstance(record, DatasetError):
            yield place, record
            continue
        for row in _rows(shape, table.member, record, place):
            if seen is None or isinstance(row, DatasetError):
                yield place, row
            elif (digest := _digest(row)) not in seen:
                seen.add(digest)
                yield place, row


def _fitting(content: object) -> Kind | None:
    """The first kind of shape that a file's content, or a sample of it, has."""
    return next((shape.kind for shape in SHAPES if _steps(shape, content) is not None), None)


def _sample(path: Path) -> object:
    try:
        return sample(path, STARTS, lambda content: _fitting(content) is not None)
    except (DatasetError, OSError, RecursionError):
        return None


def _steps(shape: Shape, content: object) -> Steps | None:
    """The path at which a file has objects of a shape."""
    for steps in shape.paths:
        first = next(within(content, steps), None)
        try:
            if isinstance(first, dict) and shape.fits(first):
                return steps
        except (Unclear, RecursionError):
            continue
    return None


def _objects(folder: Path, file: str, shape: Shape) -> Iterator[Row[Fields]]:
    steps = _steps(shape, _sample(folder / file))
    if steps is None:
        # Broken JSON has a better reason than that it has another shape.
        yield from (row for row in objects(folder, file, (EACH,)) if isinstance(row[1], DatasetError))
        raise DatasetError(f"{file}: it is not written as {shape.name}; choose another kind of file")
    yield from objects(folder, file, steps)


def _rows(shape: Shape, member: str, record: Fields, place: Place) -> Iterator[Fields | DatasetError]:
    """The rows of an object, and an error behind them if the rest of it is not understood."""
    try:
        yield from shape.tables[member](record)
    except Unclear as unclear:
        yield place.error(unclear.reason, unclear.advice)
    except RecursionError:
        yield place.error("lists and objects are too deep inside each other", "write it simpler")


def _has_rows(shape: Shape, member: str, record: Fields) -> bool:
    return next(_rows(shape, member, record, Place("")), None) is not None


def _digest(row: Fields) -> bytes:
    content = repr(sorted(row.items())).encode(errors="surrogatepass")
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()
