"""The shapes, each with the values that are right for it. docs/datasets.md lists them; `python -m tests.shapes` prints
the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.shapes.content import (
    BINARY,
    DOCUMENTS,
    GRADED,
    GRADES,
    ONES,
    QUERIES,
    RELEVANT,
    Judged,
    relevant_to,
)
from tests.shapes.writing import Rows, as_json, cells, delimited, json_lines, parquet, workbook


@dataclass(frozen=True)
class File:
    """A file of rows, and how they are written."""

    rows: Rows
    write: Callable[[Rows], bytes]


@dataclass(frozen=True)
class Shape:
    """Files as people have them, and what is right.

    Attributes:
        name: for people.
        files: content by name.
        judged: the judgments that are right.
        n_documents, n_queries: the number of documents and queries that are right.
        answer: what a person answers if the files do not say it: values of the reading by dotted path.
        asks: a part of the question; empty if nothing is asked.
    """

    name: str
    files: Mapping[str, File | bytes]
    judged: Judged = field(default_factory=lambda: GRADED)
    n_documents: int = len(DOCUMENTS)
    n_queries: int = len(QUERIES)
    answer: Mapping[str, Any] = field(default_factory=dict)
    asks: str = ""

    def contents(self) -> dict[str, bytes]:
        """The bytes of every file."""
        return {
            name: file if isinstance(file, bytes) else file.write(file.rows)
            for name, file in self.files.items()
        }


def documents(id_: str = "id", text: str = "text", **more: Any) -> Rows:
    return [{id_: doc, text: content, **more} for doc, content in DOCUMENTS.items()]


def queries(id_: str = "id", text: str = "query") -> Rows:
    return [{id_: query, text: content} for query, content in QUERIES.items()]


def judgments(query: str = "query_id", document: str = "doc_id", grade: str | None = "grade") -> Rows:
    pairs = GRADES if grade else RELEVANT
    return [{query: q, document: d, **({grade: g} if grade else {})} for (q, d), g in pairs.items()]


def graded(name: str, value: Callable[[int], Any]) -> Rows:
    """Judgments with another column or other values for the grade."""
    return [{"query_id": q, "doc_id": d, name: value(g)} for (q, d), g in GRADES.items()]


def expecting(column: str, cell: Callable[[list[str]], Any]) -> Rows:
    """Queries with the relevant documents in one cell."""
    return [{"id": q, "question": text, column: cell(relevant_to(q))} for q, text in QUERIES.items()]


def texts_of(doc_ids: list[str]) -> list[str]:
    return [DOCUMENTS[doc] for doc in doc_ids]


def csv(rows: Rows) -> File:
    return File(rows, delimited)


CORPUS = csv(documents())
ASKED = csv(queries())


def beside(rows: Rows, name: str = "questions.csv") -> dict[str, File | bytes]:
    """A table of questions beside the documents."""
    return {"documents.csv": CORPUS, name: csv(rows)}


def three(judged: Rows) -> dict[str, File | bytes]:
    """Documents, queries and judgments."""
    return {"documents.csv": CORPUS, "queries.csv": ASKED, "judgments.csv": csv(judged)}


def all_shapes() -> Iterator[Shape]:
    """Every shape."""
    yield from _tables()
    yield from _grades()
    yield from _references()
    yield from _pairs()
    yield from _known_formats()


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


def _known_formats() -> Iterator[Shape]:
    nested: dict[str, dict[str, int]] = {}
    for (query, doc), grade in GRADES.items():
        nested.setdefault(query, {})[doc] = grade
    lines = "".join(f"{q}\t{d}\t{g}\n" for (q, d), g in GRADES.items())
    beir: dict[str, File | bytes] = {
        "corpus.jsonl": File(documents("_id", title=""), json_lines),
        "queries.jsonl": File(queries("_id", "text"), json_lines),
    }
    yield Shape("BEIR", {**beir, "qrels/test.tsv": f"query-id\tcorpus-id\tscore\n{lines}".encode()})
    yield Shape(
        "BEIR with TREC's qrels",
        {**beir, "qrels/test.tsv": "".join(f"{q}\t0\t{d}\t{g}\n" for (q, d), g in GRADES.items()).encode()},
    )
    yield Shape(
        "the decision record's documents and queries",
        {
            "documents.jsonl": File(documents("id", "content"), json_lines),
            "queries.jsonl": File(
                [
                    {
                        "id": q,
                        "query": t,
                        "relevantDocs": list(nested[q]),
                        "relevanceScores": list(nested[q].values()),
                    }
                    for q, t in QUERIES.items()
                ],
                json_lines,
            ),
        },
    )
    yield Shape(
        "LlamaIndex's queries, corpus and relevant_docs",
        {
            "dataset.json": as_json(
                {
                    "queries": QUERIES,
                    "corpus": DOCUMENTS,
                    "relevant_docs": {q: relevant_to(q) for q in QUERIES},
                }
            )
        },
        ONES,
    )
    yield Shape(
        "ranx' qrels and run",
        {
            "documents.csv": CORPUS,
            "queries.csv": ASKED,
            "qrels.json": as_json(nested),
            "run.json": as_json({q: {"d1": 0.9, "d2": 0.5} for q in QUERIES}),
        },
    )
    topics = "".join(f"<top>\n<num> Number: {q}\n<title> {t}\n</top>\n" for q, t in QUERIES.items())
    sgml = "".join(f"<DOC>\n<DOCNO>{d}</DOCNO>\n<TEXT>\n{t}\n</TEXT>\n</DOC>\n" for d, t in DOCUMENTS.items())
    yield Shape(
        "TREC's documents, topics and qrels",
        {
            "docs.sgml": sgml.encode(),
            "topics.txt": topics.encode(),
            "qrels.txt": "".join(f"{q} 0 {d} {g}\n" for (q, d), g in GRADES.items()).encode(),
        },
    )
