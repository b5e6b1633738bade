"""Cases about tables as spreadsheets and programs leave them."""

from __future__ import annotations

import datetime
import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

from openpyxl import Workbook

from tests.cases.case import ASKED, CORPUS, TREC_QRELS, Case, Example, beir, three
from tests.cases.notes import (
    DOCUMENTS,
    GRADES,
    ONES,
    QUERIES,
    documents,
    judged,
    judgments,
    number,
    queries,
)
from tests.shapes.writing import Rows, as_json, cells, delimited, json_lines, parquet, workbook

THOUSANDS = 1234567890123456700


def tables() -> Iterator[Case]:
    """Cases about tables."""
    yield Case(
        "17b",
        "CSV whose first line is `sep=;`",
        "https://github.com/PowerShell/PowerShell/issues/7776",
        examples=(
            Example(
                {
                    f"{name}.csv": b"sep=;\n" + delimited(rows, ";")
                    for name, rows in (
                        ("documents", documents()),
                        ("queries", queries()),
                        ("judgments", judgments()),
                    )
                }
            ),
        ),
    )
    yield _quotes()
    yield Case(
        "20",
        "MS MARCO's collection and queries, without a row that names the columns",
        "https://github.com/microsoft/MSMARCO-Passage-Ranking/issues/9",
        now="asked: whether no row names the columns (`header: 0`)",
        examples=(
            Example(
                headless(),
                judged=ONES,
                says="no row names the columns",
                answer={"corpus.table.header": 0, "queries.table.header": 0},
                findings=("self-ids", "no-header"),
            ),
        ),
    )
    yield Case(
        "28",
        "files of a clone without Git LFS: pointers",
        "https://github.com/policy-gradient/GRPO-Zero/issues/1",
        now="refused: run `git lfs pull`",
        examples=(
            Example(
                dict.fromkeys(("corpus.parquet", "queries.parquet"), LFS),
                reads=None,
                says="run `git lfs pull`",
            ),
            Example(
                beir(corpus=LFS, queries=LFS),
                "JSON Lines",
                None,
                says="corpus.jsonl: it is a Git LFS pointer",
            ),
        ),
    )
    yield from _workbooks()
    yield from _ids()
    yield Case(
        "38a",
        "titles that pandas wrote as NaN",
        "https://github.com/fani-lab/RePair/issues/10",
        now="the title is empty: 12 documents, 6 queries, 8 judgments",
        examples=(Example(beir(corpus=json_lines(documents("_id", title=math.nan)))),),
    )
    yield Case(
        "38b",
        "a corpus.jsonl that is one JSON array",
        "https://github.com/elasticsearch-dump/elasticsearch-dump/issues/222",
        examples=(Example(beir(corpus=as_json(documents("_id", title="")))),),
    )
    tabs = {"d1": DOCUMENTS["d1"].replace(". ", ".\t"), "d2": DOCUMENTS["d2"].replace(". ", ".\t")}
    lines = "".join(f"{doc}\t{text}\n" for doc, text in {**DOCUMENTS, **tabs}.items())
    yield Case(
        "88",
        "a tab inside a text of a TSV",
        "https://github.com/stanford-futuredata/ColBERT/issues/381",
        now="refused, with the lines",
        examples=(
            Example(
                {
                    "documents.tsv": f"id\ttext\n{lines}".encode(),
                    "queries.csv": ASKED,
                    "qrels.txt": TREC_QRELS,
                },
                reads=None,
                says="documents.tsv:2: 3 cells, but the header has 2",
            ),
        ),
    )
    more = [{"id": "q7", "query": ""}, {"id": "q8", "query": "nan"}]
    yield Case(
        "89",
        "a query that is empty, and one that is `nan`",
        "https://github.com/fani-lab/RePair/issues/10",
        now="the empty one is refused with its line, `nan` is a text",
        examples=(
            Example(
                {**three(TREC_QRELS, "qrels.txt"), "queries.csv": delimited([*queries(), *more])},
                reads=(12, 7, 8),
                says="queries.csv:8: the query's query is empty",
                answer={"repairs": ["leave-out-rows"]},
                findings=("unjudged-queries", "left-out-rows"),
            ),
        ),
    )


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:6fd5d72fe4589f189f8ebc006442dbb5\nsize 90405214\n"


def headless() -> dict[str, bytes]:
    """MS MARCO's tables."""
    return {
        "collection.tsv": "".join(f"{number(d)}\t{text}\n" for d, text in DOCUMENTS.items()).encode(),
        "queries.dev.tsv": "".join(f"{number(q)}\t{text}\n" for q, text in QUERIES.items()).encode(),
        "qrels.dev.tsv": "".join(f"{number(q)}\t0\t{number(d)}\t1\n" for q, d in GRADES).encode(),
    }


def _quotes() -> Case:
    quoted = {**DOCUMENTS, "d1": '"Slipping chain" usually means that it is worn', "d3": '"To true a wheel'}
    asked = {**QUERIES, "q2": '"disc brakes" squeal', "q3": '"how to straighten a wheel'}
    return Case(
        "19",
        "TSV with stray quotes at the start of and inside cells",
        "https://github.com/pytorch/text/issues/612",
        now="texts are kept exactly: 12 documents, 6 queries, 8 judgments",
        examples=(
            Example(
                {
                    "documents.tsv": _lines("text", quoted),
                    "queries.tsv": _lines("query", asked),
                    "qrels.tsv": "".join(f"{q}\t0\t{d}\t{g}\n" for (q, d), g in GRADES.items()).encode(),
                },
                judged=judged(GRADES, quoted, asked),
            ),
        ),
    )


def _lines(column: str, texts: dict[str, str]) -> bytes:
    return "".join(f"{id_}\t{text}\n" for id_, text in {"id": column, **texts}.items()).encode()


def _workbooks() -> Iterator[Case]:
    numbered = [{"id": int(number(doc)), "text": text} for doc, text in DOCUMENTS.items()]
    padded = [{**row, "doc_id": f"{int(number(row['doc_id'])):05}"} for row in judgments()]
    yield Case(
        "30",
        "numbers that Excel shows with leading zeros in one sheet, and text `00042` in another",
        "https://github.com/tidyverse/readxl/issues/389",
        now="refused: 00001 looks like 1; read after `--set repairs=[match-padded-ids]`",
        examples=(
            Example(
                {"bikes.xlsx": _formatted(numbered, padded)},
                says="name ids with other leading zeros, such as 00001, where the dataset has 1",
                answer={"repairs": ["match-padded-ids"]},
                findings=("matched-ids",),
            ),
        ),
    )
    yield Case(
        "31",
        "a merged title above the row that names the columns",
        "https://github.com/o19s/quepid/issues/227",
        examples=(
            Example(
                {"bikes.xlsx": _titled()}, findings=("rows-above-header",), unused=("bikes.xlsx > Notes",)
            ),
        ),
    )
    days = {doc: datetime.date(2024, 1, int(number(doc))) for doc in DOCUMENTS}
    texts = {**DOCUMENTS, "d8": "#N/A"}
    yield Case(
        "33",
        "dates as ids, and cells with #N/A",
        "",
        now="ids such as 2024-01-08; a document without text is a warning",
        examples=(
            Example(
                {
                    "bikes.xlsx": workbook(
                        {
                            "documents": cells([{"id": days[d], "text": text} for d, text in texts.items()]),
                            "queries": cells(queries()),
                            "judgments": cells(
                                [{**row, "doc_id": days[row["doc_id"]]} for row in judgments()]
                            ),
                        }
                    )
                },
                findings=("empty-documents",),
            ),
        ),
    )


def _formatted(numbered: Rows, padded: Rows) -> bytes:
    """A workbook whose documents' ids are numbers that are shown with five digits."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in (("documents", numbered), ("queries", queries()), ("judgments", padded)):
        sheet = book.create_sheet(name)
        _append(sheet, cells(rows))
    for (cell,) in book["documents"]["A2:A13"]:
        cell.number_format = "00000"
    return _saved(book)


def _titled() -> bytes:
    book = Workbook()
    book.remove(book.active)
    _append(book.create_sheet("documents"), [["Bicycle notes, export of 3 March"], [], *cells(documents())])
    _append(book.create_sheet("queries"), cells(queries()))
    _append(book.create_sheet("judgments"), [["Relevance judgments"], *cells(judgments())])
    _append(book.create_sheet("Notes"), [["to do: ask the shop"]])
    book["documents"].merge_cells("A1:B1")
    book["judgments"].merge_cells("A1:C1")
    return _saved(book)


def _append(sheet: Any, rows: Sequence[Sequence[Any]]) -> None:
    for row in rows:
        sheet.append(list(row))


def _saved(book: Any) -> bytes:
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def _ids() -> Iterator[Case]:
    ids = {doc: THOUSANDS + n for n, doc in enumerate(DOCUMENTS, start=1)}
    exact = as_json(
        {
            "corpus": [{"id": ids[doc], "text": text} for doc, text in DOCUMENTS.items()],
            "queries": QUERIES,
            "qrels": {q: {str(ids[d]): g for (a, d), g in GRADES.items() if a == q} for q in QUERIES},
        }
    )
    spreadsheet = [{**row, "doc_id": "1.23457E+18"} for row in judgments()]
    floats = {
        "corpus.parquet": parquet([{"id": float(ids[d]), "text": text} for d, text in DOCUMENTS.items()]),
        "queries.csv": ASKED,
        "qrels.parquet": parquet([{**row, "doc_id": float(ids[row["doc_id"]])} for row in judgments()]),
    }
    yield Case(
        "34",
        "ids of 64 bits: JSON numbers, columns of floats, and 1.23457E+18 as Excel writes them",
        "https://github.com/DocNow/twarc-csv/issues/51",
        now="numbers in JSON are exact; rounded ones are refused and never merged",
        examples=(
            Example({"all.json": exact}),
            Example(floats, "floats", None, says="in id is a rounded number, whose last digits are lost"),
            Example(
                three(delimited(spreadsheet)),
                "Excel",
                None,
                says="judgments.csv:2: the id '1.23457E+18' in doc_id is a rounded number",
            ),
        ),
    )
    versions = dict(zip(QUERIES, ("1.5", "1.10", "1.15", "1.20", "1.25", "1.30"), strict=True))
    yield Case(
        "35",
        "query ids such as 1.5, 1.10 and 1.20",
        "https://github.com/usnistgov/trec_eval/issues/46",
        examples=(
            Example(
                {
                    "documents.csv": CORPUS,
                    "queries.csv": delimited([{"id": versions[q], "query": t} for q, t in QUERIES.items()]),
                    "judgments.csv": delimited(
                        [{**row, "query_id": versions[row["query_id"]]} for row in judgments()]
                    ),
                }
            ),
        ),
    )
    yield Case(
        "81",
        "ids with a space before or behind them",
        "https://github.com/meilisearch/meilisearch/issues/2640",
        now="left out, noted: 12 documents, 6 queries, 8 judgments",
        examples=(
            Example(
                {
                    "documents.csv": delimited([{**row, "id": f"{row['id']} "} for row in documents()]),
                    "queries.csv": delimited([{**row, "id": f" {row['id']}"} for row in queries()]),
                    "judgments.csv": delimited(judgments()),
                },
                findings=("padded-ids",),
            ),
        ),
    )
    twice = [*queries(), {"id": "q2", "query": "a wholly other question about tyres"}]
    yield Case(
        "83",
        "a query id used for two texts",
        "https://github.com/SuDIS-ZJU/nlcTables/issues/5",
        now="refused, with both lines",
        examples=(
            Example(
                {**three(TREC_QRELS, "qrels.txt"), "queries.csv": delimited(twice)},
                reads=None,
                says="queries.csv:8: the query id 'q2' is already at queries.csv:3",
            ),
        ),
    )
