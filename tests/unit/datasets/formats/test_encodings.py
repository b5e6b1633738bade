"""Text that is not UTF-8: what a file declares, what its bytes suggest, and every reader that honours it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluator.datasets.formats import read
from evaluator.datasets.formats.detected import detected, guessed_files, in_words
from evaluator.datasets.formats.encodings import declared, encoding_of
from evaluator.datasets.formats.text_lines import MAX_LINE
from evaluator.datasets.reading import Kind, Table
from evaluator.datasets.recognition.recognise import recognise
from tests.unit.datasets.table_files import rows_and_errors, write

GERMAN = "id,text\nd1,Der Käfer läuft über die schöne Straße – für 5 €\n"


class TestDeclared:
    @pytest.mark.parametrize(
        ("head", "html", "encoding"),
        [
            ("id,text".encode("utf-16"), False, "utf-16"),
            ("id,text".encode("utf-32"), False, "utf-32"),
            (b"\xef\xbb\xbfid,text", False, "utf-8"),
            (b'<?xml version="1.0" encoding="koi8-r"?>', False, "koi8-r"),
            (b"<?xml version='1.0' encoding='ISO-8859-1'?>", False, "windows-1252"),
            (b'<html><meta charset="shift_jis">', True, "shift_jis"),
            (b'<META http-equiv="Content-Type" content="text/html; charset=ISO-8859-2">', True, "iso-8859-2"),
            (b'{"text": "<meta charset=koi8-r>"}', False, None),
            (b'<meta charset="no-such">', True, None),
            (b'<meta charset="utf-16">', True, None),  # it could not be read if that were so
            (b"id,text", False, None),
        ],
    )
    def test_what_a_file_says(self, head: bytes, html: bool, encoding: str | None) -> None:
        assert declared(head, html=html) == encoding


class TestGuessed:
    @pytest.mark.parametrize(
        ("content", "encoding"),
        [
            (GERMAN.encode("cp1252"), "windows-1252"),
            (b"caf\xe9 au lait", "windows-1252"),
            (GERMAN.encode(), None),
            (b"plain", None),
            # UTF-8 with one broken byte: the other letters would turn into signs.
            (GERMAN.encode() + b"d2,caf\xe9\n", None),
            # Cyrillic: in windows-1252 nearly every letter would have an accent.
            ("Почему цепь соскакивает".encode("cp1251"), None),
            (b"a\x81b caf\xe9", None),  # undefined
            (b"a\x00b caf\xe9", None),
        ],
    )
    def test_by_its_bytes(self, tmp_path: Path, content: bytes, encoding: str | None) -> None:
        assert encoding_of(write(tmp_path, "a.csv", content)) == encoding

    def test_a_guess_is_in_the_table_where_a_person_sees_it(self, tmp_path: Path) -> None:
        write(tmp_path, "documents.csv", GERMAN.encode("cp1252"))
        write(tmp_path, "queries.csv", "id,query\nq1,der Käfer\nq2,die Straße\n")
        tables = {info.table.file: info for info in recognise(tmp_path).tables}
        assert tables["documents.csv"].table.encoding == "windows-1252"
        assert tables["documents.csv"].sample[0]["text"].endswith("Straße – für 5 €")
        assert tables["queries.csv"].table.encoding is None
        assert in_words(tables["documents.csv"].table) == "documents.csv (windows-1252)"
        assert in_words(tables["queries.csv"].table) == "queries.csv"

    def test_a_preset_has_it_too(self, tmp_path: Path) -> None:
        lines = [json.dumps({"_id": "d1", "title": "", "text": "café au lait"}, ensure_ascii=False)]
        write(tmp_path, "corpus.jsonl", "\n".join(lines).encode("latin-1"))
        write(tmp_path, "queries.jsonl", '{"_id": "q1", "text": "coffee"}\n')
        write(tmp_path, "qrels/test.tsv", "q1\td1\t1\n")
        reading = recognise(tmp_path).reading
        assert reading and reading.format == "BEIR"
        assert reading.corpus.table.encoding == "windows-1252"

    def test_shards_that_differ_are_not_guessed(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", GERMAN.encode("cp1252"))
        write(tmp_path, "b.csv", GERMAN)
        assert detected(tmp_path, Table("a.csv", "csv", more=("b.csv",))).encoding is None


CAFE = "café à la crème, naïve"

FILES: dict[Kind, tuple[str, str]] = {
    "csv": ("a.csv", f'id,text\nd1,"{CAFE}"\n'),
    "tsv": ("a.tsv", f"id\ttext\nd1\t{CAFE}\n"),
    "jsonl": ("a.jsonl", f'{{"id": "d1", "text": "{CAFE}"}}\n'),
    "json": ("a.json", f'[{{"id": "d1", "text": "{CAFE}"}}]'),
    "smart": ("a.smart", f".I 1\n.W\n{CAFE}\n"),
    "topics": ("topics.txt", f"<top>\n<num> 1\n<title> {CAFE}\n</top>\n"),
    "trec-documents": ("a.sgml", f"<DOC>\n<DOCNO>d1</DOCNO>\n<TEXT>\n{CAFE}\n</TEXT>\n</DOC>\n"),
    "qrels": ("qrels.txt", "q1 0 café 1\n"),
    "run": ("a.run", "q1 Q0 café 1 0.5 tag\n"),
    "bulk": ("a.ndjson", f'{{"index": {{"_id": "d1"}}}}\n{{"text": "{CAFE}"}}\n'),
}


class TestReaders:
    @pytest.mark.parametrize("encoding", ["windows-1252", "utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
    @pytest.mark.parametrize("kind", FILES)
    def test_every_kind_of_text_honours_the_encoding(self, tmp_path: Path, kind: Kind, encoding: str) -> None:
        name, content = FILES[kind]
        write(tmp_path, name, content.encode(encoding))
        (row,) = (row for _, row in read(tmp_path, Table(name, kind, encoding=encoding)))
        assert "café" in str(row)

    @pytest.mark.parametrize("kind", FILES)
    def test_a_byte_order_mark_is_enough(self, tmp_path: Path, kind: Kind) -> None:
        name, content = FILES[kind]
        write(tmp_path, name, content.encode("utf-16"))
        (row,) = (row for _, row in read(tmp_path, Table(name, kind)))
        assert "café" in str(row)

    @pytest.mark.parametrize("kind", ["csv", "jsonl", "smart"])
    def test_what_the_encoding_lacks_is_a_defect(self, tmp_path: Path, kind: Kind) -> None:
        name, content = FILES[kind]
        write(tmp_path, name, content.encode("cp1252").replace(b"naive", b"\x81").replace(b"\xef", b"\x81"))
        errors = [str(row) for _, row in read(tmp_path, Table(name, kind, encoding="windows-1252"))]
        assert any("windows-1252" in error and "choose the encoding" in error for error in errors)

    def test_an_encoding_of_no_text_is_no_crash(self, tmp_path: Path) -> None:
        write(tmp_path, "a.csv", "id,text\nd1,café\n")
        for encoding in ("undefined", "idna", "unicode_escape", "punycode"):
            assert rows_and_errors(tmp_path, "a.csv", "csv") != []
            assert list(read(tmp_path, Table("a.csv", "csv", encoding=encoding)))

    def test_a_line_of_utf_16_without_end(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            "a.jsonl",
            b"\xff\xfe" + b"a\0" * (MAX_LINE // 4 + 1) + '\n{"id": "d1"}'.encode("utf-16-le"),
        )
        bad, good = (row for _, row in read(tmp_path, Table("a.jsonl", "jsonl")))
        assert "longer than" in str(bad)
        assert good == {"id": "d1"}


class TestTexts:
    def test_each_is_read_as_it_declares_or_is(self, tmp_path: Path) -> None:
        write(tmp_path, "a.txt", "café crème")
        write(tmp_path, "b.txt", "café crème".encode("latin-1"))
        write(tmp_path, "c.txt", "café crème".encode("utf-16"))
        write(tmp_path, "d.html", '<meta charset="cp437"><p>café crème</p>'.encode("cp437"))
        table = detected(tmp_path, Table(".", "texts"))
        assert table.encoding == "windows-1252"
        assert [row["text"] for _, row in read(tmp_path, table)] == ["café crème"] * 4  # type: ignore[index]
        assert [path.name for path in guessed_files(tmp_path, table)] == ["b.txt"]
