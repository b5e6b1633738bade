"""Files of test collections as tables: SMART and TREC."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.datasets.formats import (
    read,
)
from evaluator.datasets.formats.sniffing import kind_of
from evaluator.datasets.reading import Table
from tests.unit.datasets.table_files import rows, rows_and_errors, write


class TestSmart:
    RECORDS = (
        ".I 4\n.T\ntwo\nlines\n.A\nsmith,j.\n.B\nj. ae. scs.\n.W\n  the text ,\nfolded .\n.I 9\n.W\nmore\n"
    )

    def test_records_and_their_number(self, tmp_path: Path) -> None:
        write(tmp_path, "cran.all", self.RECORDS)
        first, second = read(tmp_path, Table("cran.all", "smart"))
        assert str(second[0]) == "cran.all:12"
        assert first[1] == {
            "id": "4", "number": "1", "title": "two lines", "author": "smith,j.", "source": "j. ae. scs.",
            "text": "the text , folded .",
        }  # fmt: skip
        assert second[1] == {
            "id": "9",
            "number": "2",
            "title": "",
            "author": "",
            "source": "",
            "text": "more",
        }

    def test_articles_and_queries_of_time(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            "TIME.ALL",
            "*TEXT 017 01/04/63 PAGE 020\n\nTHE ALLIES\nAFTER NASSAU\n\n*TEXT 020 01/04/63\nMORE\n",
        )
        write(tmp_path, "TIME.QUE", "*FIND     1\n\n KENNEDY .\n\n*FIND     2\n DIEM .\n*STOP\n\n")
        assert kind_of(tmp_path / "TIME.ALL") == kind_of(tmp_path / "TIME.QUE") == "smart"
        articles = rows(tmp_path, "TIME.ALL", "smart")
        assert [(row["id"], row["number"], row["text"]) for row in articles] == [
            ("17", "1", "THE ALLIES AFTER NASSAU"), ("20", "2", "MORE"),
        ]  # fmt: skip
        queries = rows(tmp_path, "TIME.QUE", "smart")
        assert [(row["id"], row["text"]) for row in queries] == [("1", "KENNEDY ."), ("2", "DIEM .")]

    def test_text_before_the_first_record_is_a_defect(self, tmp_path: Path) -> None:
        write(tmp_path, "cran.all", "what is this\n" + self.RECORDS)
        assert str(rows_and_errors(tmp_path, "cran.all", "smart")[0]).startswith(
            "cran.all:1: there is text before"
        )

    def test_cranfield_is_the_same_in_both_formats(self, cranfield: Path) -> None:
        smart = rows(cranfield, "cran.all.1400", "smart")
        beir = rows(cranfield, "corpus.jsonl", "jsonl")
        assert len(smart) == 1400
        assert [(row["id"], row["title"], row["text"]) for row in smart] == [
            (row["_id"], row["title"], row["text"]) for row in beir
        ]


class TestTrec:
    def test_topics(self, tmp_path: Path) -> None:
        topic = (
            "<top>\n<num> Number: 301\n<title> Organized &amp; Crime\n\n<desc> Description:\nWho?\nWhere?\n"
            "<narr> Narrative:\nA relevant one.\n</top>\n"
        )
        write(tmp_path, "topics.txt", topic + "<top><num>302</num><title>Polio</title></top>")
        assert rows(tmp_path, "topics.txt", "topics") == [
            {
                "num": "301",
                "title": "Organized & Crime",
                "desc": "Who? Where?",
                "narr": "A relevant one.",
            },
            {"num": "302", "title": "Polio", "desc": "", "narr": ""},
        ]

    def test_a_tag_that_is_no_field_ends_the_field_before(self, tmp_path: Path) -> None:
        topic = (
            "<top>\n<head> Tipster Topic Description\n<num> Number: 051\n<dom> Domain: Trade\n"
            "<title> Topic: Air<p>bus\n"
            "<desc> Description:\nWho?\n<smry> Summary:\nMore.\n<narr> Narrative:\nAny.\n<con> Concept(s):\n1. EU\n"
            "<fac> Factor(s):\n<nat> Nationality: U.S.\n</fac>\n<def> Definition(s):\n</top>\n"
        )
        write(tmp_path, "topics.51", topic)
        assert rows(tmp_path, "topics.51", "topics") == [
            {"num": "051", "title": "Air bus", "desc": "Who?", "narr": "Any."}
        ]

    @pytest.mark.parametrize(
        ("written", "read_as"),
        [
            (
                '<topics><topic number="1" type="faceted"><query>obama</query><description>Find\nit.</description>'
                '<subtopic number="1" type="inf">trees</subtopic></topic></topics>',
                {"num": "1", "title": "obama", "desc": "Find it.", "narr": ""},
            ),
            (
                "<topics>\n<topic number='7' type='test'>\n<note>HPI</note>\n<description/>\n"
                "<summary>A man &amp; pain</summary></topic>\n</topics>",
                {"num": "7", "title": "A man & pain", "desc": "", "narr": "HPI"},
            ),
            (
                '<topic lang="en"><identifier>10.2452/401-AH</identifier><title>Euro</title></topic>',
                {"num": "10.2452/401-AH", "title": "Euro", "desc": "", "narr": ""},
            ),
            (
                '<topic number="3">\nA 19-year-old male\nwith pain\n</topic>',
                {"num": "3", "title": "A 19-year-old male with pain", "desc": "", "narr": ""},
            ),
        ],
        ids=["web track", "clinical decision support", "CLEF", "clinical trials"],
    )
    def test_topics_in_xml(self, tmp_path: Path, written: str, read_as: dict[str, str]) -> None:
        write(tmp_path, "topics.xml", f'<?xml version="1.0"?>\n{written}\n')
        assert kind_of(tmp_path / "topics.xml") == "topics"
        assert rows(tmp_path, "topics.xml", "topics") == [read_as]

    def test_several_elements_on_a_line(self, tmp_path: Path) -> None:
        write(tmp_path, "t.xml", '<topics><topic number="1">a</topic><topic number="2">b</topic></topics>')
        assert [(row["num"], row["title"]) for row in rows(tmp_path, "t.xml", "topics")] == [
            ("1", "a"),
            ("2", "b"),
        ]

    def test_documents(self, tmp_path: Path) -> None:
        content = (
            "<DOC>\n<DOCNO> FT-1 </DOCNO>\n<HEADLINE>A <b>title</b></HEADLINE>\n"
            "<TEXT>\nfirst\n</TEXT>\n<TEXT>second</TEXT>\n</DOC>\n"
            "<DOC><DOCNO>FT-2</DOCNO> without tags </DOC>\n"
        )
        write(tmp_path, "a.sgml", content)
        assert rows(tmp_path, "a.sgml", "trec-documents") == [
            {"id": "FT-1", "title": "A title", "text": "first\n\nsecond"},
            {"id": "FT-2", "title": "", "text": "without tags"},
        ]

    def test_an_element_without_an_end_is_a_defect(self, tmp_path: Path) -> None:
        write(tmp_path, "a.sgml", "<DOC>\n<DOCNO>1</DOCNO>\n<DOC>\n<DOCNO>2</DOCNO>\n</DOC>\n")
        bad, good = rows_and_errors(tmp_path, "a.sgml", "trec-documents")
        assert bad == "a.sgml:1: <doc> has no end; close it with </doc>"
        assert good == {"id": "2", "title": "", "text": ""}

    @pytest.mark.parametrize("line", ["q1 0 d1 2", "q1\t0\td1\t2", "q1 d1 2 ", "  q1   d1\t2"])
    def test_qrels_of_three_or_four_fields(self, tmp_path: Path, line: str) -> None:
        write(tmp_path, "qrels.txt", line + "\n")
        assert rows(tmp_path, "qrels.txt", "qrels") == [{"query": "q1", "document": "d1", "grade": "2"}]

    def test_a_run(self, tmp_path: Path) -> None:
        write(tmp_path, "a.run", "q1 Q0 d1 1 3.5 bm25\nq1 Q0 d2\n")
        good, bad = rows_and_errors(tmp_path, "a.run", "run")
        assert good == {
            "query": "q1", "iteration": "Q0", "document": "d1", "rank": "1", "score": "3.5", "tag": "bm25",
        }  # fmt: skip
        assert str(bad).startswith("a.run:2: 6 fields are expected, found 3")
