"""Assigns tables to the parts of a dataset: the corpus, the queries and the qrels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from evaluator.datasets.formats import read
from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, RunPart, Table
from evaluator.datasets.recognition.roles import InspectedTable, Role, longest_first, role_of
from evaluator.datasets.recognition.splits import PREFERRED_SPLIT, preferred, same_but_for_the_split
from evaluator.errors import DatasetError

COMPARED = 20_000
"""Maximum rows whose ids are compared to find the column that the judgments refer to."""

FORMATS = {"smart": "SMART", "topics": "TREC", "trec-documents": "TREC", "texts": "folder of texts"}
"""The format of a dataset, by the kind of its corpus table."""

Assigned = tuple[Reading | None, list[str]]


def assign(folder: Path, tables: Sequence[InspectedTable]) -> Assigned:
    """The most likely reading, and sentences that say what is missing or doubtful."""
    doubts: list[str] = []
    runs = tuple(RunPart(inspected.table) for inspected in tables if inspected.table.kind == "run")
    by_role: dict[Role | None, list[InspectedTable]] = {"corpus": [], "queries": [], "qrels": [], None: []}
    for inspected in tables:
        if inspected.table.kind != "run":
            by_role[role_of(inspected)].append(inspected)
    if by_role["corpus"]:
        by_role["queries"] += [inspected for inspected in by_role["qrels"] if _only_answers(inspected)]
        by_role["qrels"] = [inspected for inspected in by_role["qrels"] if not _only_answers(inspected)]
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
    format_ = FORMATS.get(corpus.table.kind, "tables")
    return Reading(corpus_part, queries_part, qrels_part, format_, runs), doubts


def _only_answers(inspected: InspectedTable) -> bool:
    """Whether a table has questions with answers in words, which are no documents if there is also a corpus."""
    column = inspected.document_text
    return inspected.document_id is None and column is not None and column.lower() == "answer"


def _choose(role: Role, tables: list[InspectedTable], doubts: list[str]) -> InspectedTable | None:
    """The table of a role: the one named after it, or the test split, or the first, with a sentence in `doubts`."""
    named = [inspected for inspected in tables if inspected.named == role] or tables
    if len(named) < 2:
        return named[0] if named else None
    names = [inspected.table.file for inspected in named]
    if all(same_but_for_the_split(name, names[0]) for name in names):
        chosen = preferred(names)
        if chosen:
            return named[names.index(chosen)]
    listed = ", ".join(str(inspected.table) for inspected in named[:5])
    doubts.append(
        f"which of {listed} is the {role} is not clear; choose it, keep one of them, "
        f"or give one {PREFERRED_SPLIT} in its name."
    )
    return longest_first(named)[0] if role == "corpus" else named[0]


def _corpus_part(inspected: InspectedTable, qrels: InspectedTable | None) -> CorpusPart:
    if inspected is qrels:
        text, doc_id = inspected.document_text or inspected.text, inspected.document_id
    else:
        text, doc_id = inspected.text, inspected.document_id or inspected.id
    text = text or inspected.columns[-1]
    title = inspected.title if inspected.title != text else None
    return CorpusPart(inspected.table, (text,), doc_id if doc_id != text else None, title)


def _queries_part(folder: Path, inspected: InspectedTable, qrels: InspectedTable | None) -> QueriesPart:
    in_qrels = inspected is qrels
    text = inspected.query_text or inspected.text or inspected.columns[-1]
    if inspected.table.kind == "topics":
        text = "title" if inspected.length("title") else "desc"
    query_id = inspected.query_id or (inspected.id if inspected.id != inspected.document_id else None)
    if inspected.table.kind == "smart" and qrels and not in_qrels:
        query_id = _fitting(folder, inspected.table, ("id", "number"), qrels)
    if in_qrels and inspected.query_id is None and not inspected.identifies(query_id):
        query_id = None
    tags = "tags" if "tags" in inspected.columns else None
    return QueriesPart(inspected.table, text, query_id if query_id != text else None, tags)


def _qrels_part(inspected: InspectedTable, queries: QueriesPart) -> QrelsPart:
    if inspected.table.kind == "qrels":
        return QrelsPart(inspected.table, "query", ("document",), ("grade",))
    query = queries.id if inspected.table == queries.table else inspected.query_id
    document = inspected.document_id
    return QrelsPart(
        inspected.table,
        query or inspected.query_text or inspected.columns[0],
        (document or inspected.document_text or inspected.columns[-1],),
        None if inspected.grade is None else (inspected.grade,),
        query_by="id" if query else "text",
        document_by="id" if document else "text",
    )


def _fitting(folder: Path, table: Table, columns: Sequence[str], qrels: InspectedTable) -> str:
    """The column whose values the judgments name most often; the first of several equal columns.

    Cranfield's qrels number the queries from 1, regardless of the ids that the queries have.
    """
    judged = _values(folder, qrels.table, qrels.query_id or "query")
    return max(columns, key=lambda column: len(judged & _values(folder, table, column)))


def _values(folder: Path, table: Table, column: str) -> set[str]:
    rows = islice(read(folder, table), COMPARED)
    return {str(row.get(column)) for _, row in rows if not isinstance(row, DatasetError)}
