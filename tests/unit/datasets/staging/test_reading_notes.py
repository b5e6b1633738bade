"""What an import says about files that are not read in the usual way."""

from __future__ import annotations

from pathlib import Path

from evaluator.datasets.reading import CorpusPart, QueriesPart, Reading, Table
from evaluator.datasets.staging.from_tables import open_source
from tests.unit.datasets.table_files import write


def notes(folder: Path, corpus: Table, queries: Table) -> dict[str, tuple[int, tuple[str, ...]]]:
    reading = Reading(CorpusPart(corpus, ("text",), "id"), QueriesPart(queries, "query", "id"))
    return {note.code: (note.count, note.examples) for note in open_source(folder, reading).notes()}


def test_a_guessed_encoding_is_noted_and_a_declared_one_is_not(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "id,text\nd1,café au lait\n".encode("cp1252"))
    write(tmp_path, "b.csv", "id,query\nq1,café\n".encode("utf-16"))
    found = notes(
        tmp_path, Table("a.csv", "csv", encoding="windows-1252"), Table("b.csv", "csv", encoding="utf-16")
    )
    assert found == {"encoding": (1, ("a.csv",))}


def test_rows_above_a_header_and_a_missing_header_are_noted(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "Notes\nid,text\nd1,a chain\n")
    write(tmp_path, "b.csv", "q1,a query\n")
    assert notes(tmp_path, Table("a.csv", "csv", header=2), Table("b.csv", "csv", header=0)) == {
        "rows-above-header": (1, ("a.csv: columns are named in row 2",)),
        "no-header": (1, ("b.csv",)),
    }


def test_the_usual_way_needs_no_note(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "id,text\nd1,café\n")
    assert notes(tmp_path, Table("a.csv", "csv", header=1), Table("a.csv", "csv", encoding="utf-8")) == {}
