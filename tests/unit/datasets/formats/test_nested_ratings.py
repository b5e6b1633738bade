"""Nested JSON with ratings: search workbenches, rank_eval, RRE, Quepid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.datasets.formats.nested import RATED, RATINGS, lines, tables
from tests.unit.datasets.table_files import rows_and_errors, write


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
