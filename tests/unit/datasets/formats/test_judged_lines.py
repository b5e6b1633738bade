"""Judgments and ranked lists that are lines: what separates their fields, comments, and what tells them apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.datasets.formats import members
from evaluator.datasets.formats.sniffing import kind_of
from tests.unit.datasets.table_files import rows, rows_and_errors, write

JUDGMENT = {"query": "q1", "document": "d1", "grade": "2"}


class TestQrels:
    @pytest.mark.parametrize("name", ["test.tsv", "qrels.txt"])
    @pytest.mark.parametrize(
        "line",
        [
            "q1\td1\t2",
            "q1\t0\td1\t2",
            "q1 0 d1 2",
            "q1\t 0 d1\t2",
            "q1 \t0\t d1 2\t",
            " q1\t d1\t2 ",
            "q1\td1 2",
        ],
    )
    def test_any_mix_of_tabs_and_spaces(self, tmp_path: Path, name: str, line: str) -> None:
        write(tmp_path, name, line + "\n")
        assert rows(tmp_path, name, "qrels") == [JUDGMENT]

    def test_as_scifact_writes_them(self, tmp_path: Path) -> None:
        write(tmp_path, "test.tsv", "1\t 0 31715818\t1\n3\t 0 14717500\t1\n")
        assert kind_of(tmp_path / "test.tsv") == "qrels"
        assert rows(tmp_path, "test.tsv", "qrels") == [
            {"query": "1", "document": "31715818", "grade": "1"},
            {"query": "3", "document": "14717500", "grade": "1"},
        ]

    @pytest.mark.parametrize(
        ("line", "row"),
        [
            ("my q\td1\t2", {"query": "my q", "document": "d1", "grade": "2"}),
            ("q1\t\t2", {"query": "q1", "document": "", "grade": "2"}),
            ("q1\t0\t\t2", {"query": "q1", "document": "", "grade": "2"}),
        ],
        ids=["white space in an id", "no document", "no document after the iteration"],
    )
    def test_tabs_keep_fields_apart(self, tmp_path: Path, line: str, row: dict[str, str]) -> None:
        """The rules for ids then refuse the row, instead of taking a word for another field."""
        write(tmp_path, "test.tsv", line + "\n")
        assert rows(tmp_path, "test.tsv", "qrels") == [row]

    @pytest.mark.parametrize("line", ["q1 d1", "q1 0 d1 2 x", "q1"])
    def test_another_number_of_fields_is_refused(self, tmp_path: Path, line: str) -> None:
        write(tmp_path, "qrels.txt", f"q1 d1 2\n{line}\n")
        good, bad = rows_and_errors(tmp_path, "qrels.txt", "qrels")
        assert good == JUDGMENT
        assert str(bad).startswith(f"qrels.txt:2: 3 or 4 fields are expected, found {len(line.split())}")

    @pytest.mark.parametrize(
        ("header", "line"),
        [
            ("query-id\tcorpus-id\tscore", "q1\td1\t2"),
            ("query_id iteration doc_id relevance", "q1 0 d1 2"),
            ("doc_id\tquery_id\tgrade", "d1\tq1\t2"),
            ("this that other", "q1 d1 2"),
        ],
    )
    def test_a_header_names_the_columns(self, tmp_path: Path, header: str, line: str) -> None:
        write(tmp_path, "qrels.txt", f"{header}\n{line}\n")
        assert rows(tmp_path, "qrels.txt", "qrels") == [JUDGMENT]

    def test_without_a_column_of_grades_every_grade_is_1(self, tmp_path: Path) -> None:
        write(tmp_path, "test.tsv", "query-id\tcorpus-id\nq1\td1\nq1\td2\t1\n")
        good, bad = rows_and_errors(tmp_path, "test.tsv", "qrels")
        assert good == {**JUDGMENT, "grade": "1"}
        assert str(bad).startswith("test.tsv:3: 2 fields are expected, found 3")

    def test_comments(self, tmp_path: Path) -> None:
        write(
            tmp_path, "qrels.txt", "\n#judged by A.\n# judged by 3\n##\n#1 0 d1 2\n# batch 2\n#2 d2 1\n#x\n"
        )
        assert kind_of(tmp_path / "qrels.txt") is None  # because of the last line
        first, second, bad = rows_and_errors(tmp_path, "qrels.txt", "qrels")
        assert (first, second) == (
            {"query": "#1", "document": "d1", "grade": "2"},
            {"query": "#2", "document": "d2", "grade": "1"},
        )
        assert str(bad).startswith("qrels.txt:8: 3 or 4 fields are expected, found 1")

    def test_comments_above_the_judgments(self, tmp_path: Path) -> None:
        write(tmp_path, "judged.txt", "# judged by A in 2020\n\nq1 0 d1 2\n")
        assert kind_of(tmp_path / "judged.txt") == "qrels"

    def test_a_table_with_texts_stays_a_table(self, tmp_path: Path) -> None:
        write(tmp_path, "searches.tsv", "1\twindows 10\n2\tred shoes\t2\n3\tiphone 6\n")
        assert kind_of(tmp_path / "searches.tsv") == "tsv"
        write(tmp_path, "counts.tsv", "1\tred shoes\t2\n2\tblue coat\t7\n")
        assert kind_of(tmp_path / "counts.tsv") == "tsv"


class TestSmartJudgments:
    def test_cisi_and_cacm(self, tmp_path: Path) -> None:
        write(tmp_path, "CISI.REL", "     1     28\t0\t0.000000\n    35      1\t0\t0.000000\n")
        write(tmp_path, "qrels.text", "01 1410  0 0\n02 0434  0 0\n")
        for name, pairs in {
            "CISI.REL": [("1", "28"), ("35", "1")],
            "qrels.text": [("1", "1410"), ("2", "434")],
        }.items():
            assert kind_of(tmp_path / name) == "smart-qrels"
            assert [(r["query"], r["document"]) for r in rows(tmp_path, name, "smart-qrels")] == pairs

    def test_qrels_with_a_document_0_are_qrels(self, tmp_path: Path) -> None:
        write(tmp_path, "qrels.txt", "1 0 0 0\n1 0 1 1\n")
        assert kind_of(tmp_path / "qrels.txt") == "qrels"

    def test_another_line_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path, "CISI.REL", "1 28 0 0.000000\n1 28 1 0.000000\n")
        assert str(rows_and_errors(tmp_path, "CISI.REL", "smart-qrels")[1]).startswith(
            "CISI.REL:2: 4 fields are"
        )

    def test_time_lists_documents(self, tmp_path: Path) -> None:
        write(tmp_path, "TIME.REL", "1  268 288\n\n2  326 334 408\n\n")
        assert kind_of(tmp_path / "TIME.REL") == "document-lists"
        pairs = [(row["query"], row["document"]) for row in rows(tmp_path, "TIME.REL", "document-lists")]
        assert pairs == [("1", "268"), ("1", "288"), ("2", "326"), ("2", "334"), ("2", "408")]

    def test_numbers_alone_are_no_judgments(self, tmp_path: Path) -> None:
        write(tmp_path, "matrix.txt", "1 2 3 4 5\n2 4\n")
        assert kind_of(tmp_path / "matrix.txt") is None


class TestRuns:
    def test_of_ms_marco(self, tmp_path: Path) -> None:
        lines = [f"q{query}\td{rank}\t{rank}" for query in (1, 2) for rank in range(1, 6)]
        write(tmp_path, "dev.tsv", "\n".join(lines))
        assert kind_of(tmp_path / "dev.tsv") == "run"
        assert [row["score"] for row in rows(tmp_path, "dev.tsv", "run")][:2] == ["-1.0", "-2.0"]

    @pytest.mark.parametrize(
        ("name", "lines", "kind"),
        [
            ("run.dev.tsv", "q1\td1\t1\nq1\td7\t2\n", "run"),
            ("qrels.dev.tsv", "".join(f"q1\td{n}\t{n}\n" for n in range(1, 9)), "qrels"),
            ("dev.tsv", "q1\td1\t1\nq1\td7\t2\n", "qrels"),
            ("dev.tsv", "q1\td1\t1\nq1\td2\t1\nq1\td3\t2\n", "qrels"),
        ],
    )
    def test_ranks_are_told_from_grades(self, tmp_path: Path, name: str, lines: str, kind: str) -> None:
        write(tmp_path, name, lines)
        assert kind_of(tmp_path / name) == kind

    def test_lines_of_ms_marco_are_all_alike(self, tmp_path: Path) -> None:
        write(tmp_path, "a.run", "q1\td1\t1\nq1\td2\tx\nq1 Q0 d2 1 3.5 bm25\n")
        good, *bad = rows_and_errors(tmp_path, "a.run", "run")
        assert good == {"query": "q1", "document": "d1", "rank": "1", "score": "-1.0"}
        assert bad == [
            "a.run:2: the rank 'x' is no whole number; write the rank as a whole number",
            "a.run:3: 3 fields are expected, found 6; write query id, document id and rank",
        ]

    def test_of_another_number_of_fields(self, tmp_path: Path) -> None:
        write(tmp_path, "a.run", "# made by A\nq1 Q0 d1 1 3.5 bm25\nq1 Q0 d2\n")
        good, bad = rows_and_errors(tmp_path, "a.run", "run")
        assert isinstance(good, dict)
        assert good["score"] == "3.5"
        assert str(bad).startswith("a.run:3: 6 fields are expected, found 3")


class TestLearningToRank:
    def test_of_letor(self, tmp_path: Path) -> None:
        content = "2 qid:10 1:0.5 2:3e-2 #docid = GX1 inc = 1 prob = 0.08\n0 qid:10 1:0.1 2:0 # docid: GX2\n"
        write(tmp_path, "test.txt", content)
        assert kind_of(tmp_path / "test.txt") == "ltr"
        assert members(tmp_path, "test.txt", "ltr") == ("judgments",)
        assert rows(tmp_path, "test.txt", "ltr", "judgments") == [
            {"query_id": "10", "doc_id": "GX1", "grade": "2"},
            {"query_id": "10", "doc_id": "GX2", "grade": "0"},
        ]

    def test_queries_above_the_judgments(self, tmp_path: Path) -> None:
        content = "# grade (0-4)\tqueryid\tdocId\ttitle\n#\n# qid:1: rambo\n# qid:2: rocky*2\n#\n"
        write(tmp_path, "a.txt", content + "4\tqid:1 #\t7555\tRambo\n3\tqid:1 #\t1370\tRambo III\n")
        assert kind_of(tmp_path / "a.txt") == "ltr"
        assert members(tmp_path, "a.txt", "ltr") == ("judgments", "queries")
        assert rows(tmp_path, "a.txt", "ltr", "queries") == [
            {"id": "1", "query": "rambo"}, {"id": "2", "query": "rocky"},
        ]  # fmt: skip
        assert [row["doc_id"] for row in rows(tmp_path, "a.txt", "ltr", "judgments")] == ["7555", "1370"]

    def test_words_behind_documents_are_the_query_if_all_of_its_documents_have_them(
        self, tmp_path: Path
    ) -> None:
        write(
            tmp_path,
            "a.txt",
            "2\tqid:1\t# d1\tmy chain\n2\tqid:2\t# d2\tdisc brakes\n1\tqid:2\t# d3\tdisc brakes\n",
        )
        assert rows(tmp_path, "a.txt", "ltr", "queries") == [
            {"id": "1", "query": "my chain"}, {"id": "2", "query": "disc brakes"},
        ]  # fmt: skip
        write(tmp_path, "b.txt", "2\tqid:1\t# d1\tOne title\n2\tqid:1\t# d2\tAnother title\n")
        assert members(tmp_path, "b.txt", "ltr") == ("judgments",)

    def test_a_list_without_documents_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path, "a.txt", "2 qid:1 1:0.5\n")
        assert rows_and_errors(tmp_path, "a.txt", "ltr", "judgments") == [
            "a.txt:1: the line does not name a document, only the values of its features; "
            "write the document's id in a comment at its end: # docid = d1"
        ]
