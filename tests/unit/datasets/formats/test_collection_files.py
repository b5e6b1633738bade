"""Files of test collections as tables: SMART and TREC."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.datasets.formats import (
    read,
)
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

    def test_qrels_in_a_tsv_are_separated_by_tabs(self, tmp_path: Path) -> None:
        write(tmp_path, "test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1 d1 2\n")
        good, bad = rows_and_errors(tmp_path, "test.tsv", "qrels")
        assert good == {"query": "q1", "document": "d1", "grade": "2"}
        assert str(bad).startswith("test.tsv:3: 3 fields separated by tabs are expected, found 1")

    def test_a_run(self, tmp_path: Path) -> None:
        write(tmp_path, "a.run", "q1 Q0 d1 1 3.5 bm25\nq1 Q0 d2\n")
        good, bad = rows_and_errors(tmp_path, "a.run", "run")
        assert good == {
            "query": "q1", "iteration": "Q0", "document": "d1", "rank": "1", "score": "3.5", "tag": "bm25",
        }  # fmt: skip
        assert str(bad).startswith("a.run:2: 6 fields are expected, found 3")
