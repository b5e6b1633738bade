"""Cases about how tables refer to documents: lists in cells, texts, names of files."""

from __future__ import annotations

from collections.abc import Iterator

from tests.cases.case import Case, Example, beside, three
from tests.cases.notes import (
    DOCUMENTS,
    GRADES,
    ONES,
    QUERIES,
    WITH_NEGATIVES,
    documents,
    expecting,
    judgments,
    relevant,
    texts,
)
from tests.shapes.writing import as_json, delimited, json_lines, parquet


def references() -> Iterator[Case]:
    """Cases about references."""
    yield Case(
        "01",
        "lists of ids in cells of a CSV, as pandas writes them, with single quotes",
        "https://github.com/vibrantlabsai/ragas/issues/286",
        examples=(Example(beside(delimited(expecting("relevant_docs", str)), "queries.csv"), judged=ONES),),
    )
    ragas = delimited(
        [
            {
                "user_input": text,
                "reference_contexts": str(texts(relevant(q))),
                "reference": "An answer.",
                "synthesizer_name": "single_hop",
            }
            for q, text in QUERIES.items()
        ]
    )
    unused = ("testset.csv: reference", "testset.csv: synthesizer_name")
    yield Case(
        "03",
        "a Ragas test set beside the documents",
        "https://github.com/vibrantlabsai/ragas/issues/1263",
        examples=(
            Example(beside(ragas, "testset.csv"), judged=ONES, unused=unused),
            Example({"testset.csv": ragas}, "alone", (8, 6, 8), ONES, unused=unused),
        ),
    )
    yield Case(
        "04",
        "AutoRAG's corpus and qa, with ids in a list of lists",
        "https://github.com/Marker-Inc-Korea/AutoRAG/issues/250",
        examples=(
            Example(
                {
                    "corpus.parquet": parquet(documents("doc_id", "contents", path="/a.pdf", page=[0, 9])),
                    "qa.parquet": parquet(
                        [
                            {
                                "qid": q,
                                "query": text,
                                "retrieval_gt": [[doc] for doc in relevant(q)],
                                "generation_gt": ["An answer."],
                            }
                            for q, text in QUERIES.items()
                        ]
                    ),
                },
                judged=ONES,
                unused=("corpus.parquet: path", "corpus.parquet: page", "qa.parquet: generation_gt"),
            ),
        ),
    )
    yield Case(
        "09",
        "queries with positive and negative texts",
        "https://github.com/embeddings-benchmark/mteb/issues/141",
        now="10 documents, 6 queries, 8 judgments of 1 and 12 of 0",
        examples=(
            Example(
                {
                    "rerank.jsonl": json_lines(
                        [
                            {"query": text, "positive": texts(relevant(q)), "negative": texts(["d11", "d12"])}
                            for q, text in QUERIES.items()
                        ]
                    )
                },
                reads=(10, 6, 20),
                judged=WITH_NEGATIVES,
            ),
        ),
    )
    yield _bright()
    yield _names_of_files()
    yield Case(
        "40",
        "ranx' qrels and run",
        "https://github.com/AmenRa/ranx/issues/27",
        now="12 documents, 6 queries, 8 judgments, and the run",
        examples=tuple(_ranx()),
    )
    yield Case(
        "42",
        "several ids in a cell, with commas or semicolons",
        "https://github.com/run-llama/llama_index/issues/13926",
        examples=tuple(
            Example(
                beside(delimited(expecting("relevant_docs", separator.join, "question")), "questions.csv"),
                name,
                judged=ONES,
            )
            for name, separator in (("commas", ","), ("semicolons", "; "))
        ),
    )
    yield Case(
        "100",
        "a folder of Markdown and Word files, of which some cannot be read",
        "https://github.com/amd/gaia/issues/3871",
        now=".docx files are read; those that cannot be read are refused by name",
        examples=(
            Example(
                {
                    **{
                        f"notes/{doc}.{'docx' if doc == 'd9' else 'md'}": text.encode()
                        for doc, text in DOCUMENTS.items()
                    },
                    "questions.csv": delimited(
                        [
                            {"question": QUERIES[q], "document": f"{d}.{'docx' if d == 'd9' else 'md'}"}
                            for q, d in GRADES
                        ]
                    ),
                },
                reads=None,
                says="notes/d9.docx: not readable",
            ),
        ),
        tested_by=("tests/unit/datasets/formats/test_office_texts.py",),
    )


def _bright() -> Case:
    rows = [
        {
            "query": text,
            "reasoning": "",
            "id": q,
            "excluded_ids": ["d12"] if q == "q1" else ["N/A"],
            "gold_ids_long": ["x"],
            "gold_ids": relevant(q),
        }
        for q, text in QUERIES.items()
    ]
    files = {
        "documents.parquet": parquet(documents(text="content")),
        "examples.parquet": parquet(rows),
    }
    return Case(
        "25",
        "BRIGHT's documents and examples: `gold_ids` and `excluded_ids`",
        "https://github.com/embeddings-benchmark/mteb/issues/2696",
        now="12 documents, 6 queries, 8 judgments; excluded documents are left out of that query's list, noted",
        examples=(
            Example(
                files,
                judged=ONES,
                findings=("excluded-documents",),
                unused=("examples.parquet: reasoning", "examples.parquet: gold_ids_long"),
            ),
        ),
        tested_by=("tests/unit/retrieval/test_pipeline.py::test_a_query_excludes_documents_of_its_own",),
    )


def _names_of_files() -> Case:
    def name(doc: str) -> str:
        return f"Bike Manual {doc} (v1).txt"

    def asked(column: str) -> bytes:
        return delimited([{"question": QUERIES[q], column: name(d)} for q, d in GRADES])

    def table(column: str) -> bytes:
        return delimited([{column: name(doc), "text": text} for doc, text in DOCUMENTS.items()])

    folder = {f"docs/{name(doc)}": text.encode() for doc, text in DOCUMENTS.items()}
    return Case(
        "36",
        "names of files with spaces as the expected documents",
        "https://github.com/typesense/typesense/issues/483",
        examples=(
            Example({**folder, "questions.csv": asked("expected document")}, judged=ONES),
            Example(
                {"documents.csv": table("source"), "questions.csv": asked("source")}, "a table", judged=ONES
            ),
            Example(
                {"documents.csv": table("id"), "questions.csv": asked("document_id")}, "ids", judged=ONES
            ),
        ),
    )


def _ranx() -> Iterator[Example]:
    scored = {"d1": 0.9, "d2": 0.8, "d3": 0.7}
    qrels: dict[str, dict[str, int]] = {}
    for (query, doc), grade in GRADES.items():
        qrels.setdefault(query, {})[doc] = grade
    yield Example(
        {
            **three(as_json(qrels), "qrels.json"),
            "run.json": as_json(dict.fromkeys(QUERIES, scored)),
        },
        runs=("run",),
    )
    lines = [{"q_id": q, "doc_id": d, "score": score} for q in QUERIES for d, score in scored.items()]
    yield Example(
        {
            **three(parquet(judgments("q_id", "doc_id", "score")), "qrels.parquet"),
            "run.parquet": parquet(lines),
        },
        "Parquet",
        runs=("run",),
    )
