"""Tables put together as a dataset: which is the corpus, the queries, the qrels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from evaluator.datasets.formats import read
from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, Table
from evaluator.datasets.recognition.roles import Looked, Role, longest_first, role_of
from evaluator.datasets.recognition.splits import PREFERRED_SPLIT, preferred, same_but_for_the_split
from evaluator.errors import DatasetError

COMPARED = 20_000
"""Rows whose ids are compared to see which column they name."""

FORMATS = {"smart": "SMART", "topics": "TREC", "trec-documents": "TREC", "texts": "folder of texts"}
"""What a corpus of that kind makes the dataset's format."""

Assigned = tuple[Reading | None, list[str]]


def assign(folder: Path, tables: Sequence[Looked]) -> Assigned:
    """The most likely reading, and sentences on what is missing or doubtful."""
    doubts: list[str] = []
    runs = tuple(looked.table for looked in tables if looked.table.kind == "run")
    by_role: dict[Role | None, list[Looked]] = {"corpus": [], "queries": [], "qrels": [], None: []}
    for looked in tables:
        if looked.table.kind != "run":
            by_role[role_of(looked)].append(looked)
    if by_role["corpus"]:
        by_role["queries"] += [looked for looked in by_role["qrels"] if _only_answers(looked)]
        by_role["qrels"] = [looked for looked in by_role["qrels"] if not _only_answers(looked)]
    qrels = _choose("qrels", by_role["qrels"], doubts)
    queries = _choose("queries", by_role["queries"], doubts)
    corpora = by_role["corpus"]
    if queries is None and not (qrels and qrels.query_text) and len(corpora) > 1:
        *corpora, queries = longest_first(corpora)
    corpus = _choose("corpus", corpora, doubts)
    if corpus is None and qrels and qrels.document_text:
        corpus = qrels
    if queries is None and qrels and qrels.query_text:
        queries = qrels
    if corpus is None:
        doubts.append("no table of documents was found: one needs a column of texts.")
    if queries is None:
        doubts.append("no queries were found: a table needs a column named query or question.")
    if corpus is None or queries is None:
        return None, doubts
    corpus_part = _corpus_part(corpus, qrels)
    queries_part = _queries_part(folder, queries, qrels)
    qrels_part = _qrels_part(qrels, queries_part) if qrels else None
    formats = FORMATS.get(corpus.table.kind, "tables")
    return Reading(corpus_part, queries_part, qrels_part, formats, runs), doubts


def _only_answers(looked: Looked) -> bool:
    """Whether questions come with an answer in words, which beside a corpus is no document of it."""
    column = looked.document_text
    return looked.document_id is None and column is not None and column.lower() == "answer"


def _choose(role: Role, tables: list[Looked], doubts: list[str]) -> Looked | None:
    """The table of a role: the one that is named so, or the test split, or the first; says if it is a guess."""
    named = [looked for looked in tables if looked.named == role] or tables
    if len(named) < 2:
        return named[0] if named else None
    names = [looked.table.file for looked in named]
    if all(same_but_for_the_split(name, names[0]) for name in names):
        chosen = preferred(names)
        if chosen:
            return named[names.index(chosen)]
    listed = ", ".join(str(looked.table) for looked in named[:5])
    doubts.append(
        f"which of {listed} is the {role} is not clear; choose it, keep one of them, "
        f"or give one {PREFERRED_SPLIT} in its name."
    )
    return longest_first(named)[0] if role == "corpus" else named[0]


def _corpus_part(looked: Looked, qrels: Looked | None) -> CorpusPart:
    if looked is qrels:
        text, doc_id = looked.document_text or looked.text, looked.document_id
    else:
        text, doc_id = looked.text, looked.document_id or looked.id
    text = text or looked.columns[-1]
    title = looked.title if looked.title != text else None
    return CorpusPart(looked.table, (text,), doc_id if doc_id != text else None, title)


def _queries_part(folder: Path, looked: Looked, qrels: Looked | None) -> QueriesPart:
    own = looked is qrels
    text = looked.query_text or looked.text or looked.columns[-1]
    if looked.table.kind == "topics":
        text = "title" if looked.length("title") else "desc"
    query_id = looked.query_id or (looked.id if looked.id != looked.document_id else None)
    if looked.table.kind == "smart" and qrels and not own:
        query_id = _fitting(folder, looked.table, ("id", "number"), qrels)
    if own and looked.query_id is None and not looked.identifies(query_id):
        query_id = None
    tags = "tags" if "tags" in looked.columns else None
    return QueriesPart(looked.table, text, query_id if query_id != text else None, tags)


def _qrels_part(looked: Looked, queries: QueriesPart) -> QrelsPart:
    if looked.table.kind == "qrels":
        return QrelsPart(looked.table, "query", "document", "grade")
    query = queries.id if looked.table == queries.table else looked.query_id
    document = looked.document_id
    return QrelsPart(
        looked.table,
        query or looked.query_text or looked.columns[0],
        document or looked.document_text or looked.columns[-1],
        looked.grade,
        query_by="id" if query else "text",
        document_by="id" if document else "text",
    )


def _fitting(folder: Path, table: Table, columns: Sequence[str], qrels: Looked) -> str:
    """The column whose values the judgments name most often; the first if they are equal.

    Cranfield's qrels number its queries from 1, whatever their own ids are.
    """
    judged = _values(folder, qrels.table, qrels.query_id or "query")
    return max(columns, key=lambda column: len(judged & _values(folder, table, column)))


def _values(folder: Path, table: Table, column: str) -> set[str]:
    rows = islice(read(folder, table), COMPARED)
    return {str(row.get(column)) for _, row in rows if not isinstance(row, DatasetError)}
