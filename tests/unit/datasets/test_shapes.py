"""Every shape is read right, or asked about and then read right."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.errors import DatasetError
from tests.shapes.__main__ import table, try_mutations
from tests.shapes.reading import read_shape
from tests.shapes.shape import Shape
from tests.shapes.shapes import all_shapes
from tests.shapes.writing import write

SHAPES = list(all_shapes())


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
def test_a_shape_is_read_right(shape: Shape, tmp_path: Path) -> None:
    folder = write(tmp_path, shape.contents())
    if shape.asks:
        with pytest.raises(DatasetError, match=shape.asks):
            read_shape(folder, {})
    read = read_shape(folder, shape.answer)
    assert read.errors == []
    assert (read.n_documents, read.n_queries) == (shape.n_documents, shape.n_queries)
    assert read.judged == shape.judged


def test_no_change_of_the_files_loses_judgments_in_silence() -> None:
    """Some of the changes; `python -m tests.shapes mutations` tries all."""
    found, wrong = try_mutations(SHAPES, every=23)
    assert wrong == []
    assert found["right"] > found["refused"] > 0


def test_the_documentation_lists_the_shapes() -> None:
    docs = Path(__file__).parents[3] / "docs" / "datasets.md"
    assert table() in docs.read_text(encoding="utf-8")
