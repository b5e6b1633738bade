"""Cases about files that programs write, and nested JSON."""

from __future__ import annotations

from collections.abc import Iterator

from tests.cases.case import Case, Example, beside
from tests.cases.notes import (
    DOCUMENTS,
    GRADES,
    IRRELEVANT,
    ONES,
    QUERIES,
    WITH_NEGATIVES,
    asking,
    number,
    relevant,
    texts,
)
from tests.shapes.content import Judged
from tests.shapes.writing import as_json, delimited, json_lines


def programs() -> Iterator[Case]:
    """Cases about files of programs."""
    yield Case(
        "05",
        "LlamaIndex's queries, corpus and relevant_docs in one JSON file",
        "https://github.com/run-llama/llama_index/pull/7452",
        examples=(
            Example(
                {
                    "pg_eval_dataset.json": as_json(
                        {
                            "queries": QUERIES,
                            "corpus": DOCUMENTS,
                            "relevant_docs": {q: relevant(q) for q in QUERIES},
                            "mode": "text",
                        }
                    )
                },
                judged=ONES,
            ),
        ),
    )
    yield _squad()
    yield _dpr()
    ratings = [
        {
            "query": text,
            "ratings": [{"docId": d, "rating": str(float(GRADES[q, d]))} for d in relevant(q)],
        }
        for q, text in QUERIES.items()
    ]
    yield Case(
        "11",
        "OpenSearch's judgments: `judgmentRatings` with `docId` and `rating`",
        "https://github.com/opensearch-project/search-relevance/issues/44",
        examples=(Example(beside(as_json({"name": "mine", "judgmentRatings": ratings}), "judgments.json")),),
    )
    lines = [f"{g}\tqid:{number(q)}\t# {d}\t{QUERIES[q]}\n" for (q, d), g in GRADES.items()]
    yield Case(
        "13",
        "a judgment list of RankLib beside the documents",
        "https://github.com/o19s/quepid/issues/162",
        examples=(Example(beside("".join(lines).encode(), "judgments.txt")),),
    )
    requests = [
        {
            "id": q,
            "request": {"query": {"match": {"text": text}}},
            "ratings": [{"_index": "bikes", "_id": d, "rating": GRADES[q, d]} for d in relevant(q)],
        }
        for q, text in QUERIES.items()
    ]
    yield Case(
        "15",
        "Elasticsearch's `rank_eval` requests",
        "https://github.com/elastic/elasticsearch/issues/30839",
        examples=(Example(beside(as_json({"requests": requests}), "rank_eval.json")),),
    )
    yield _dumps()
    yield _chunks()


def _squad() -> Case:
    asked = {
        "why does my chain slip": "d1",
        "why do brakes squeal": "d2",
        "what cleans a rotor": "d2",
        "no air": "d4",
    }
    paragraphs = [
        {
            "context": DOCUMENTS[doc],
            "qas": [
                {"id": f"id {n}".replace(" ", ""), "question": text, "answers": [], "is_impossible": False}
                for n, (text, found) in enumerate(asked.items())
                if found == doc
            ],
        }
        for doc in ("d1", "d2", "d4")
    ]
    right: Judged = {(text, DOCUMENTS[doc]): 1 for text, doc in asked.items()}
    return Case(
        "06",
        "SQuAD's nested JSON",
        "https://github.com/deepset-ai/haystack/issues/336",
        examples=(
            Example(
                {
                    "dev-v2.0.json": as_json(
                        {"version": "v2.0", "data": [{"title": "Bicycles", "paragraphs": paragraphs}]}
                    )
                },
                reads=(3, 4, 4),
                judged=right,
            ),
        ),
    )


def _dpr() -> Case:
    def passages(ids: list[str]) -> list[dict[str, object]]:
        return [
            {"title": f"Note {doc}", "text": DOCUMENTS[doc], "score": 11.2, "passage_id": number(doc)}
            for doc in ids
        ]

    rows = [
        {
            "dataset": "own",
            "question": text,
            "answers": ["x"],
            "positive_ctxs": passages(relevant(q)),
            "negative_ctxs": [],
            "hard_negative_ctxs": passages([doc for asked, doc in IRRELEVANT if asked == q]),
        }
        for q, text in QUERIES.items()
    ]
    return Case(
        "07",
        "DPR's JSON: positive and hard negative passages as objects",
        "https://github.com/facebookresearch/DPR/issues/91",
        now="10 documents, 6 queries, 8 judgments of 1 and 12 of 0",
        examples=(Example({"dev.json": as_json(rows)}, reads=(10, 6, 20), judged=WITH_NEGATIVES),),
    )


def _dumps() -> Case:
    asked = delimited(asking())
    index = [
        {"_index": "bikes", "_id": d, "_score": 1, "_source": {"title": "Note", "body": text}}
        for d, text in DOCUMENTS.items()
    ]
    bulk = [
        line
        for d, text in DOCUMENTS.items()
        for line in ({"index": {"_index": "bikes", "_id": d}}, {"title": "Note", "body": text})
    ]
    return Case(
        "16",
        "lines of elasticdump with `_source`, and a `_bulk` file",
        "https://github.com/elasticsearch-dump/elasticsearch-dump/issues/523",
        examples=(
            Example({"bikes.json": json_lines(index), "queries.csv": asked}, judged=ONES),
            Example({"bikes.ndjson": json_lines(bulk), "queries.csv": asked}, "_bulk", judged=ONES),
        ),
    )


def _chunks() -> Case:
    goldens = [
        {"input": text, "actual_output": None, "expected_output": "An answer.", "context": texts(relevant(q))}
        for q, text in QUERIES.items()
    ]
    chunks = [
        {
            "query": text,
            "query_id": q,
            "expected_chunks": [
                {"text": DOCUMENTS[d], "expect_score": GRADES[q, d] / 2} for d in relevant(q)
            ],
        }
        for q, text in QUERIES.items()
    ]
    return Case(
        "104",
        "goldens of DeepEval (`input`, `context`), and TruLens' `expected_chunks` with scores",
        "https://github.com/truera/trulens/issues/2746",
        now="8 documents, 6 queries, 8 judgments; decimals are asked about",
        examples=(
            Example({"goldens.json": as_json(goldens)}, reads=(8, 6, 8), judged=ONES),
            Example(
                {"gt.json": as_json(chunks)},
                "TruLens",
                (8, 6, 8),
                says="grade holds decimals from 0.5 to 1",
                answer={"qrels.scale": 2},
            ),
        ),
    )
