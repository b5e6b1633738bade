"""Each kind of table: what a row is, where it is, and what is a defect."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluator.datasets.formats import members, read, suffixes, texts
from evaluator.datasets.formats.documents import pdf
from evaluator.datasets.formats.tabular import delimited, workbook
from evaluator.datasets.reading import Kind, Table
from evaluator.errors import DatasetError
from tests.unit.datasets.table_files import rows, rows_and_errors, write

REPOSITORY = Path(__file__).parents[4]


class TestDelimited:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_the_delimiter_is_guessed(self, tmp_path: Path, delimiter: str) -> None:
        write(tmp_path, "a.csv", delimiter.join(["id", "text"]) + "\n" + delimiter.join(["d1", '"a, b; c"']))
        assert rows(tmp_path, "a.csv", "csv") == [{"id": "d1", "text": "a, b; c"}]

    def test_one_column_needs_no_delimiter(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", "text\nfirst\nsecond\n")
        assert rows(tmp_path, "a.csv", "csv") == [{"text": "first"}, {"text": "second"}]

    def test_cells_in_quotes_hold_lines_and_quotes(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", 'id,text\r\nd1,"two\r\nlines, ""quoted"""\r\nd2,b\r\n')
        (first, row), (second, _) = read(tmp_path, Table("a.csv", "csv"))
        assert row == {"id": "d1", "text": 'two\r\nlines, "quoted"'}
        assert (str(first), str(second)) == ("a.csv:2", "a.csv:4")

    def test_a_byte_order_mark_and_blank_rows_are_skipped(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", b"\xef\xbb\xbfid,text\n\nd1,a\n , \n,\nd2,b\n")
        assert [row["id"] for row in rows(tmp_path, "a.csv", "csv")] == ["d1", "d2"]

    def test_quotes_inside_words_of_a_tsv_are_text(self, tmp_path: Path) -> None:
        write(tmp_path, "a.tsv", 'id\ttext\nd1\t"so" she said\nd2\t5" nails\n')
        assert [row["text"] for row in rows(tmp_path, "a.tsv", "tsv")] == ['"so" she said', '5" nails']

    def test_formulas_are_text(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", "id,text\nd1,=1+1\n")
        assert rows(tmp_path, "a.csv", "csv") == [{"id": "d1", "text": "=1+1"}]

    def test_rows_of_another_width_are_defects(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", "id,text\nd1,a\nd2\nd3,a,b\nd4,c\n")
        first, short, long, last = rows_and_errors(tmp_path, "a.csv", "csv")
        assert (first, last) == ({"id": "d1", "text": "a"}, {"id": "d4", "text": "c"})
        assert str(short).startswith("a.csv:3: 1 cells, but the header has 2; ")
        assert str(long).startswith("a.csv:4: 3 cells, but the header has 2; ")

    @pytest.mark.parametrize(
        ("cell", "reason"),
        [
            (b"caf\xe9", "text has the byte 0xe9, which is not UTF-8"),
            (b"a\0b", "text has a NUL character"),
            (b'"never closed', "not valid CSV (unexpected end of data)"),
        ],
    )
    def test_unreadable_cells_are_defects(self, tmp_path: Path, cell: bytes, reason: str) -> None:
        write(tmp_path, "a.csv", b"id,text\nd1,a\nd2," + cell)
        good, bad = rows_and_errors(tmp_path, "a.csv", "csv")
        assert good == {"id": "d1", "text": "a"}
        assert f"a.csv:3: {reason}; " in str(bad)

    def test_a_cell_that_is_too_long_is_a_defect(self, tmp_path: Path) -> None:
        cell = "x" * (delimited.MAX_CELL + 1)
        write(tmp_path, "a.csv", f"id,text\nd1,{cell}\nd2,b\n")
        bad, good = rows_and_errors(tmp_path, "a.csv", "csv")
        assert "a.csv:2: not valid CSV (field larger than field limit" in str(bad)
        assert good == {"id": "d2", "text": "b"}

    def test_a_column_without_a_name_is_called_by_its_number(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", ",text\n0,a\n")
        assert rows(tmp_path, "a.csv", "csv") == [{"column 1": "0", "text": "a"}]

    def test_a_header_that_cannot_be_used_ends_the_file(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", "id,id\nd1,a\n")
        (only,) = rows_and_errors(tmp_path, "a.csv", "csv")
        assert str(only).startswith("a.csv:1: the header names 'id' twice")


class TestParquet:
    def test_values_become_text(self, tmp_path: Path) -> None:
        table = pa.table(
            {
                "id": [1, 2],
                "ref": [7.0, float("nan")],
                "text": ["a", None],
                "raw": [b"b", None],
                "tags": [["x"], []],
            }
        )
        pq.write_table(table, tmp_path / "a.parquet")
        assert rows(tmp_path, "a.parquet", "parquet") == [
            {"id": "1", "ref": "7", "text": "a", "raw": "b", "tags": ["x"]},
            {"id": "2", "ref": None, "text": None, "raw": None, "tags": []},
        ]

    def test_bytes_that_are_no_text_are_a_defect_of_their_row(self, tmp_path: Path) -> None:
        broken = pa.array([b"caf\xe9", b"b"]).view(pa.string())
        pq.write_table(pa.table({"text": broken}), tmp_path / "a.parquet")
        assert rows_and_errors(tmp_path, "a.parquet", "parquet") == [
            "a.parquet:1: text holds bytes that are not UTF-8; write it as text",
            {"text": "b"},
        ]

    def test_a_file_that_is_no_parquet(self, tmp_path: Path) -> None:
        write(tmp_path, "a.parquet", b"PAR1 but not really PAR1")
        (only,) = rows_and_errors(tmp_path, "a.parquet", "parquet")
        assert str(only).startswith("a.parquet: not readable as Parquet")


def write_workbook(path: Path, sheets: dict[str, Sequence[Sequence[object]]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, cells in sheets.items():
        sheet = book.create_sheet(name)
        for row in cells:
            sheet.append(row)
    book.save(path)


def rewrite_sheet(path: Path, old: bytes, new: bytes) -> None:
    """Change the XML of a workbook's first sheet."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


class TestExcel:
    def test_sheets_are_members_and_cells_are_text(self, tmp_path: Path) -> None:
        write_workbook(
            tmp_path / "a.xlsx",
            {"one": [["id", "text", "n"], [7, "=no formula", 1.5], [], ["d2", None, True]], "two": [["x"]]},
        )
        assert members(tmp_path, "a.xlsx", "excel") == ("one", "two")
        results = list(read(tmp_path, Table("a.xlsx", "excel", "one")))
        assert [str(place) for place, _ in results] == ["a.xlsx > one:2", "a.xlsx > one:4"]
        assert [row for _, row in results] == [
            {"id": "7", "text": "", "n": "1.5"},  # a formula that was never computed has no value
            {"id": "d2", "text": "", "n": "True"},
        ]

    def test_the_first_row_that_is_not_blank_names_the_columns(self, tmp_path: Path) -> None:
        write_workbook(tmp_path / "a.xlsx", {"one": [[], [None, "id", "text"], [None, "d1", "a"]]})
        assert rows(tmp_path, "a.xlsx", "excel") == [{"id": "d1", "text": "a"}]

    def test_a_cell_beside_the_table_is_a_defect(self, tmp_path: Path) -> None:
        write_workbook(tmp_path / "a.xlsx", {"one": [["id"], ["d1", "stray"]]})
        (only,) = rows_and_errors(tmp_path, "a.xlsx", "excel")
        assert str(only).startswith("a.xlsx:2: 2 cells, but the header has 1")

    @pytest.mark.parametrize(
        ("added", "reason"),
        [
            (
                b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
                "reaches to row 1048576 and column 16384",
            ),
            (
                b'<row r="1048576">' + b"<c><v>1</v></c>" * 20 + b"</row>",
                "reaches to row 1048576 and column 10",
            ),
            (b'<row r="4294967295"><c><v>1</v></c></row>', "has a cell at '4294967295'"),
            (b'<row><c r="xfd1048576"><v>1</v></c></row>', "has a cell at 'xfd1048576'"),
            (b"<row></column>", "is not well formed"),
        ],
    )
    def test_a_sheet_that_would_fill_the_memory_is_refused(
        self, tmp_path: Path, added: bytes, reason: str
    ) -> None:
        write_workbook(tmp_path / "a.xlsx", {"one": [["id"], ["d1"]]})
        rewrite_sheet(tmp_path / "a.xlsx", b"</sheetData>", added + b"</sheetData>")
        (only,) = rows_and_errors(tmp_path, "a.xlsx", "excel")
        assert str(only).startswith("a.xlsx: a sheet " + reason)

    def test_entities_are_refused(self, tmp_path: Path) -> None:
        write_workbook(tmp_path / "a.xlsx", {"one": [["id"], ["d1"]]})
        laughs = b'<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><worksheet'
        rewrite_sheet(tmp_path / "a.xlsx", b"<worksheet", laughs)
        assert "a.xlsx: the workbook declares entities; save it again" in rows_and_errors(
            tmp_path, "a.xlsx", "excel"
        )

    def test_a_zip_bomb_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(workbook, "MAX_UNPACKED", 1 << 20)
        with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/sharedStrings.xml", b" " * (2 << 20))
        (only,) = rows_and_errors(tmp_path, "a.xlsx", "excel")
        assert "a.xlsx: the workbook unpacks to more than 1 MiB" in str(only)

    def test_a_workbook_that_declares_too_large_a_size_is_not_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(workbook, "ROOM", 1 << 20)
        with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(10):
                archive.writestr(f"xl/worksheets/sheet{number}.xml", b" " * (1 << 18))
        monkeypatch.setattr(zipfile.ZipFile, "open", None)
        (only,) = rows_and_errors(tmp_path, "a.xlsx", "excel")
        assert "a.xlsx: the workbook unpacks to more than 1 MiB" in str(only)

    @pytest.mark.parametrize("content", [b"", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000])
    def test_other_files_are_refused(self, tmp_path: Path, content: bytes) -> None:
        write(tmp_path, "a.xlsx", content)
        (only,) = rows_and_errors(tmp_path, "a.xlsx", "excel")
        assert "a.xlsx: not an .xlsx workbook" in str(only)
        with pytest.raises(DatasetError, match="without a password"):
            members(tmp_path, "a.xlsx", "excel")


class TestTexts:
    def test_one_file_is_one_document(self) -> None:
        results = rows(REPOSITORY / "data/texts", "notes", "texts")
        assert [(row["id"], row["title"]) for row in results] == [
            ("starter/feeding.md", "Feeding a starter"),
            ("starter/hooch.txt", "hooch"),
            ("sticky%20dough.html", "Sticky dough"),
            ("storage.pdf", "storage"),
        ]
        assert all(" ".join(row["text"].split()[:2]) in bread_texts() for row in results)

    def test_invisible_text_is_left_out(self, tmp_path: Path) -> None:
        page = "<title>A</title><style>b{}</style><body><h1>A</h1><script>x()</script>seen <b>bold</b></body>"
        write(tmp_path, "a.html", page)
        assert rows(tmp_path, ".", "texts") == [{"id": "a.html", "title": "A", "text": "A\nseen bold"}]

    @pytest.mark.parametrize(
        ("page", "title", "text"),
        [
            ("<h1>A <b>bold</b> one</h1><p>a<p>b", "A bold one", "A bold one\na\nb"),
            ("<title>A &amp; B</title>1 < 2 &lt; 3<br>4", "A & B", "1 < 2 < 3\n4"),
            ("<!-- no --><!doctype html><a title=\"a > b\">it's</a> <img alt='>'>here", "a", "it's here"),
            ("a<script>never closed <p>b", "a", "a"),
            ("<STYLE>x</style >a<p", "a", "a"),
            ("", "a", ""),
        ],
    )
    def test_html(self, tmp_path: Path, page: str, title: str, text: str) -> None:
        write(tmp_path, "a.html", page)
        assert rows(tmp_path, ".", "texts") == [{"id": "a.html", "title": title, "text": text}]

    @pytest.mark.parametrize("repeated", ["<div>", "<h1><b>", "<a b=", "<!--", "<title>", "&amp", "<"])
    def test_html_takes_time_in_proportion_to_its_length(self, tmp_path: Path, repeated: str) -> None:
        write(tmp_path, "a.html", repeated * 200_000)  # a tree parser takes a minute for the first
        started = time.monotonic()
        assert len(rows(tmp_path, ".", "texts")) == 1
        assert time.monotonic() - started < 10

    def test_a_pdf_that_keeps_its_reader_busy_is_a_defect(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pdf, "MAX_SECONDS", 0.005)  # less than any process needs to start
        write(tmp_path, "a.pdf", b"%PDF-1.4")
        (only,) = rows_and_errors(tmp_path, ".", "texts")
        assert str(only).startswith("a.pdf: not readable (it takes longer than 0.005 s to read)")

    def test_a_heading_further_down_is_the_title_too(self, tmp_path: Path) -> None:
        write(tmp_path, "a.md", "intro\n\n## The title ##\n\nmore\n")
        (row,) = rows(tmp_path, ".", "texts")
        assert row == {"id": "a.md", "title": "The title", "text": "intro\n\n## The title ##\n\nmore"}

    def test_files_that_cannot_be_read_are_defects(self, tmp_path: Path) -> None:
        write(tmp_path, "a.pdf", b"%PDF-1.4 nothing else")
        write(tmp_path, "b.txt", b"caf\xe9")
        write(tmp_path, "c.txt", "fine")
        pdf, latin, fine = rows_and_errors(tmp_path, ".", "texts")
        assert str(pdf).startswith("a.pdf: not readable (")
        assert (
            str(latin)
            == "b.txt: byte 4 (0xe9) is not UTF-8; save the file as UTF-8, or say in which encoding it is"
        )
        assert fine == {"id": "c.txt", "title": "c", "text": "fine"}

    def test_hidden_files_and_tables_are_no_documents(self, tmp_path: Path) -> None:
        for name in (".hidden.txt", "__MACOSX/a.txt", "b.csv"):
            write(tmp_path, name, "text")
        write(tmp_path, "qrels.txt", "q1 0 d1 1\n")
        write(tmp_path, "c.txt", "text")
        assert [row["id"] for row in rows(tmp_path, ".", "texts")] == ["c.txt"]


def bread_texts() -> str:
    return (REPOSITORY / "data/beir/corpus.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet", "excel", "smart", "qrels", "texts"])
def test_a_missing_table(tmp_path: Path, kind: Kind) -> None:
    only: Iterable[object] = rows_and_errors(tmp_path, "gone", kind)
    assert [str(message).partition(":")[0].partition(" ")[0] for message in only] == ["gone"]


def test_every_suffix_of_a_text_has_a_reader() -> None:
    assert texts.READERS.keys() == suffixes.PLAIN_TEXTS | suffixes.OTHER_TEXTS
