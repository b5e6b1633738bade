"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.datasets.formats import members
from evaluator.datasets.formats.sniffing import kind_of, what_it_is
from evaluator.datasets.reading import Kind
from evaluator.errors import DatasetError
from tests.unit.datasets.table_files import rows_and_errors, write

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:6fd5\nsize 90405214\n"
REASON = "it is a Git LFS pointer, not the file itself; run `git lfs pull` where the files were cloned"


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.json", "a.csv", "a.tsv", "a.xlsx", "a.arrow"])
def test_git_lfs_pointers_are_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, POINTER)
    kind = kind_of(tmp_path / name)
    assert kind is not None
    assert rows_and_errors(tmp_path, name, kind) == [f"{name}: {REASON}"]
    with pytest.raises(DatasetError, match="Git LFS pointer"):
        members(tmp_path, name, kind)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.pdf", "a.docx"])
def test_pointers_among_texts_are_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, POINTER)
    assert rows_and_errors(tmp_path, ".", "texts") == [f"{name}: {REASON}"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("inner.zip", b"PK\x03\x04", "an archive inside an archive"),
        ("inner.tar.gz", b"\x1f\x8b", "an archive inside an archive"),
        ("qrels", POINTER.encode(), "a Git LFS pointer"),
        ("README", b"hello", None),
    ],
)
def test_files_that_are_not_read_are_named_for_what_they_are(
    tmp_path: Path, name: str, content: bytes, said: str | None
) -> None:
    write(tmp_path, name, content)
    named = what_it_is(tmp_path / name)
    assert named is None if said is None else named is not None and named.startswith(said)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("dataset_info.json", None), ("state.json", None), ("dataset_dict.json", None), ("a.json", "json")],
)
def test_what_hugging_face_says_of_its_tables_is_no_table(
    tmp_path: Path, name: str, kind: Kind | None
) -> None:
    write(
        tmp_path,
        name,
        '{"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "splits": [{"name": "test"}]}',
    )
    assert kind_of(tmp_path / name) == kind
