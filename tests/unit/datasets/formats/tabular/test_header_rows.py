"""Which row names the columns: the first, one below titles, or none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest

from evaluator.datasets.formats import read
from evaluator.datasets.formats.detected import detected
from evaluator.datasets.formats.tabular import spreadsheet
from evaluator.datasets.formats.tabular.headers import header_row, looks_headless
from evaluator.datasets.reading import Kind, Table
from evaluator.errors import DatasetError
from tests.unit.datasets.table_files import rows, rows_and_errors, write

TEXTS = "A slipping chain is worn.", "Squealing brakes need alcohol.", "True a wheel in small steps."


def cells(*lines: str) -> list[list[str]]:
    return [line.split("|") for line in lines]


@pytest.mark.parametrize(
    ("lines", "index"),
    [
        (["id|text", "d1|a chain", "d2|a brake"], 0),
        (["Bicycle notes, export of 3 March|", "|", "id|text", f"d1|{TEXTS[0]}", f"d2|{TEXTS[1]}"], 2),
        (["Judgments", "query|document|grade", "q1|d1|2", "q2|d2|1"], 1),
        (["Judgments||", "by Ann|3 March|", "query|document|grade", "q1|d1|2", "q2|d2|1"], 2),
        # Most rows leave the last column blank: the header still has all its names.
        (["Notes", "id|text|tags", f"d1|{TEXTS[0]}|", f"d2|{TEXTS[1]}|"], 1),
    ],
)
def test_a_header_may_stand_below_titles(lines: list[str], index: int) -> None:
    assert header_row(cells(*lines)) == index


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["|"],
        ["text", "hello| world", "good| morning"],  # a delimiter in every text, but no names above them
        ["|text", "0|a chain", "1|a brake"],  # the index that pandas writes has no name
        ["|text", "q1|what is a chain", "q2|what is a brake"],
        ["id|text", f"d1|{TEXTS[0]}|{TEXTS[1]}", f"d2|{TEXTS[1]}|{TEXTS[2]}"],  # tabs inside texts
        ["id|id", "d1|a", "d2|b"],
        ["query||label", "q1|d1|Exact", "q2|d2|Exact", "q3|d3|Partial"],  # a name is missing
        ["Title", "id|text"],  # no rows
    ],
)
def test_otherwise_it_is_the_first_row(lines: list[str]) -> None:
    assert header_row(cells(*lines)) == 0


@pytest.mark.parametrize(
    ("lines", "headless"),
    [
        (["1|A slipping chain is worn.", "2|Squealing brakes."], True),
        (["q1|why does my chain slip", "q2|disc brakes squeal", "q3|how to true a wheel"], True),
        (["q1|d1", "q1|d2", "q2|d10"], True),
        (["x|" + "long " * 20, "y|short"], True),
        (["id|text", "d1|A slipping chain is worn.", "d2|Squealing brakes."], False),
        (["query|doc1|doc2", "why does it slip|d1|d2", "why does it squeal|d3|d4"], False),
        (["question|answer", "why?|because", "how?|so"], False),
    ],
)
def test_a_first_row_that_looks_like_the_others(lines: list[str], headless: bool) -> None:
    assert looks_headless(cells(*lines)) is headless


class TestDelimitedFiles:
    @pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
    def test_a_line_that_names_the_delimiter_is_no_row(self, tmp_path: Path, line: str) -> None:
        write(tmp_path, "a.csv", f"{line}\r\nid;text\r\nd1;a, b, c\r\nd2;d, e, f\r\n")
        (place, first), _ = read(tmp_path, Table("a.csv", "csv"))
        assert (str(place), first) == ("a.csv:3", {"id": "d1", "text": "a, b, c"})
        assert detected(tmp_path, Table("a.csv", "csv")).header is None

    def test_titles_are_no_rows(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", f'"Notes, of 3 March"\n\nid,text\nd1,{TEXTS[0]}\nd2,"{TEXTS[1]}"\n')
        (place, first), _ = read(tmp_path, Table("a.csv", "csv"))
        assert (str(place), first) == ("a.csv:4", {"id": "d1", "text": TEXTS[0]})
        assert detected(tmp_path, Table("a.csv", "csv")).header == 3

    def test_the_header_can_be_chosen(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", "a,b\nc,d\ne,f\n")
        assert list(read(tmp_path, Table("a.csv", "csv", header=2))) == [(("a.csv", 3), {"c": "e", "d": "f"})]

    def test_a_header_far_below(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", "note\n" * 99 + "id;text\nd1;a, b\n")
        (row,) = read(tmp_path, Table("a.csv", "csv", header=100))
        assert row == (("a.csv", 101), {"id": "d1", "text": "a, b"})

    def test_no_row_need_name_the_columns(self, tmp_path: Path) -> None:
        write(tmp_path, "a.tsv", "1\ta chain\n2\ta brake\n3\n")
        first, second, short = (row for _, row in read(tmp_path, Table("a.tsv", "tsv", header=0)))
        assert (first, second) == (
            {"column 1": "1", "column 2": "a chain"},
            {"column 1": "2", "column 2": "a brake"},
        )
        assert isinstance(short, DatasetError)

    @pytest.mark.parametrize("kind", ["csv", "tsv"])
    def test_tabs_inside_texts_stay_defects(self, tmp_path: Path, kind: Kind) -> None:
        lines = [f"d{n}\t{TEXTS[0]}\t{TEXTS[1]}" for n in range(9)]
        write(tmp_path, f"a.{kind}", "\n".join(["id\ttext", *lines]))
        found = rows_and_errors(tmp_path, f"a.{kind}", kind)
        assert len(found) == 9
        assert all("3 cells, but the header has 2" in str(row) for row in found)


def write_sheet(path: Path, lines: Sequence[Sequence[object]], *merged: str) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for number, line in enumerate(lines, start=1):
        for column, value in enumerate(line, start=1):
            sheet.cell(number, column, value)
    for cells_ in merged:
        sheet.merge_cells(cells_)
    book.save(path)


class TestSheets:
    def test_a_merged_title_is_no_header(self, tmp_path: Path) -> None:
        lines: list[list[object]] = [
            ["Bicycle notes"],
            [],
            ["id", "text"],
            ["d1", TEXTS[0]],
            ["d2", TEXTS[1]],
        ]
        write_sheet(tmp_path / "a.xlsx", lines, "A1:B1")
        table = detected(tmp_path, Table("a.xlsx", "excel"))
        assert table.header == 3
        assert rows(tmp_path, "a.xlsx", "excel") == [
            {"id": "d1", "text": TEXTS[0]},
            {"id": "d2", "text": TEXTS[1]},
        ]

    def test_groups_of_columns_are_no_header(self, tmp_path: Path) -> None:
        lines: list[list[object]] = [
            ["Query", None, "Judgment", None],
            ["id", "text", "document", "grade"],
            ["q1", "why does my chain slip", "d1", 2],
            ["q2", "disc brakes squeal", "d2", 1],
        ]
        write_sheet(tmp_path / "a.xlsx", lines, "A1:B1", "C1:D1")
        assert rows(tmp_path, "a.xlsx", "excel")[0] == {
            **{"id": "q1", "text": "why does my chain slip"},
            **{"document": "d1", "grade": "2"},
        }

    def test_a_name_merged_down_to_the_header_counts(self, tmp_path: Path) -> None:
        lines: list[list[object]] = [
            ["query", "Judgment", None],
            [None, "document", "grade"],
            ["why does my chain slip", "d1", 2],
            ["disc brakes squeal", "d2", 1],
        ]
        write_sheet(tmp_path / "a.xlsx", lines, "A1:A2", "B1:C1")
        assert list(rows(tmp_path, "a.xlsx", "excel")[0]) == ["query", "document", "grade"]

    def test_merged_cells_have_one_value(self, tmp_path: Path) -> None:
        lines: list[list[object]] = [
            ["query", "document"],
            ["q1", "d1"],
            [None, "d2"],
            [None, "d3"],
            ["q2", "d4"],
            [None, "d5"],
        ]
        write_sheet(tmp_path / "a.xlsx", lines, "A2:A4")
        found = [(row["query"], row["document"]) for row in rows(tmp_path, "a.xlsx", "excel")]
        # The last cell is blank and not merged: nothing is guessed.
        assert found == [("q1", "d1"), ("q1", "d2"), ("q1", "d3"), ("q2", "d4"), ("", "d5")]

    def test_a_row_without_cells_of_its_own_is_blank(self, tmp_path: Path) -> None:
        lines: list[list[object]] = [["id", "text"], [], ["d1", "a chain"], [], ["d2", "a brake"]]
        write_sheet(tmp_path / "a.xlsx", lines, "A1:A2", "B1:B2", "A3:A4", "B3:B4")
        assert [row["id"] for row in rows(tmp_path, "a.xlsx", "excel")] == ["d1", "d2"]

    def test_a_table_that_does_not_begin_in_the_first_column(self, tmp_path: Path) -> None:
        lines: list[list[object]] = [[], [None, "query", "document"], [None, "q1", "d1"], [None, None, "d2"]]
        write_sheet(tmp_path / "a.xlsx", lines, "B3:B4")
        assert [row["query"] for row in rows(tmp_path, "a.xlsx", "excel")] == ["q1", "q1"]

    def test_merged_cells_that_overlap_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spreadsheet, "MAX_CELLS", 100)
        write_sheet(
            tmp_path / "a.xlsx", [["a", "b"], *[["c", "d"]] * 20], *(f"A1:B{n}" for n in range(15, 20))
        )
        (only,) = rows_and_errors(tmp_path, "a.xlsx", "excel")
        # 2 * (15 + 16 + 17 + 18 + 19)
        assert "170 cells of a sheet are merged" in str(only)

    def test_no_row_need_name_the_columns(self, tmp_path: Path) -> None:
        write_sheet(tmp_path / "a.xlsx", [["d1", "a chain"], ["d2"]])
        assert [row for _, row in read(tmp_path, Table("a.xlsx", "excel", header=0))] == [
            {"column 1": "d1", "column 2": "a chain"},
            {"column 1": "d2", "column 2": ""},
        ]
