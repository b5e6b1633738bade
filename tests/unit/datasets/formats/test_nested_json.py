"""Nested JSON of tools and benchmarks: what is recognised, and the flat rows that it becomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluator.datasets.formats import members
from evaluator.datasets.formats.shapes.registry import SHAPES
from evaluator.datasets.formats.sniffing import kind_of
from tests.unit.datasets.table_files import rows, rows_and_errors, write

CHAIN, BRAKE = "A slipping chain is worn.", "Clean the rotor."


def tables(folder: Path, name: str, content: object, kind: str) -> dict[str, list[dict[str, Any]]]:
    """The tables of a file that must have this kind; text is written as it is."""
    write(folder, name, content if isinstance(content, str) else json.dumps(content))
    found = kind_of(folder / name)
    assert found == kind
    return {member: rows(folder, name, found, member) for member in members(folder, name, found)}


def lines(*objects: object) -> str:
    return "".join(json.dumps(item) + "\n" for item in objects)


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


RATINGS = [{"docId": "d1", "rating": "2.000"}, {"docId": "d2", "rating": "0.000"}]
RATED = {
    "queries": [{"query": "tv"}],
    "judgments": [
        {"query": "tv", "doc_id": "d1", "grade": "2.000"},
        {"query": "tv", "doc_id": "d2", "grade": "0.000"},
    ],
}


class TestWorkbench:
    @pytest.mark.parametrize(
        "written",
        [
            {
                "name": "mine",
                "type": "IMPORT_JUDGMENT",
                "judgmentRatings": [{"query": "tv", "ratings": RATINGS}],
            },
            {"judgmentRatings": {"tv": RATINGS}},
            {"judgmentScores": {"tv": [{"docId": r["docId"], "score": r["rating"]} for r in RATINGS]}},
            {
                "hits": {
                    "hits": [
                        {"_id": "1", "_source": {"judgmentRatings": [{"query": "tv", "ratings": RATINGS}]}}
                    ]
                }
            },
        ],
        ids=["list", "mapping", "scores", "answer of a search"],
    )
    def test_judgments(self, tmp_path: Path, written: object) -> None:
        assert tables(tmp_path, "a.json", written, "judgment-ratings") == RATED

    def test_documents_of_an_index(self, tmp_path: Path) -> None:
        hit = {
            "_index": "judgments",
            "_id": "1",
            "_source": {"judgmentRatings": [{"query": "tv", "ratings": RATINGS}]},
        }
        assert tables(tmp_path, "a.ndjson", lines(hit), "judgment-ratings") == RATED

    def test_query_sets(self, tmp_path: Path) -> None:
        queries = {"querySetQueries": [{"queryText": "tv"}, {"queryText": "led tv"}]}
        read = {"queries": [{"query": "tv"}, {"query": "led tv"}]}
        assert tables(tmp_path, "a.json", {"name": "x", "sampling": "manual", **queries}, "query-set") == read
        assert tables(tmp_path, "b.ndjson", lines({"_id": "1", "_source": queries}), "query-set") == read


class TestRankEval:
    @staticmethod
    def rated(**request: object) -> dict[str, object]:
        return {"id": "q1", "ratings": [{"_index": "i", "_id": "d1", "rating": 3}], **request}

    @pytest.mark.parametrize(
        "request_",
        [
            {"query": {"match": {"text": "my chain"}}},
            {"query": {"match": {"text": {"query": "my chain", "operator": "and"}}}},
            {"query": {"multi_match": {"query": "my chain", "fields": ["a", "b"]}}},
            {"query": {"query_string": {"query": "my chain"}}},
            {"query": {"neural": {"vector": {"query_text": "my chain", "k": 10}}}},
            {
                "query": {
                    "bool": {
                        "must": [{"match": {"a": "my chain"}}],
                        "should": {"match_phrase": {"b": "my chain"}},
                        "filter": [{"term": {"status": "published"}}],
                    }
                }
            },
        ],
        ids=["match", "match with options", "multi_match", "query_string", "neural", "bool"],
    )
    def test_the_text_is_found_in_the_request(self, tmp_path: Path, request_: object) -> None:
        written = {"requests": [self.rated(request=request_)], "metric": {"dcg": {}}}
        assert tables(tmp_path, "a.json", written, "rank-eval") == {
            "queries": [{"id": "q1", "query": "my chain"}],
            "judgments": [{"query_id": "q1", "doc_id": "d1", "grade": 3}],
        }

    def test_the_text_is_a_parameter_of_a_template(self, tmp_path: Path) -> None:
        for number, params in enumerate(
            [{"query_string": "my chain", "field": "a"}, {"words": "my chain", "size": 3}]
        ):
            written = {"requests": [self.rated(template_id="t", params=params)]}
            read = tables(tmp_path, f"{number}.json", written, "rank-eval")
            assert read["queries"] == [{"id": "q1", "query": "my chain"}]

    @pytest.mark.parametrize(
        ("request_", "reason"),
        [
            ({"request": {"query": {"match_all": {}}}}, "the request has no text in its match"),
            (
                {"request": {"query": {"bool": {"must": [{"match": {"a": "x"}}, {"match": {"b": "y"}}]}}}},
                "the request has several texts ('x', 'y') in its match",
            ),
            (
                {"params": {"one": "x", "two": "y"}},
                "which of params is the query's text is not clear (one, two)",
            ),
        ],
    )
    def test_what_is_not_clear_is_refused(
        self, tmp_path: Path, request_: dict[str, object], reason: str
    ) -> None:
        write(tmp_path, "a.json", json.dumps({"requests": [self.rated(**request_)]}))
        assert f"a.json:1: {reason}" in str(rows_and_errors(tmp_path, "a.json", "rank-eval", "queries")[0])


class TestRre:
    QUERIES = (
        {"template": "t.json", "placeholders": {"$query": "fender", "$lang": "en"}},
        {"template": "t.json", "placeholders": {"$text": "fender bass"}},
    )

    @pytest.mark.parametrize(
        "relevant",
        [
            {"1": {"gain": 3}, "2": {"gain": 2}},
            {"3": ["1"], "2": ["2"]},
            [{"id": "1", "gain": 3}, {"id": "2", "gain": 2}],
        ],
        ids=["by document", "by gain", "list"],
    )
    @pytest.mark.parametrize("nested", ["topics", "query_groups"])
    def test_variants_of_a_query_share_their_documents(
        self, tmp_path: Path, relevant: object, nested: str
    ) -> None:
        group = {"name": "g", "queries": self.QUERIES, "relevant_documents": relevant}
        inner = [{"description": "d", "query_groups": [group]}] if nested == "topics" else [group]
        read = tables(tmp_path, "ratings.json", {"index": "i", "id_field": "id", nested: inner}, "rre")
        assert read["queries"] == [{"query": "fender"}, {"query": "fender bass"}]
        assert [(row["query"], row["doc_id"], int(row["grade"])) for row in read["judgments"]] == [
            ("fender", "1", 3), ("fender", "2", 2), ("fender bass", "1", 3), ("fender bass", "2", 2),
        ]  # fmt: skip

    def test_queries_without_groups(self, tmp_path: Path) -> None:
        query = {"placeholders": {"$query": "fender"}, "relevant_documents": {"3": ["1"]}}
        assert tables(tmp_path, "a.json", {"id_field": "id", "queries": [query]}, "rre") == {
            "queries": [{"query": "fender"}], "judgments": [{"query": "fender", "doc_id": "1", "grade": "3"}],
        }  # fmt: skip


class TestQuepid:
    def test_a_case(self, tmp_path: Path) -> None:
        queries = [
            {"query_text": "tv", "ratings": {"d1": 3, "d2": None}},
            {"query_text": "led", "ratings": {}},
        ]
        assert tables(tmp_path, "a.json", {"queries": queries}, "quepid") == {
            "queries": [{"query": "tv"}, {"query": "led"}], "judgments": [{"query": "tv", "doc_id": "d1", "grade": 3}],
        }  # fmt: skip

    def test_a_book(self, tmp_path: Path) -> None:
        judged = [{"rating": 2, "user_email": "a"}, {"rating": None, "unrateable": True}, {"rating": 3}]
        pair = {"query_text": "tv", "doc_id": "d1", "judgements": judged}
        read = tables(tmp_path, "a.json", {"name": "b", "query_doc_pairs": [pair]}, "quepid-book")
        assert [row["grade"] for row in read["judgments"]] == [2, 3]


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
