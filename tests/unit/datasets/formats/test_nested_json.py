"""Nested JSON of tools and benchmarks: what is recognised, and the flat rows that it becomes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluator.datasets.formats import members
from evaluator.datasets.formats.shapes.registry import SHAPES
from evaluator.datasets.formats.sniffing import kind_of
from tests.unit.datasets.formats.nested import RATED, RATINGS, lines, tables
from tests.unit.datasets.table_files import rows, rows_and_errors, write

CHAIN, BRAKE = "A slipping chain is worn.", "Clean the rotor."


def test_every_shape_has_its_own_kind() -> None:
    assert len({shape.kind for shape in SHAPES}) == len(SHAPES)


class TestSquad:
    QUESTIONS = (
        {"id": "1", "question": "why does it slip", "answers": [{"text": "worn"}], "is_impossible": False},
        {"id": "2", "question": "who wore it", "answers": [], "is_impossible": True},
    )
    ARTICLES = (
        {"title": "Chains", "paragraphs": [{"context": CHAIN, "qas": QUESTIONS}]},
        {
            "title": "Brakes",
            "paragraphs": [{"context": BRAKE, "qas": []}, {"context": CHAIN, "qas": QUESTIONS[:1]}],
        },
    )

    def test_paragraphs_are_documents(self, tmp_path: Path) -> None:
        assert tables(tmp_path, "dev.json", {"version": "v2.0", "data": self.ARTICLES}, "squad") == {
            "documents": [
                {"title": "Chains", "text": CHAIN},
                {"title": "Brakes", "text": BRAKE},
                {
                    "title": "Brakes",
                    "text": CHAIN,
                },  # the same text, so the same document once ids are derived
            ],
            "queries": [{"id": "1", "query": "why does it slip"}, {"id": "2", "query": "who wore it"}],
            "judgments": [
                {"query_id": "1", "document": CHAIN, "grade": 1},
                {"query_id": "2", "document": CHAIN, "grade": 0},
                {"query_id": "1", "document": CHAIN, "grade": 1},
            ],
        }

    def test_articles_as_lines(self, tmp_path: Path) -> None:
        assert len(tables(tmp_path, "dev.jsonl", lines(*self.ARTICLES), "squad")["judgments"]) == 3

    def test_a_paragraph_without_text_is_a_defect(self, tmp_path: Path) -> None:
        article = {"paragraphs": [{"context": CHAIN, "qas": []}, {"qas": []}]}
        write(tmp_path, "a.json", json.dumps({"data": [article]}))
        assert rows_and_errors(tmp_path, "a.json", "squad", "documents") == [
            {"title": None, "text": CHAIN},
            "a.json:1: a paragraph has no context; give every paragraph its text as context",
        ]


class TestPassages:
    def test_dpr(self, tmp_path: Path) -> None:
        question = {
            "question": "why does it slip", "answers": ["worn"],
            "positive_ctxs": [{"title": "Chains", "text": CHAIN, "score": 11.2, "passage_id": "1"}],
            "negative_ctxs": [],
            "hard_negative_ctxs": [{"title": "Brakes", "text": BRAKE, "psg_id": 2}],
        }  # fmt: skip
        other = {
            **question,
            "question": "squeal",
            "positive_ctxs": question["hard_negative_ctxs"],
            "hard_negative_ctxs": [],
        }
        assert tables(tmp_path, "dev.json", [question, other], "passages") == {
            "documents": [
                {"id": "1", "title": "Chains", "text": CHAIN},
                {"id": 2, "title": "Brakes", "text": BRAKE},  # once
            ],
            "queries": [{"query": "why does it slip"}, {"query": "squeal"}],
            "judgments": [
                {"query": "why does it slip", "doc_id": "1", "grade": 1},
                {"query": "why does it slip", "doc_id": 2, "grade": 0},
                {"query": "squeal", "doc_id": 2, "grade": 1},
            ],
        }

    def test_tevatron(self, tmp_path: Path) -> None:
        question = {
            "query_id": "q1", "query": "why", "positive_passages": [{"docid": "d1", "title": "", "text": CHAIN}],
            "negative_passages": [{"docid": "d2", "text": BRAKE}],
        }  # fmt: skip
        read = tables(tmp_path, "train.jsonl", lines(question), "passages")
        assert read["queries"] == [{"id": "q1", "query": "why"}]
        assert read["judgments"] == [
            {"query_id": "q1", "doc_id": "d1", "grade": 1}, {"query_id": "q1", "doc_id": "d2", "grade": 0},
        ]  # fmt: skip

    def test_passages_without_ids_are_named_by_their_texts(self, tmp_path: Path) -> None:
        question = {"question": "why", "positive_ctxs": [{"title": "Chains", "text": CHAIN}]}
        read = tables(tmp_path, "a.json", [question], "passages")
        assert read["documents"] == [{"title": "Chains", "text": CHAIN}]
        assert read["judgments"] == [{"query": "why", "document": CHAIN, "grade": 1}]

    def test_grades_of_their_own(self, tmp_path: Path) -> None:
        chunk = {"query": "why", "query_id": "q1", "expected_chunks": [{"text": CHAIN, "expect_score": 2.0}]}
        assert tables(tmp_path, "a.json", [chunk], "passages")["judgments"] == [
            {"query_id": "q1", "document": CHAIN, "grade": 2.0}
        ]
        selected = [{"passage_text": CHAIN, "is_selected": 1}, {"passage_text": BRAKE, "is_selected": 0}]
        read = tables(
            tmp_path, "b.jsonl", lines({"query_id": 7, "query": "why", "passages": selected}), "passages"
        )
        assert [judgment["grade"] for judgment in read["judgments"]] == [1, 0]

    def test_a_list_of_other_things_is_a_defect(self, tmp_path: Path) -> None:
        good = {"question": "why", "positive_ctxs": [{"text": CHAIN}]}
        write(tmp_path, "a.jsonl", lines(good, {"question": "who", "positive_ctxs": "d1"}))
        assert rows_and_errors(tmp_path, "a.jsonl", "passages", "documents")[1] == (
            "a.jsonl:2: positive_ctxs is no list of objects; write positive_ctxs as a list of objects"
        )

    def test_goldens(self, tmp_path: Path) -> None:
        goldens = [
            {
                "input": "why",
                "expected_output": "x",
                "context": [CHAIN, BRAKE],
                "retrieval_context": ["other"],
            },
            {"input": "who", "expected_output": "y", "context": None},
        ]
        assert tables(tmp_path, "a.json", goldens, "goldens") == {
            "documents": [{"text": CHAIN}, {"text": BRAKE}],
            "queries": [{"query": "why"}, {"query": "who"}],
            "judgments": [{"query": "why", "document": text, "grade": 1} for text in (CHAIN, BRAKE)],
        }

    def test_lotte(self, tmp_path: Path) -> None:
        questions = lines({"qid": 0, "query": "why", "url": "u", "answer_pids": [12, 7]})
        assert tables(tmp_path, "qas.search.jsonl", questions, "lotte") == {
            "queries": [{"id": 0, "query": "why"}],
            "judgments": [{"query_id": 0, "doc_id": pid, "grade": 1} for pid in (12, 7)],
        }


class TestDumps:
    HITS = tuple(
        {"_index": "i", "_id": doc_id, "_score": 1, "_source": {"title": "T", "body": text}}
        for doc_id, text in (("d1", CHAIN), ("d2", BRAKE))
    )
    DOCUMENTS = (
        {"_id": "d1", "title": "T", "body": CHAIN},
        {"_id": "d2", "title": "T", "body": BRAKE},
    )

    def test_elasticdump(self, tmp_path: Path) -> None:
        for name, content in {
            "a.json": lines(*self.HITS),
            "b.json": {"took": 1, "hits": {"hits": self.HITS}},
        }.items():
            assert tables(tmp_path, name, content, "elasticdump") == {"": list(self.DOCUMENTS)}

    def test_bulk(self, tmp_path: Path) -> None:
        content = lines(
            {"index": {"_index": "i", "_id": "d1"}}, {"title": "T", "body": CHAIN},
            {"create": {}}, {"title": "T", "body": BRAKE},
        )  # fmt: skip
        assert tables(tmp_path, "a.ndjson", content, "bulk") == {
            "": [self.DOCUMENTS[0], {"title": "T", "body": BRAKE}]
        }

    def test_bulk_requests_that_change_documents_are_defects(self, tmp_path: Path) -> None:
        content = lines(
            {"delete": {"_id": "d1"}},
            {"update": {"_id": "d2"}},
            {"doc": {}},
            {"index": {}},
            {"x": 1},
            {"y": 2},
        )
        write(tmp_path, "a.ndjson", content)
        assert rows_and_errors(tmp_path, "a.ndjson", "bulk") == [
            "a.ndjson:1: a deletion is no document; give the documents that are left",
            "a.ndjson:3: update changes a document; write whole documents, with index or create",
            {"x": 1},
            "a.ndjson:6: an action is expected, such as index; write an action above every document",
        ]


class TestRecognition:
    @pytest.mark.parametrize(
        ("name", "written"),
        [
            ("a.json", [{"id": "d1", "text": "a"}]),
            ("a.json", {"data": [{"id": "d1", "text": "a"}]}),
            ("a.json", {"queries": [{"id": "q1", "query": "a", "relevant_documents": ["d1"]}]}),
            ("a.json", {"q1": {"d1": 1}, "q2": {"d2": 2}}),
            ("qrels.json", {"q1": {"d1": 0.5}}),
            ("a.json", {"index": {"_id": "d1"}}),
            ("a.json", [{"id": "d1", "paragraphs": [{"text": "a"}]}]),
            ("a.json", [{"query": "a", "passages": ["b", "c"]}]),
            ("a.json", [{"input": "a", "output": "b"}]),
        ],
    )
    def test_plain_json_stays_json(self, tmp_path: Path, name: str, written: object) -> None:
        write(tmp_path, name, json.dumps(written))
        assert kind_of(tmp_path / name) == "json"

    def test_the_objects_may_stand_behind_many_others(self, tmp_path: Path) -> None:
        members_before = {f"m{number}": [number] for number in range(300)}
        content = {**members_before, "judgmentRatings": [{"query": "tv", "ratings": RATINGS}]}
        assert tables(tmp_path, "a.json", content, "judgment-ratings") == RATED

    @pytest.mark.parametrize(("name", "score"), [("run.json", 1), ("bm25.json", 0.5)])
    def test_runs_of_ranx(self, tmp_path: Path, name: str, score: float) -> None:
        write(tmp_path, name, json.dumps({"q1": {"d1": score}}))
        assert kind_of(tmp_path / name) == "run"
        assert rows(tmp_path, name, "run") == [{"query": "q1", "document": "d1", "score": score}]

    def test_rows_before_a_break_are_kept(self, tmp_path: Path) -> None:
        write(tmp_path, "a.json", '{"data": [' + json.dumps(TestSquad.ARTICLES[0]) + ', {"title"')
        assert kind_of(tmp_path / "a.json") == "squad"
        good, bad = rows_and_errors(tmp_path, "a.json", "squad", "documents")
        assert good == {"title": "Chains", "text": CHAIN}
        assert str(bad).startswith("a.json: not valid JSON")

    def test_another_shape_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path, "a.json", '[{"id": "d1"}]')
        assert rows_and_errors(tmp_path, "a.json", "squad", "documents") == [
            "a.json: it is not written as SQuAD; choose another kind of file"
        ]
        write(tmp_path, "b.json", '{"data": [{"paragraphs": [{"context": "a"}]}]}')
        assert rows_and_errors(tmp_path, "b.json", "squad", "answers") == [
            "b.json > answers: there is no such table; choose one of documents, queries, judgments"
        ]


class TestArraysInLines:
    @pytest.mark.parametrize("content", ['[{"id": 1}, {"id": 2}]', '[\n {"id": 1},\n {"id": 2}\n]\n'])
    def test_an_array_is_read_whatever_the_suffix(self, tmp_path: Path, content: str) -> None:
        write(tmp_path, "corpus.jsonl", content)
        assert kind_of(tmp_path / "corpus.jsonl") == "json"
        assert rows(tmp_path, "corpus.jsonl", "jsonl") == [{"id": 1}, {"id": 2}]

    def test_lines_that_are_lists_stay_defects(self, tmp_path: Path) -> None:
        write(tmp_path, "a.jsonl", '[1]\n{"id": 1}\n')
        assert kind_of(tmp_path / "a.jsonl") == "jsonl"
        assert len(rows_and_errors(tmp_path, "a.jsonl", "jsonl")) == 2

    def test_an_object_over_several_lines(self, tmp_path: Path) -> None:
        write(tmp_path, "a.jsonl", json.dumps({"queries": {"q1": "a"}, "corpus": {"d1": "b"}}, indent=1))
        assert kind_of(tmp_path / "a.jsonl") == "json"
        assert members(tmp_path, "a.jsonl", "json") == ("queries", "corpus")
