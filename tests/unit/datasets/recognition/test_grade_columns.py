"""Which columns hold grades, and what is asked about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluator.datasets.recognition.doubts import changed
from evaluator.datasets.recognition.recognise import Recognised, recognise
from evaluator.datasets.staging.from_tables import open_source
from tests.unit.datasets.recognition.recognising import read_all, reading, write
from tests.unit.datasets.recognition.test_references_by_value import CORPUS


class TestGrades:
    """What says how relevant a document is."""

    def judged(self, tmp_path: Path, header: str, *rows: str) -> Recognised:
        lines = "".join(f"{row}\n" for row in (f"query_id,doc_id,{header}", *rows))
        queries = "id,query\nq1,what is first\nq2,what is next\n"
        write(tmp_path, {"corpus.csv": CORPUS, "queries.csv": queries, "judgments.csv": lines})
        return recognise(tmp_path)

    @pytest.mark.parametrize("name", ["relevant", "is_relevant", "judgment", "Relevanz", "gain", "label"])
    def test_known_names(self, tmp_path: Path, name: str) -> None:
        recognised = self.judged(tmp_path, name, "q1,d1,1", "q1,d2,0", "q2,d3,1")
        assert not recognised.doubts
        assert recognised.reading is not None
        assert [row.grade for row in read_all(tmp_path, recognised.reading)[2]] == [1, 0, 1]

    def test_true_and_false(self, tmp_path: Path) -> None:
        recognised = self.judged(tmp_path, "relevant", "q1,d1,TRUE", "q1,d2,FALSE", "q2,d3,True")
        assert recognised.reading is not None
        assert [row.grade for row in read_all(tmp_path, recognised.reading)[2]] == [1, 0, 1]

    def test_an_unknown_number_is_asked_about(self, tmp_path: Path) -> None:
        recognised = self.judged(tmp_path, "stars", "q1,d1,1", "q1,d2,0", "q2,d3,1")
        (doubt,) = recognised.doubts
        assert doubt.question == "judgments.csv: is the column 'stars' the grade of the judgments?"
        assert [option.typed for option in doubt.options] == [
            "--set qrels.grade=stars",
            "--set qrels.grade=none",
        ]

    def test_ranks_and_raters_are_no_grades(self, tmp_path: Path) -> None:
        recognised = self.judged(tmp_path, "rank,rater", "q1,d1,1,7", "q1,d2,2,7", "q2,d3,1,7")
        assert not recognised.doubts
        assert recognised.reading is not None
        assert recognised.reading.qrels is not None
        assert recognised.reading.qrels.grade is None

    @pytest.mark.parametrize(
        ("combine", "grades"), [("majority", [2, 0]), ("mean", [1, 1]), ("median", [2, 0])]
    )
    def test_several_raters(self, tmp_path: Path, combine: str, grades: list[int]) -> None:
        """2, 2, 0: mostly 2, mean 1.33, median 2. 0, 0, 2: mostly 0, mean 0.67 (rounded 1), median 0."""
        recognised = self.judged(tmp_path, "rater_1,rater_2,rater_3", "q1,d1,2,2,0", "q2,d3,0,0,2")
        (doubt,) = recognised.doubts
        option = next(o for o in doubt.options if o.changes.get("qrels.combine") == combine)
        assert recognised.reading is not None
        chosen = changed(recognised.reading, option.changes)
        assert [row.grade for row in read_all(tmp_path, chosen)[2]] == grades

    def test_raters_in_rows_of_their_own(self, tmp_path: Path) -> None:
        recognised = self.judged(
            tmp_path, "grade,rater", "q1,d1,2,ann", "q1,d1,0,bob", "q1,d1,2,eve", "q2,d3,1,ann"
        )
        (doubt,) = recognised.doubts
        assert "several grades for the same query" in doubt.question
        assert recognised.reading is not None
        chosen = changed(recognised.reading, {"qrels.combine": "majority"})
        assert [row.grade for row in read_all(tmp_path, chosen)[2]] == [2, 1]

    def test_rounded_ids_are_refused_and_no_question_of_raters(self, tmp_path: Path) -> None:
        recognised = self.judged(tmp_path, "grade", "q1,1.23457E+18,2", "q1,1.23457E+18,1")
        assert not recognised.doubts
        assert recognised.reading is not None
        rows = [row for _, row in open_source(tmp_path, recognised.reading).judgments()]
        assert all("is a rounded number" in str(row) for row in rows)

    def test_words(self, tmp_path: Path) -> None:
        recognised = self.judged(tmp_path, "label", "q1,d1,Exact", "q1,d2,Irrelevant", "q2,d3,Partial")
        (doubt,) = recognised.doubts
        (option,) = doubt.options
        assert option.changes == {"qrels.grades": {"Exact": 2, "Partial": 1, "Irrelevant": 0}}
        assert recognised.reading is not None
        chosen = changed(recognised.reading, option.changes)
        assert [row.grade for row in read_all(tmp_path, chosen)[2]] == [2, 0, 1]

    @pytest.mark.parametrize(
        ("changes", "grades"), [({"qrels.cut": 0.5}, [1, 0, 1]), ({"qrels.scale": 4}, [4, 1, 2])]
    )
    def test_decimals(self, tmp_path: Path, changes: dict[str, Any], grades: list[int]) -> None:
        """0.95 times 4 is 3.8, rounded 4; 0.2 times 4 is 0.8, rounded 1."""
        recognised = self.judged(tmp_path, "score", "q1,d1,0.95", 'q1,d2,"0,2"', "q2,d3,0.5")
        (doubt,) = recognised.doubts
        assert "holds decimals from 0.2 to 0.95" in doubt.question
        assert recognised.reading is not None
        assert [row.grade for row in read_all(tmp_path, changed(recognised.reading, changes))[2]] == grades


def test_grades_that_differ_in_every_row_are_no_ids(tmp_path: Path) -> None:
    files = {
        "dokumente.csv": "id;text\nd1;ein langer Text\nd2;ein anderer Text\n",
        "fragen.csv": "Frage;Dokument;Relevanz\nwo ist das;d1;2\nwohin geht es;d2;1\n",
    }
    folder = write(tmp_path, files)
    assert [judgment[1:] for judgment in read_all(folder, reading(folder))[2]] == [("d1", 2), ("d2", 1)]
