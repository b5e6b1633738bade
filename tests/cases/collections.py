"""Cases about the folders and files of test collections: BEIR, MTEB, TREC, CISI, TIME."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping

from tests.cases.case import TREC_QRELS, Case, Example, beir, three
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
    relevant,
)
from tests.shapes.writing import delimited, json_lines, parquet

MTEB = {
    "corpus": parquet(documents("_id", title="")),
    "queries": parquet(queries("_id", "text")),
    "qrels": parquet(judgments("query-id", "corpus-id", "score", float)),
}


def collections() -> Iterator[Case]:
    """Cases about test collections."""
    yield _cisi()
    yield Case(
        "27",
        "MTEB's folder on the hub: Parquet, grades as floats, train and test",
        "https://github.com/embeddings-benchmark/mteb/issues/4481",
        now="12 documents, 6 queries, 8 judgments; the train split is named as not used",
        examples=(
            Example(
                {
                    "README.md": b"# Bikes\n",
                    "corpus/corpus-00000-of-00001.parquet": MTEB["corpus"],
                    "queries/queries-00000-of-00001.parquet": MTEB["queries"],
                    "qrels/test-00000-of-00001.parquet": MTEB["qrels"],
                    "qrels/train-00000-of-00001.parquet": parquet(
                        judgments("query-id", "corpus-id", "score", float)[:3]
                    ),
                },
                findings=("other-splits",),
                unused=("README.md", "qrels/train-00000-of-00001.parquet"),
            ),
        ),
    )
    yield Case(
        "85",
        "TREC qrels whose first line is a comment",
        "https://github.com/usnistgov/trec_eval/issues/20",
        examples=(Example(three(b"# judged by two students, 2024\n" + TREC_QRELS, "qrels.txt")),),
    )
    yield from _trec()
    yield from _beir()
    yield _folders()
    yield _time()


def _cisi() -> Case:
    smart = "".join(
        f".I {number(d)}\n.T\nNote {number(d)}\n.A\nSomebody, A.\n.W\n{text}\n.X\n1\t5\t1\n"
        for d, text in DOCUMENTS.items()
    )
    asked = "".join(f".I {number(q)}\n.W\n{text}\n" for q, text in QUERIES.items())
    rel = "".join(f"{number(q):>6} {number(d):>6}\t0\t0.000000\n" for q, d in GRADES)
    return Case(
        "22",
        "CISI.REL: query, document and two columns of zeros",
        "https://github.com/iit-cs429/main/issues/71",
        examples=(
            Example(
                {"CISI.ALL": smart.encode(), "CISI.QRY": asked.encode(), "CISI.REL": rel.encode()},
                judged=ONES,
                findings=("self-ids",),
                unused=(
                    *(f"CISI.ALL: {column}" for column in ("author", "source")),
                    *(f"CISI.QRY: {column}" for column in ("title", "author", "source")),
                ),
            ),
        ),
    )


def _trec() -> Iterator[Case]:
    def files(headline: str, encoding: str = "utf-8") -> dict[str, bytes]:
        sgml = "".join(
            f"<DOC>\n<DOCNO> FT-{d} </DOCNO>\n<HEADLINE>\nCafé note {d}\n</HEADLINE>\n<TEXT>\n{text}\n</TEXT>\n</DOC>\n"
            for d, text in DOCUMENTS.items()
        )
        topics = "".join(
            f"<top>\n<head> Tipster Topic Description\n<num> Number: 30{number(q)}\n{headline}<title> Topic: {text}\n\n"
            f"<desc> Description: \nDocuments about {text}.\n\n<narr> Narrative: \nAny.\n</top>\n\n"
            for q, text in QUERIES.items()
        )
        qrels = "".join(f"30{number(q)} 0 FT-{d} {g}\n" for (q, d), g in GRADES.items())
        return {
            "docs.sgml": sgml.encode(encoding),
            "topics.301-306": topics.encode(),
            "qrels.txt": qrels.encode(),
        }

    unused = ("topics.301-306: desc", "topics.301-306: narr")
    yield Case(
        "87",
        "TREC topics with `<dom>` behind `<num>`, as those of 51 to 200",
        "https://github.com/castorini/anserini",
        examples=(
            Example(files("<dom> Domain: Bikes\n"), unused=unused),
            Example(files(""), "without dom", unused=unused),
        ),
    )
    yield Case(
        "87l",
        "TREC documents in ISO 8859-1",
        "https://github.com/deanmalmgren/textract/issues/426",
        now="read, the guessed encoding is noted and can be chosen (`encoding`)",
        examples=(
            Example(files("", "iso-8859-1"), findings=("encoding",), unused=unused),
            Example(
                files("", "iso-8859-1"),
                "chosen",
                answer={"corpus.table.encoding": "iso-8859-1"},
                findings=("encoding",),
                unused=unused,
            ),
        ),
    )


def _beir() -> Iterator[Case]:
    csv = {"corpus.jsonl": beir()["corpus.jsonl"], "queries.jsonl": beir()["queries.jsonl"]}
    scored = delimited(judgments("query-id", "corpus-id", "score"))
    lines = "".join(f"{q}\t{d}\n" for q, d in GRADES)
    yield Case(
        "90b",
        "corpus.jsonl and queries.jsonl with `id` instead of `_id`",
        "https://github.com/embeddings-benchmark/mteb/issues/4481",
        examples=(Example(beir(corpus=json_lines(documents()), queries=json_lines(queries(text="text")))),),
    )
    yield Case(
        "90c",
        "BEIR's qrels as CSV, or without a score",
        "https://github.com/webis-de/lightning-ir/issues/29",
        examples=(
            Example({**csv, "qrels/test.csv": scored}),
            Example(beir(qrels=f"query-id\tcorpus-id\n{lines}".encode()), "without a score", judged=ONES),
        ),
    )
    numbers = {
        "corpus": json_lines(
            [{"_id": int(number(d)), "title": None, "text": text} for d, text in DOCUMENTS.items()]
        ),
        "queries": json_lines([{"_id": int(number(q)), "text": text} for q, text in QUERIES.items()]),
        "qrels": "".join(
            (
                "query-id\tcorpus-id\tscore\n",
                *(f"{number(q)}\t{number(d)}\t{g}.0\n" for (q, d), g in GRADES.items()),
            )
        ).encode(),
    }
    yield Case(
        "90d",
        "a zip with backslashes or `__MACOSX`; numbers as ids, titles null, scores 2.0, four columns",
        "https://github.com/facebookresearch/DrQA/issues/52",
        examples=(
            Example(
                {
                    "backslash.zip": _zip(
                        {f"my data\\{name.replace('/', chr(92))}": c for name, c in beir().items()}
                    )
                }
            ),
            Example(
                {
                    "mac.zip": _zip(
                        {
                            **{f"bikes/{name}": content for name, content in beir().items()},
                            "__MACOSX/bikes/._corpus.jsonl": b"\0\5\26\7",
                            "bikes/.DS_Store": b"\0\0\0\1Bud1",
                        }
                    )
                },
                "__MACOSX",
            ),
            Example(beir(**numbers), "numbers", findings=("self-ids",)),
            Example(beir(qrels=TREC_QRELS.replace(b" ", b"\t")), "four columns"),
        ),
    )


def _zip(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return sink.getvalue()


def languages() -> dict[str, bytes]:
    """A dataset for each of two languages in one folder, as MTEB has them."""
    return {
        f"{language}-{part}/test-00000-of-00001.parquet": content
        for language in ("de", "fr")
        for part, content in MTEB.items()
    }


def _folders() -> Case:
    part = "test-00000-of-00001.parquet"
    ranked = [{"query-id": q, "corpus-ids": list(DOCUMENTS)[:6]} for q in QUERIES]
    german = f"de-corpus/{part}"
    return Case(
        "102",
        "MTEB's folders with `id` and `top_ranked`, and a folder with two languages",
        "https://github.com/embeddings-benchmark/mteb/pull/3924",
        now="12 documents, 6 queries, 8 judgments; of two languages asked which",
        examples=(
            Example(
                {
                    f"corpus/{part}": parquet(documents(title="")),
                    f"queries/{part}": parquet(queries(text="text")),
                    f"qrels/{part}": MTEB["qrels"],
                    f"top_ranked/{part}": parquet(ranked),
                },
                unused=(f"top_ranked/{part}",),
            ),
            Example(languages(), "two languages", None, says=german),
        ),
    )


def _time() -> Case:
    shouted = {doc: text.upper() for doc, text in DOCUMENTS.items()}
    asked = {query: f"{text.upper()} ." for query, text in QUERIES.items()}
    notes = "".join(
        f"*TEXT {int(number(d)):03} 01/04/63 PAGE 020\n\n{text}\n\n" for d, text in shouted.items()
    )
    finds = "".join(f"*FIND     {number(q)}\n\n {text}\n\n" for q, text in asked.items())
    rel = "".join(f"{number(q)}  {'  '.join(map(number, relevant(q)))}\n\n" for q in QUERIES)
    ones = judged(dict.fromkeys(GRADES, 1), shouted, asked)
    return Case(
        "110",
        "the TIME collection: `*TEXT`, `*FIND`, and a row with all of a query's documents",
        "https://github.com/iit-cs429/main/issues/65",
        examples=(
            Example(
                {
                    "TIME.ALL": f"{notes}*STOP\n".encode(),
                    "TIME.QUE": f"{finds}*STOP\n".encode(),
                    "TIME.REL": rel.encode(),
                },
                judged=ones,
                findings=("self-ids",),
                unused=(
                    *(f"TIME.ALL: {column}" for column in ("author", "source")),
                    *(f"TIME.QUE: {column}" for column in ("title", "author", "source")),
                ),
            ),
        ),
    )
