"""Arrow files, as Hugging Face's `save_to_disk` writes them: rows, and what is refused as it could fill the memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evaluator.datasets.formats.sniffing import kind_of
from tests.unit.datasets.table_files import rows, rows_and_errors

NAME = "data-00000-of-00001.arrow"


def save(folder: Path, table: Any, *, as_file: bool = False, **options: Any) -> None:
    write = pa.ipc.new_file if as_file else pa.ipc.new_stream
    with pa.OSFile(str(folder / NAME), "wb") as file, write(file, table.schema, **options) as writer:
        writer.write_table(table, max_chunksize=2)


@pytest.mark.parametrize("as_file", [False, True])
def test_rows_of_all_batches(tmp_path: Path, as_file: bool) -> None:
    columns = {
        "id": ["d1", "d2", "d3"],
        "number": [1, 2, None],
        "texts": [["a", "b"], [], None],
        "fields": [{"x": 1}, {"x": 2}, None],
        "score": [1.0, 0.5, float("nan")],
    }
    save(tmp_path, pa.table(columns), as_file=as_file)
    assert kind_of(tmp_path / NAME) == "arrow"
    assert rows(tmp_path, NAME, "arrow") == [
        {"id": "d1", "number": "1", "texts": ["a", "b"], "fields": {"x": 1}, "score": "1"},
        {"id": "d2", "number": "2", "texts": [], "fields": {"x": 2}, "score": "0.5"},
        {"id": "d3", "number": None, "texts": None, "fields": None, "score": None},
    ]


def test_a_broken_file(tmp_path: Path) -> None:
    save(tmp_path, pa.table({"id": ["d1", "d2", "d3"]}))
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[: len(whole) * 2 // 3])
    *_, last = rows_and_errors(tmp_path, NAME, "arrow")
    assert str(last).startswith(f"{NAME}")
    assert "not readable as Arrow from here on (" in str(last)


@pytest.mark.parametrize("content", [b"", b"ARROW1\0\0", b"no arrow at all"])
def test_other_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    (only,) = rows_and_errors(tmp_path, NAME, "arrow")
    assert str(only).startswith(f"{NAME}: not readable as Arrow from here on (")


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_compressed_batches_are_refused(tmp_path: Path, compression: str) -> None:
    """Zeros: a megabyte could hold gigabytes."""
    table = pa.table({"id": ["0" * (1 << 20)]})
    save(tmp_path, table, options=pa.ipc.IpcWriteOptions(compression=compression))
    assert (tmp_path / NAME).stat().st_size < 10_000
    assert rows_and_errors(tmp_path, NAME, "arrow") == [
        f"{NAME}: it has compressed or shared values; write it as Parquet or JSON Lines"
    ]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["a"] * 3).dictionary_encode(),
        pa.array([["a"]] * 3, pa.list_(pa.dictionary(pa.int32(), pa.string()))),
        pa.RunEndEncodedArray.from_arrays(pa.array([3], pa.int32()), pa.array(["a"])),
        pa.array(["a"] * 3, pa.string_view()),
        pa.array([["a"]] * 3, pa.list_view(pa.string())),
    ],
    ids=["dictionary", "dictionary in a list", "runs", "view", "list view"],
)
def test_types_that_repeat_what_is_stored_once_are_refused(tmp_path: Path, array: Any) -> None:
    save(tmp_path, pa.table({"id": array}))
    (only,) = rows_and_errors(tmp_path, NAME, "arrow")
    assert str(only).startswith(f"{NAME}: id is of the type ")


@pytest.mark.parametrize(
    "array",
    [pa.nulls(1 << 28), pa.FixedSizeListArray.from_arrays(pa.nulls(1 << 28), 1 << 28)],
    ids=["nulls", "a list of nulls"],
)
def test_values_without_bytes_are_counted(tmp_path: Path, array: Any) -> None:
    """2^28 values of at least 8 bytes are 2 GiB, more than the 1 GiB that any file may hold."""
    table = pa.table({"id": array})
    with pa.OSFile(str(tmp_path / NAME), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    assert (tmp_path / NAME).stat().st_size < 10_000
    assert rows_and_errors(tmp_path, NAME, "arrow") == [
        f"{NAME}: the file holds far more values than bytes; write it as Parquet or JSON Lines"
    ]
