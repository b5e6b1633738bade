"""Shapes that people make: tables of documents, queries and judgments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.shapes.content import BINARY, DOCUMENTS, GRADES, ONES, QUERIES, RELEVANT, relevant_to
from tests.shapes.shape import (
    ASKED,
    File,
    Shape,
    beside,
    csv,
    documents,
    expecting,
    graded,
    judgments,
    queries,
    texts_of,
    three,
)
from tests.shapes.writing import as_json, cells, delimited, json_lines, parquet, workbook


def tables() -> Iterator[Shape]:
    """Tables, their grades, how they refer to documents, and all in one table."""
    yield from _tables()
    yield from _grades()
    yield from _references()
    yield from _pairs()


def _tables() -> Iterator[Shape]:
    tab = lambda rows: delimited(rows, "\t")  # noqa: E731
    semicolon = lambda rows: delimited(rows, ";")  # noqa: E731
    yield Shape("three CSV tables", three(judgments()))
    yield Shape(
        "three tables with semicolons, as Excel writes them in many countries",
        {
            "documents.csv": File(documents(), semicolon),
            "queries.csv": File(queries(), semicolon),
            "judgments.csv": File(judgments(), semicolon),
        },
    )
    yield Shape(
        "three TSV tables",
        {
            "corpus.tsv": File(documents(), tab),
            "queries.tsv": File(queries(), tab),
            "qrels.tsv": File(judgments(), tab),
        },
    )
    yield Shape(
        "three Parquet files",
        {
            "corpus.parquet": File(documents("doc_id", "contents"), parquet),
            "queries.parquet": File(queries("qid"), parquet),
            "qrels.parquet": File(judgments("qid", "docid", "relevance"), parquet),
        },
    )
    yield Shape(
        "an Excel workbook with a sheet for each part",
        {
            "bikes.xlsx": workbook(
                {
                    "documents": cells(documents()),
                    "queries": cells(queries()),
                    "judgments": cells(judgments()),
                }
            )
        },
    )
    yield Shape(
        "tables whose columns have German names",
        {
            "texte.csv": csv(documents("Nr", "Inhalt")),
            "fragen.csv": csv(queries("Nr", "Frage")),
            "bewertungen.csv": csv(judgments("Frage", "Dokument", "Relevanz")),
        },
    )
    half = len(DOCUMENTS) // 2
    yield Shape(
        "a corpus in several files",
        {
            "corpus-00001.csv": csv(documents()[:half]),
            "corpus-00002.csv": csv(documents()[half:]),
            "queries.csv": ASKED,
            "qrels.csv": csv(judgments()),
        },
    )
    yield Shape(
        "judgments that repeat the text of the query",
        three([{"query": QUERIES[q], "doc_id": d, "grade": g} for (q, d), g in GRADES.items()]),
    )
    yield Shape(
        "judgments that repeat query and passage",
        three([{"query": QUERIES[q], "passage": DOCUMENTS[d], "grade": g} for (q, d), g in GRADES.items()]),
    )


def _grades() -> Iterator[Shape]:
    for name in ("relevant", "is_relevant", "judgment", "rel", "label"):
        yield Shape(f"grades 0 and 1 in a column `{name}`", three(graded(name, lambda g: int(g > 0))), BINARY)
    yield Shape(
        "grades TRUE and FALSE", three(graded("relevant", lambda g: "TRUE" if g else "FALSE")), BINARY
    )
    yield Shape("grades 2.0, 1.0", three(graded("rating", float)))
    yield Shape("grades with a decimal comma", three(graded("grade", lambda g: f"{g},0")))
    yield Shape(
        "grades in a column of an unknown name",
        three(graded("stars", lambda g: g)),
        answer={"qrels.grade": "stars"},
        asks="'stars' the grade",
    )
    words = {2: "Exact", 1: "Partial", 0: "Irrelevant"}
    yield Shape(
        "grades in words",
        three(graded("label", words.__getitem__)),
        answer={"qrels.grades": {"Exact": 2, "Partial": 1, "Irrelevant": 0}},
        asks="holds words",
    )
    yield Shape(
        "grades as decimals, to be cut",
        three(graded("score", lambda g: {2: 0.95, 1: 0.5, 0: 0.1}[g])),
        BINARY,
        answer={"qrels.cut": 0.4},
        asks="holds decimals",
    )
    yield Shape(
        "grades as decimals, to be scaled",
        three(graded("score", lambda g: {2: 0.9, 1: 0.5, 0: 0.1}[g])),
        answer={"qrels.scale": 2},
        asks="holds decimals",
    )
    yield Shape(
        "a column for each rater",
        three(
            [
                {"query_id": q, "doc_id": d, "rater_1": g, "rater_2": g, "rater_3": 2 - g}
                for (q, d), g in GRADES.items()
            ]
        ),
        answer={"qrels.grade": ["rater_1", "rater_2", "rater_3"], "qrels.combine": "majority"},
        asks="several raters",
    )
    yield Shape(
        "a row for each rater",
        three(
            [
                {"query_id": q, "doc_id": d, "grade": said, "rater": rater}
                for (q, d), g in GRADES.items()
                for rater, said in (("ann", g), ("bob", g), ("eve", 2 - g))
            ]
        ),
        answer={"qrels.combine": "median"},
        asks="several grades for the same query",
    )


def _references() -> Iterator[Shape]:
    lists: dict[str, Callable[[list[str]], Any]] = {
        "a JSON list": lambda ids: as_json(ids).decode(),
        "a Python list": str,
        "a list as NumPy prints it": lambda ids: "[" + " ".join(map(repr, ids)) + "]",
        "lists in a list": lambda ids: str([ids]),
        "ids with commas": ", ".join,
        "ids with semicolons": ";".join,
        "ids with spaces": " ".join,
    }
    for name, cell in lists.items():
        yield Shape(f"questions with {name}", beside(expecting("relevant_docs", cell)), ONES)
    for column in ("gold_ids", "answer_pids", "retrieval_gt", "ziel"):
        yield Shape(f"questions with ids in a column `{column}`", beside(expecting(column, ",".join)), ONES)
    wide = [
        {
            "question": text,
            **{f"doc{n}": dict(enumerate(relevant_to(q), 1)).get(n, "") for n in (1, 2)},
        }
        for q, text in QUERIES.items()
    ]
    yield Shape("questions with a column for each document", beside(wide), ONES)
    yield Shape(
        "a Ragas test set beside the documents",
        beside(
            [
                {
                    "user_input": text,
                    "reference_contexts": str(texts_of(relevant_to(q))),
                    "reference": "An answer.",
                }
                for q, text in QUERIES.items()
            ],
            "testset.csv",
        ),
        ONES,
    )
    yield Shape(
        "AutoRAG's corpus and qa",
        {
            "corpus.parquet": File(documents("doc_id", "contents"), parquet),
            "qa.parquet": File(
                [
                    {
                        "qid": q,
                        "query": text,
                        "retrieval_gt": [relevant_to(q)],
                        "generation_gt": ["An answer."],
                    }
                    for q, text in QUERIES.items()
                ],
                parquet,
            ),
        },
        ONES,
    )
    yield Shape(
        "BRIGHT's documents and examples",
        {
            "documents.parquet": File(documents("id", "content"), parquet),
            "examples.parquet": File(
                [
                    {"query": text, "id": q, "gold_ids": relevant_to(q), "excluded_ids": ["N/A"]}
                    for q, text in QUERIES.items()
                ],
                parquet,
            ),
        },
        ONES,
    )
    yield Shape(
        "a folder of texts, and questions with the name of a file",
        {
            **{f"docs/Note {doc} (v1).txt": text.encode() for doc, text in DOCUMENTS.items()},
            "questions.csv": csv(
                [{"question": QUERIES[q], "document": f"Note {d} (v1).txt"} for q, d in RELEVANT]
            ),
        },
        ONES,
    )


def _pairs() -> Iterator[Shape]:
    yield Shape(
        "questions, passages and grades in one table",
        {
            "pairs.csv": csv(
                [
                    {"question": QUERIES[q], "passage": DOCUMENTS[d], "grade": g}
                    for (q, d), g in GRADES.items()
                ]
            )
        },
        n_documents=len({doc for _, doc in GRADES}),
    )
    negative = {"q1": ["d5"], "q2": ["d4"], "q3": ["d1"], "q4": ["d1"]}
    yield Shape(
        "queries with positive and negative texts",
        {
            "rerank.jsonl": File(
                [
                    {"query": text, "positive": texts_of(relevant_to(q)), "negative": texts_of(negative[q])}
                    for q, text in QUERIES.items()
                ],
                json_lines,
            )
        },
        {**ONES, **{(QUERIES[q], DOCUMENTS[d]): 0 for q, ids in negative.items() for d in ids}},
    )
    yield Shape(
        "a Ragas test set alone",
        {
            "testset.csv": csv(
                [
                    {"user_input": text, "reference_contexts": str(texts_of(relevant_to(q)))}
                    for q, text in QUERIES.items()
                ]
            )
        },
        ONES,
        n_documents=len({doc for _, doc in RELEVANT}),
    )
    yield Shape(
        "DeepEval's goldens",
        {
            "goldens.json": as_json(
                [
                    {"input": text, "expected_output": "An answer.", "context": texts_of(relevant_to(q))}
                    for q, text in QUERIES.items()
                ]
            )
        },
        ONES,
        n_documents=len({doc for _, doc in RELEVANT}),
    )
