"""Parquet that says in a few kilobytes what would fill a memory, or keep a reader busy for hours."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluator.datasets.formats import columnar
from evaluator.datasets.formats.columnar import BATCH_BYTES, read_parquet
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Row
from evaluator.errors import DatasetError

MANY = 300_000
REFUSED = "once its repeated values are written out; give it in parts, or as JSON Lines"


def repeated(value: object, kind: pa.DataType, n_rows: int) -> pa.Array:
    """The same value again and again, stored once."""
    indices = pa.array([0] * n_rows, pa.int32())
    return pa.DictionaryArray.from_arrays(indices, pa.array([value], kind))


def written(folder: Path, **columns: pa.Array) -> Iterator[Row[Fields]]:
    """A file of these columns, to be read."""
    # Without Arrow's own schema, as other programs write it: texts are read as texts, and not as numbers of a list.
    pq.write_table(pa.table(columns), folder / "corpus.parquet", store_schema=False)
    return read_parquet(folder, Table("corpus.parquet", "parquet"))


def test_missing_values_are_counted_before_any_value_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As two files of 14 kB did that kept both places of examination for hours."""
    rows = written(tmp_path, text=pa.nulls(MANY, pa.string()))
    assert (tmp_path / "corpus.parquet").stat().st_size < 14_000
    monkeypatch.setattr(columnar, "ROOM", MANY)
    with pytest.raises(DatasetError, match=f"^corpus.parquet: the file holds more than 300,000.*{REFUSED}"):
        next(rows)


def test_repeated_texts_are_counted_while_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = written(tmp_path, text=repeated("x" * 1000, pa.string(), MANY))
    monkeypatch.setattr(columnar, "ROOM", 20_000_000)
    read = 0
    with pytest.raises(DatasetError, match=REFUSED):
        for _ in rows:
            read += 1
    assert 18_000 < read < 20_000  # of 1000 bytes each


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("arrow", [False, True])
def test_batches_fit_into_memory(tmp_path: Path, nested: bool, arrow: bool) -> None:
    """A text of 2 MB that comes 2000 times: 1024 rows of them are 2 GB."""
    texts = repeated("x" * 2_000_000, pa.string(), 2000)
    column = pa.ListArray.from_arrays(pa.array(range(2001), pa.int32()), texts) if nested else texts
    pq.write_table(pa.table({"text": column}), tmp_path / "corpus.parquet", store_schema=arrow)
    before = pa.total_allocated_bytes()
    rows = read_parquet(tmp_path, Table("corpus.parquet", "parquet"))
    held = [pa.total_allocated_bytes() - before for _ in islice(rows, 3)]
    assert len(held) == 3
    assert max(held) < 2 * BATCH_BYTES


@pytest.mark.parametrize("kind", ["delta", "fixed"])
def test_other_ways_to_repeat_a_text(tmp_path: Path, kind: str) -> None:
    values = ["x" * 1_000_000] * 150
    if kind == "delta":  # each text is what it shares with the one before, and the rest
        table, encoding = pa.table({"text": values}), {"text": "DELTA_BYTE_ARRAY"}
        pq.write_table(table, tmp_path / "corpus.parquet", use_dictionary=False, column_encoding=encoding)
    else:
        table = pa.table({"text": pa.array([value.encode() for value in values], pa.binary(1_000_000))})
        pq.write_table(table, tmp_path / "corpus.parquet")
    before = pa.total_allocated_bytes()
    rows = read_parquet(tmp_path, Table("corpus.parquet", "parquet"))
    held = [pa.total_allocated_bytes() - before for _ in islice(rows, 3)]
    assert len(held) == 3
    assert max(held) < 2 * BATCH_BYTES


def test_many_rows_of_many_lists_are_read_whole(tmp_path: Path) -> None:
    """What is honest is read as it was, whatever its batches."""
    rows = 3000
    table = pa.table(
        {
            "id": [f"d{n}" for n in range(rows)],
            "text": [f"text {n % 7} " + "long " * (n % 3) * 1000 for n in range(rows)],
            "tags": [[f"tag {n % 5}"] * (n % 4) for n in range(rows)],
            "place": [{"of": {"town": f"town {n % 11}"}} for n in range(rows)],
            "missing": pa.nulls(rows, pa.string()),
        }
    )
    pq.write_table(table, tmp_path / "corpus.parquet", row_group_size=700)
    read = [row for _, row in read_parquet(tmp_path, Table("corpus.parquet", "parquet"))]
    assert read == table.to_pylist()


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert list(written(tmp_path, text=pa.array([], pa.string()))) == []
    pq.write_table(pa.table({}), tmp_path / "corpus.parquet")
    assert list(read_parquet(tmp_path, Table("corpus.parquet", "parquet"))) == []
