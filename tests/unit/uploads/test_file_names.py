"""Names of uploaded files: what is taken, what is refused, and which two cannot lie side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.errors import InvalidInputError
from evaluator.uploads.names import TakenNames, safe_name


@pytest.mark.parametrize(
    "name", ["corpus.jsonl", "my data/qrels/test (1).tsv", "Straße.csv", "文書.xlsx", "a.b.tar.gz", "x" * 240]
)
def test_what_people_call_their_files_is_taken(name: str) -> None:
    assert safe_name(name) == name


def test_a_name_has_one_spelling() -> None:
    """macOS sends `é` as two characters, others as one."""
    assert safe_name("cafe\u0301.csv") == safe_name("caf\u00e9.csv") == "caf\u00e9.csv"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../secret",
        "a/../../b",
        "a//b",
        "a/",
        ".bashrc",
        "a/.git/config",
        "nul\0.csv",
        "two\nlines",
        "left\u202eright",
        "c:\\windows",
        "half\ud800",
        " space.csv",
        "x" * 241,
        "ä" * 121,  # 242 bytes
        "/".join("ab" for _ in range(17)),
    ],
)
def test_what_leads_elsewhere_or_depends_on_the_file_system_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="rename the file"):
        safe_name(name)


@given(st.text(st.sampled_from("ab./\\\0 ~\u0301\ud800é"), max_size=40))
def test_no_name_leaves_its_folder(name: str) -> None:
    try:
        safe = safe_name(name)
    except InvalidInputError:
        return
    folder = Path("/uploads/files")
    path = folder / safe
    assert path.is_relative_to(folder)
    assert path.resolve() == path
    assert safe_name(safe) == safe


@pytest.mark.parametrize(
    ("name", "others", "found"),
    [
        ("corpus.jsonl", ["corpus.jsonl"], None),  # the same name: the file is replaced
        ("corpus.jsonl", ["Corpus.JSONL"], "Corpus.JSONL"),
        ("STRASSE.csv", ["straße.csv"], "straße.csv"),
        ("qrels", ["qrels/test.tsv"], "qrels/test.tsv"),
        ("qrels/test.tsv", ["Qrels"], "Qrels"),
        ("qrels/test.tsv", ["qrels/train.tsv", "qrels.tsv"], None),
    ],
)
def test_names_that_some_file_systems_take_for_one_collide(
    name: str, others: list[str], found: str | None
) -> None:
    assert TakenNames(others).collision(name) == found
