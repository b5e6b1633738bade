"""Arrow files, as Hugging Face's `save_to_disk` writes them: rows, and what is refused as it could fill the memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evaluator.datasets.formats import arrow_process, arrow_stream
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
def test_compressed_batches(tmp_path: Path, compression: str) -> None:
    save(tmp_path, pa.table({"id": ["d1"]}), options=pa.ipc.IpcWriteOptions(compression=compression))
    assert rows(tmp_path, NAME, "arrow") == [{"id": "d1"}]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["a"] * 3).dictionary_encode(),
        pa.RunEndEncodedArray.from_arrays(pa.array([3], pa.int32()), pa.array(["a"])),
        pa.array(["a"] * 3, pa.string_view()),
        pa.array([b"a"] * 3),
    ],
    ids=["dictionary", "runs", "view", "bytes"],
)
def test_other_types_of_texts(tmp_path: Path, array: Any) -> None:
    save(tmp_path, pa.table({"id": array}))
    assert rows(tmp_path, NAME, "arrow") == [{"id": "a"}] * 3


def test_bytes_that_are_no_text_are_a_defect(tmp_path: Path) -> None:
    save(tmp_path, pa.table({"id": ["d1", "d2"], "image": [b"\xff", b"a"]}))
    assert rows_and_errors(tmp_path, NAME, "arrow") == [
        f"{NAME}:1: image holds bytes that are not UTF-8; write it as text",
        {"id": "d2", "image": "a"},
    ]


class TestBombs:
    def test_a_text_that_every_row_repeats(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(arrow_stream, "ROOM", 10 << 20)
        save(tmp_path, pa.table({"id": pa.array(["0" * (1 << 18)] * 100).dictionary_encode()}))
        assert (tmp_path / NAME).stat().st_size < 1 << 19
        *good, last = rows_and_errors(tmp_path, NAME, "arrow")
        assert last == (
            f"{NAME}: the file holds far more than its size, once repeated values are written out; "
            "give it in parts, or as JSON Lines"
        )
        assert len(good) < 42  # a quarter of a MiB each, of ten

    def test_rows_without_bytes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(arrow_stream, "ROOM", 1 << 20)
        table = pa.table({"id": pa.nulls(1 << 26)})
        with pa.OSFile(str(tmp_path / NAME), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
        assert str(rows_and_errors(tmp_path, NAME, "arrow")[-1]).startswith(
            f"{NAME}: the file holds far more than"
        )

    def test_a_batch_that_needs_too_much_memory(self, tmp_path: Path) -> None:
        """The batch says that it unpacks to 6 GiB: more than its reader may use."""
        save(
            tmp_path, pa.table({"id": ["0" * (1 << 20)]}), options=pa.ipc.IpcWriteOptions(compression="zstd")
        )
        content = (tmp_path / NAME).read_bytes()
        zstd = b"\x28\xb5\x2f\xfd"
        declared, larger = ((size).to_bytes(8, "little") + zstd for size in (1 << 20, 6 << 30))
        assert content.count(declared) == 1
        (tmp_path / NAME).write_bytes(content.replace(declared, larger))
        assert "not readable as Arrow from here on (" in str(rows_and_errors(tmp_path, NAME, "arrow")[-1])

    def test_a_reader_that_ends_early(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program = tmp_path / "program.py"
        program.write_text('import os\nprint(\'["id"]\\n["d1"]\', flush=True)\nos.abort()')
        monkeypatch.setattr(arrow_process, "__file__", str(program))
        save(tmp_path, pa.table({"id": ["d1", "d2"]}))
        good, bad = rows_and_errors(tmp_path, NAME, "arrow")
        assert good == {"id": "d1"}
        assert str(bad) == (
            f"{NAME}: not readable as Arrow from here on (it is damaged, or takes too much time or memory to read); "
            "write the file again"
        )
