"""References are found by their values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluator.datasets.recognition.recognise import recognise
from tests.unit.datasets.recognition.recognising import read_all, reading, write

CORPUS = "id,text\nd1,about chains and gears\nd2,about brakes and pads\nd3,about wheels and spokes\n"


class TestReferences:
    """Columns whose values are ids or texts of documents, whatever they are called."""

    def folder(self, tmp_path: Path, questions: str) -> Path:
        return write(tmp_path, {"corpus.csv": CORPUS, "questions.csv": questions})

    @pytest.mark.parametrize(
        "cell",
        [
            '"[""d1"", ""d2""]"',
            "\"['d1', 'd2']\"",
            "['d1' 'd2']",
            "\"[['d1'], ['d2']]\"",
            '"d1,d2"',
            "d1; d2",
            "d1 d2",
            "d1|d2",
        ],
    )
    def test_a_cell_that_lists_ids(self, tmp_path: Path, cell: str) -> None:
        folder = self.folder(tmp_path, f"question,ziel\nwhy does it slip,{cell}\nwhat is a spoke,d3\n")
        assert [row[1:] for row in read_all(folder, reading(folder))[2]] == [("d1", 1), ("d2", 1), ("d3", 1)]

    def test_several_columns_of_one_family(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path, "question,doc_1,doc_2\nwhy does it slip,d1,d2\nwhat is a spoke,d3,\n")
        assert [row[1] for row in read_all(folder, reading(folder))[2]] == ["d1", "d2", "d3"]

    def test_texts_of_documents_in_a_list(self, tmp_path: Path) -> None:
        cell = "\"['about chains and gears', 'about brakes and pads']\""
        folder = self.folder(tmp_path, f"user_input,reference_contexts\nwhy does it slip,{cell}\n")
        assert [row[1] for row in read_all(folder, reading(folder))[2]] == ["d1", "d2"]

    def test_negatives_have_the_grade_0_and_excluded_documents_are_no_judgments(self, tmp_path: Path) -> None:
        folder = self.folder(
            tmp_path, "question,gold_ids,hard_negatives,excluded_ids\nwhy does it slip,d1,d2,d3\n"
        )
        _, queries, judgments = read_all(folder, reading(folder))
        assert [row[1:] for row in judgments] == [("d1", 1), ("d2", 0)]
        assert queries[0].excluded == ("d3",)

    def test_negative_texts_become_documents(self, tmp_path: Path) -> None:
        row = {
            "query": "why does it slip",
            "positive": ["about chains"],
            "negative": ["about brakes", "about wheels"],
        }
        write(tmp_path, {"rerank.jsonl": json.dumps(row)})
        documents, _, judgments = read_all(tmp_path, reading(tmp_path))
        assert [document.text for document in documents] == ["about chains", "about brakes", "about wheels"]
        assert [judgment.grade for judgment in judgments] == [1, 0, 0]

    def test_ids_that_are_nowhere_are_asked_about(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path, "question,gold_ids\nwhy does it slip,x7\n")
        recognised = recognise(folder)
        assert recognised.reading is not None
        judged = recognised.reading.qrels is not None  # then the check blocks: no document is there
        assert judged or "could be the relevant documents" in recognised.doubts[0].question
