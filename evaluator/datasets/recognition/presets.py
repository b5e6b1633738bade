"""Formats recognised by the names of their files: BEIR's folder and the decision record's.

BEIR (Thakur et al., NeurIPS 2021) has `corpus.jsonl`, `queries.jsonl` and `qrels/*.tsv`. The decision record has
documents with `content`, and queries that carry their own judgments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from evaluator.datasets.formats.lines.runs import is_named_qrels
from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, Table
from evaluator.datasets.recognition.splits import PREFERRED_SPLIT

DOCUMENTS, CORPUS, QUERIES, QRELS = "documents.jsonl", "corpus.jsonl", "queries.jsonl", "qrels"
BEIR, DECISION_RECORD = "BEIR", "decision record"

EXPECTED = (
    f"{BEIR}: {CORPUS} (_id, title, text), {QUERIES} (_id, text), {QRELS}/test.tsv (query, document, grade); "
    f"{DECISION_RECORD}: {DOCUMENTS} or {CORPUS} (id, content), {QUERIES} (id, query, relevantDocs, relevanceScores)"
)

Columns = Mapping[str, tuple[str, ...]]
"""The columns of each file's first rows."""

Preset = tuple[Reading | None, list[str]]
"""The reading, or None and the reasons why there is none."""


def recognise(root: Path, files: Sequence[str], columns: Columns) -> dict[str, Preset]:
    """The readings of the topmost folders that have the file names of one of these formats, by folder."""
    folders = sorted({PurePosixPath(file).parent for file in files}, key=lambda path: (len(path.parts), path))
    found: dict[str, Preset] = {}
    level = None
    for folder in folders:
        names = {str(PurePosixPath(file).relative_to(folder)) for file in files if _is_below(file, folder)}
        complete = QUERIES in names and (CORPUS in names or DOCUMENTS in names)
        if complete and level in (None, len(folder.parts)):
            preset = _recognise(root, folder, names, columns)
            level = len(folder.parts)
            if preset is not None:
                found[str(folder)] = preset
    return found


def _is_below(file: str, folder: PurePosixPath) -> bool:
    return folder in PurePosixPath(file).parents


def _recognise(root: Path, folder: PurePosixPath, names: set[str], columns: Columns) -> Preset | None:
    if CORPUS in names and DOCUMENTS in names:
        return _problem(f"there are both {DOCUMENTS} and {CORPUS}; keep the one that is the corpus.")
    corpus = columns.get(str(folder / CORPUS), ())
    if DOCUMENTS in names or ("content" in corpus and "_id" not in corpus):
        return _decision_record(root, folder, names)
    return _beir(folder, names, columns)


def _decision_record(root: Path, folder: PurePosixPath, names: set[str]) -> Preset:
    if (root / folder / QRELS).exists():
        return _problem(
            f"documents with content have their judgments in {QUERIES}, but there is {QRELS} too; "
            f"remove {QRELS}, or write the documents as BEIR does (_id, title, text)."
        )
    documents = Table(str(folder / (DOCUMENTS if DOCUMENTS in names else CORPUS)), "jsonl")
    queries = Table(str(folder / QUERIES), "jsonl")
    reading = Reading(
        CorpusPart(documents, ("content",), id="id"),
        QueriesPart(queries, "query", id="id", tags="tags"),
        QrelsPart(queries, "id", ("relevantDocs",), ("relevanceScores",)),
        format=DECISION_RECORD,
    )
    return reading, []


def _beir(folder: PurePosixPath, names: set[str], columns: Columns) -> Preset | None:
    """The reading of BEIR's files; None if the judgments are in another table, which its columns explain."""
    inside = [name for name in names if name.startswith(f"{QRELS}/")]
    splits = sorted(name.removeprefix(f"{QRELS}/") for name in inside if name.endswith(".tsv"))
    preferred = f"{PREFERRED_SPLIT}.tsv"
    elsewhere = inside or [name for name in names if is_named_qrels(PurePosixPath(name))]
    if not splits and any(str(folder / name) in columns for name in elsewhere):
        return None
    if inside and not splits:
        return _problem(f"the folder {QRELS} has no table of judgments; add one, or remove the folder.")
    if len(splits) > 1 and preferred not in splits:
        return _problem(
            f"which of {', '.join(splits)} in {QRELS} counts is not clear; "
            f"keep one of them, or name one {preferred}."
        )
    chosen = preferred if preferred in splits else splits[0] if splits else None
    excluded = ("excluded",) if "excluded" in columns.get(str(folder / QUERIES), ()) else ()
    qrels = Table(str(folder / QRELS / chosen), "qrels") if chosen else None
    reading = Reading(
        CorpusPart(
            Table(str(folder / CORPUS), "jsonl"), ("text",), _id_of(folder / CORPUS, columns), "title"
        ),
        QueriesPart(
            Table(str(folder / QUERIES), "jsonl"), "text", _id_of(folder / QUERIES, columns), "tags", excluded
        ),
        QrelsPart(qrels, "query", ("document",), ("grade",)) if qrels else None,
        format=BEIR,
    )
    return reading, []


def _id_of(file: PurePosixPath, columns: Columns) -> str:
    """BEIR's column of ids; MTEB's newer files call it `id`."""
    there = columns.get(str(file), ())
    return "id" if "id" in there and "_id" not in there else "_id"


def _problem(sentence: str) -> Preset:
    return None, [sentence]
