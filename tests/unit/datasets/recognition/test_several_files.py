"""Shards, several datasets, what takes no part, and the variants of BEIR's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.datasets.reading import Table
from evaluator.datasets.recognition.recognise import recognise
from evaluator.datasets.recognition.unused import unused
from tests.unit.datasets.recognition.recognising import read_all, reading, write

BEIR_FILES = {"corpus.jsonl": '{"_id": "d", "text": "a b"}', "queries.jsonl": '{"_id": "q", "text": "c d"}'}


class TestSeveralFiles:
    def test_shards_are_one_table(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path,
            {
                "corpus-2.csv": "id,text\nd3,about wheels and spokes\n",
                "corpus-1.csv": "id,text\nd1,about chains and gears\nd2,about brakes and pads\n",
                "queries.csv": "id,query\nq1,what is first\n",
                "qrels.csv": "query_id,doc_id,grade\nq1,d3,2\n",
            },
        )
        recognised = reading(folder)
        assert recognised.corpus.table == Table("corpus-1.csv", "csv", more=("corpus-2.csv",))
        documents, _, judgments = read_all(folder, recognised)
        assert [document.doc_id for document in documents] == ["d1", "d2", "d3"]
        assert judgments == [("q1", "d3", 2)]

    def test_a_folder_with_two_datasets_asks_which(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {f"{name}/{file}": content for name in "ab" for file, content in BEIR_FILES.items()},
        )
        (doubt,) = recognise(tmp_path).doubts
        assert doubt.question.startswith("the files hold several datasets; which one is meant?")
        assert [option.label for option in doubt.options] == ["the one in a/ (BEIR)", "the one in b/ (BEIR)"]

    def test_what_takes_no_part_is_named(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path,
            {
                "corpus.csv": "id,text,color\nd1,about chains and gears,red\n",
                "queries.csv": "id,query,retrieved_ids\nq1,what is first,d1\n",
                "notes.docx.bak": "x",
            },
        )
        recognised = recognise(folder)
        assert recognised.reading is not None
        assert [item.place for item in unused(recognised, recognised.reading)] == [
            "notes.docx.bak",
            "corpus.csv: color",
            "queries.csv: retrieved_ids",
        ]


class TestBeirVariants:
    """BEIR's folder as MTEB and people write it: every one is the same dataset."""

    CORPUS = '{"_id": "d1", "text": "one text"}\n{"_id": "d2", "text": "another text"}\n'
    QUERIES = '{"_id": "q1", "text": "which text"}\n'

    @pytest.mark.parametrize(
        "qrels",
        [
            {"qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td2\t1\n"},
            {"qrels/test.tsv": "query-id\tcorpus-id\nq1\td2\n"},
            {"qrels/test.tsv": "q1\t 0 d2\t1\n"},
            {"qrels/test.csv": "query-id,corpus-id,score\nq1,d2,1\n"},
            {"qrels/test.jsonl": '{"query-id": "q1", "corpus-id": "d2", "score": 1}\n'},
            {
                "qrels/test.csv": "query-id,corpus-id,score\nq1,d2,1\n",
                "qrels/dev.csv": "query-id,corpus-id,score\nq1,d1,1\n",
            },
            {"qrels.txt": "q1 0 d2 1\n"},
        ],
        ids=["tsv", "without grades", "mixed", "csv", "jsonl", "several splits", "beside"],
    )
    @pytest.mark.parametrize("id_", ["_id", "id"])
    def test_judgments_and_ids(self, tmp_path: Path, qrels: dict[str, str], id_: str) -> None:
        files = {
            "corpus.jsonl": self.CORPUS.replace("_id", id_),
            "queries.jsonl": self.QUERIES.replace("_id", id_),
        }
        write(tmp_path, {**files, **qrels})
        documents, queries, judgments = read_all(tmp_path, reading(tmp_path))
        assert [document.doc_id for document in documents] == ["d1", "d2"]
        assert [query.query_id for query in queries] == ["q1"]
        assert judgments == [("q1", "d2", 1)]
