"""Changes of files that people make without thinking of it: columns renamed, moved, removed; other separators.

No change may lose judgments in silence: the files are read right, something is asked, or refused, or what is lost is
named.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from evaluator.datasets.recognition.recognise import recognise
from evaluator.datasets.staging.from_tables import open_source
from evaluator.datasets.staging.importing import certain_reading
from evaluator.datasets.staging.stage import stage
from evaluator.errors import DatasetError
from tests.shapes.reading import read_as
from tests.shapes.shape import File, Shape
from tests.shapes.writing import Rows, delimited, write

Outcome = Literal["right", "asked", "refused", "said", "wrong"]


class Mutation(NamedTuple):
    """A changed shape.

    Attributes:
        name: what was changed.
        shape: the shape with the change.
        lost: the name of the column that is gone, if any.
        new: the new name of a column, if it has one.
    """

    name: str
    shape: Shape
    lost: str = ""
    new: str = ""


def mutations(shape: Shape) -> Iterator[Mutation]:
    """Every mutation of a shape's files of rows."""
    for file, content in shape.files.items():
        if isinstance(content, bytes):
            continue
        columns = list(content.rows[0])
        for column in columns:
            for new in (f"zz {column[::-1]}", column.upper()):
                rows = _renamed(content.rows, column, new)
                yield _with(shape, file, f"{file}: {column} renamed {new}", rows, new=new)
            rows = [{name: value for name, value in row.items() if name != column} for row in content.rows]
            if len(columns) > 1:
                yield _with(shape, file, f"{file}: {column} removed", rows, lost=column)
            wrapped = [{**row, column: json.dumps([row[column]])} for row in content.rows]
            yield _with(shape, file, f"{file}: {column} wrapped in lists", wrapped)
        turned = [dict(list(row.items())[::-1]) for row in content.rows]
        yield _with(shape, file, f"{file}: columns turned around", turned)
        yield _with(shape, file, f"{file}: rows turned around", content.rows[::-1])
        if content.write is delimited:
            for delimiter in ";|\t":
                writer = partial(delimited, delimiter=delimiter)
                yield _with(shape, file, f"{file}: separated by {delimiter!r}", content.rows, writer)
            yield _with(
                shape, file, f"{file}: in UTF-16", content.rows, partial(delimited, encoding="utf-16")
            )


def _renamed(rows: Rows, column: str, new: str) -> Rows:
    return [{new if name == column else name: value for name, value in row.items()} for row in rows]


def _with(
    shape: Shape, file: str, name: str, rows: Rows, writer: Any = None, lost: str = "", new: str = ""
) -> Mutation:
    content = shape.files[file]
    assert isinstance(content, File)
    changed = File(rows, writer or content.write)
    return Mutation(name, dataclasses.replace(shape, files={**shape.files, file: changed}), lost, new)


def outcome(mutation: Mutation, folder: Path) -> Outcome:
    """What becomes of a mutation: whether an import reads it right, asks, refuses, or says what it loses."""
    shape = mutation.shape
    write(folder / "files", shape.contents())
    recognised = recognise(folder / "files")
    if recognised.reading is None or recognised.problems:
        return "refused"
    try:
        reading = certain_reading("the files", recognised, shape.answer)
    except DatasetError:
        return "asked" if recognised.doubts else "refused"
    staged = stage(open_source(folder / "files", reading), folder / "staged")
    if staged.defects or staged.manifest is None:
        return "refused"
    read = read_as(folder / "files", recognised, reading)
    if read.judged == shape.judged:
        return "right"
    lost = len(shape.judged) - len(read.judged) or any(doc.startswith("?") for _, doc in read.judged)
    if mutation.lost and (read.judged.keys() <= shape.judged.keys() or not lost):
        return "right"  # as far as the files say it
    if mutation.new and any(item.place.endswith(f": {mutation.new}") for item in read.unused):
        return "said"
    said = {note.code for note in staged.manifest.notes}
    if said & {"no-judgments", "unknown-documents", "unknown-queries"}:
        return "said"
    return "wrong"
