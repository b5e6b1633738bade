"""Shapes that programs and collections have, and tables as spreadsheets leave them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.shapes.content import BINARY, DOCUMENTS, GRADES, ONES, QUERIES, RELEVANT, relevant_to
from tests.shapes.shape import (
    ASKED,
    CORPUS,
    File,
    Shape,
    csv,
    documents,
    judgments,
    queries,
    three,
)
from tests.shapes.writing import Rows, as_json, cells, delimited, json_lines, workbook


def formats() -> Iterator[Shape]:
    """Published formats, and messy tables."""
    yield from _known_formats()
    yield from _nested()
    yield from _lines()
    yield from _messy()


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


def _nested() -> Iterator[Shape]:
    """JSON of published forms."""
    articles = [
        {
            "title": f"Note {doc}",
            "paragraphs": [
                {
                    "context": text,
                    "qas": [
                        {"id": f"{q}-{doc}", "question": QUERIES[q], "is_impossible": not g, "answers": []}
                        for (q, d), g in GRADES.items()
                        if d == doc
                    ],
                }
            ],
        }
        for doc, text in DOCUMENTS.items()
    ]
    yield Shape(
        "SQuAD 2", {"dev.json": as_json({"version": "v2.0", "data": articles})}, BINARY, n_queries=len(GRADES)
    )
    negative = {q: [d for (asked, d), g in GRADES.items() if asked == q and not g] for q in QUERIES}
    passages = [
        {
            "question": text,
            "positive_ctxs": [{"title": "", "text": DOCUMENTS[d], "passage_id": d} for d in relevant_to(q)],
            "hard_negative_ctxs": [{"title": "", "text": DOCUMENTS[d], "passage_id": d} for d in negative[q]],
        }
        for q, text in QUERIES.items()
    ]
    yield Shape("DPR", {"dev.json": as_json(passages)}, BINARY, n_documents=len({doc for _, doc in GRADES}))
    ratings = [
        {
            "query": text,
            "ratings": [{"docId": d, "rating": g} for (asked, d), g in GRADES.items() if asked == q],
        }
        for q, text in QUERIES.items()
    ]
    yield Shape(
        "OpenSearch's judgments",
        {"documents.csv": CORPUS, "judgments.json": as_json({"name": "mine", "judgmentRatings": ratings})},
    )
    requests = [
        {
            "id": q,
            "request": {"query": {"match": {"text": text}}},
            "ratings": [
                {"_index": "notes", "_id": d, "rating": g} for (asked, d), g in GRADES.items() if asked == q
            ],
        }
        for q, text in QUERIES.items()
    ]
    yield Shape(
        "rank_eval requests", {"documents.csv": CORPUS, "rank_eval.json": as_json({"requests": requests})}
    )
    index: Rows = [{"_index": "notes", "_id": d, "_source": {"body": text}} for d, text in DOCUMENTS.items()]
    asked = csv([{"query": QUERIES[q], "doc_id": d} for q, d in RELEVANT])
    yield Shape("elasticdump", {"notes.json": json_lines(index), "queries.csv": asked}, ONES)
    bulk = [line for d, text in DOCUMENTS.items() for line in ({"index": {"_id": d}}, {"body": text})]
    yield Shape("an Elasticsearch _bulk file", {"notes.ndjson": json_lines(bulk), "queries.csv": asked}, ONES)
    yield Shape(
        "a .jsonl that is one array",
        {
            "corpus.jsonl": as_json(documents("_id", title="")),
            "queries.jsonl": json_lines(queries("_id", "text")),
            "qrels/test.tsv": "".join(f"{q}\t{d}\t{g}\n" for (q, d), g in GRADES.items()).encode(),
        },
    )


def _lines() -> Iterator[Shape]:
    """Text files of records and judgments."""
    beside_lines: dict[str, File | bytes] = {"documents.csv": CORPUS, "queries.csv": ASKED}
    yield Shape(
        "RankLib's judgment list",
        {
            "documents.csv": CORPUS,
            "judgments.txt": "".join(
                f"{g}\tqid:{q[1:]}\t# {d}\t{QUERIES[q]}\n" for (q, d), g in GRADES.items()
            ).encode(),
        },
    )
    mixed = "".join(f"{q}\t 0 {d}\t{g}\n" for (q, d), g in GRADES.items())
    yield Shape("qrels with tabs and spaces", {**beside_lines, "qrels.txt": mixed.encode()})
    yield Shape(
        "qrels with a comment above", {**beside_lines, "qrels.txt": f"# judged by ann\n{mixed}".encode()}
    )
    smart = "".join(f".I {d[1:]}\n.T\n\n.W\n{text}\n" for d, text in DOCUMENTS.items())
    asked = "".join(f".I {q[1:]}\n.W\n{text}\n" for q, text in QUERIES.items())
    rel = "".join(f"{q[1:]:>6} {d[1:]:>6} 0 0.000000\n" for q, d in RELEVANT)
    yield Shape(
        "CISI", {"CISI.ALL": smart.encode(), "CISI.QRY": asked.encode(), "CISI.REL": rel.encode()}, ONES
    )
    xml = "".join(f'<topic number="{q}"><query>{text}</query></topic>\n' for q, text in QUERIES.items())
    yield Shape(
        "topics in XML",
        {
            "documents.csv": CORPUS,
            "topics.xml": f"<topics>\n{xml}</topics>\n".encode(),
            "qrels.txt": mixed.encode(),
        },
    )


def _messy() -> Iterator[Shape]:
    """Tables as spreadsheets leave them."""
    names = ("documents", "queries", "judgments")
    rows = (documents(), queries(), judgments())
    separated = {
        f"{name}.csv": b"sep=;\n" + delimited(part, ";") for name, part in zip(names, rows, strict=True)
    }
    yield Shape("CSV with a first line sep=;", separated)
    titled = {name: [["My notes"], [], *cells(part)] for name, part in zip(names, rows, strict=True)}
    yield Shape("an Excel workbook with a title above each table", {"notes.xlsx": workbook(titled)})
    yield Shape(
        "CSV in windows-1252",
        {
            "documents.csv": delimited(
                [*documents(), {"id": "d7", "text": "Café crème \u2013 naïve"}], encoding="windows-1252"
            ),
            "queries.csv": ASKED,
            "judgments.csv": csv(judgments()),
        },
        n_documents=len(DOCUMENTS) + 1,
    )
    yield Shape(
        "MS MARCO's tables without a header",
        {
            "collection.tsv": _headless([{"id": d[1:], "text": text} for d, text in DOCUMENTS.items()]),
            "queries.dev.tsv": _headless([{"id": q[1:], "text": text} for q, text in QUERIES.items()]),
            "qrels.dev.tsv": "".join(f"{q[1:]}\t0\t{d[1:]}\t{g}\n" for (q, d), g in GRADES.items()).encode(),
        },
        answer={"corpus.table.header": 0, "queries.table.header": 0},
        asks="no row names the columns",
    )
    yield Shape(
        "ids with spaces around them",
        three([{"query_id": f"{q} ", "doc_id": f" {d}", "grade": g} for (q, d), g in GRADES.items()]),
    )
    yield Shape(
        "names of files as ids",
        {
            "documents.csv": csv([{"source": f"Note {d} (v1).pdf", "text": t} for d, t in DOCUMENTS.items()]),
            "questions.csv": csv(
                [{"question": QUERIES[q], "source": f"Note {d} (v1).pdf"} for q, d in RELEVANT]
            ),
        },
        ONES,
    )


def _headless(rows: Rows) -> bytes:
    """TSV without a header."""
    return delimited(rows, "\t").partition(b"\n")[2]
