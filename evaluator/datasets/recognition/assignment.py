"""Assigns tables to the parts of a dataset: the corpus, the queries and the qrels.

Every assignment is scored by names, kinds and values: a column whose values are ids or texts of documents says more
than any name. If two assignments score nearly the same, a person is asked.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.columns import Columns, ReadColumns
from evaluator.datasets.recognition.doubts import Doubt, Option
from evaluator.datasets.recognition.inspected import InspectedTable
from evaluator.datasets.recognition.references import References
from evaluator.datasets.recognition.stored_tables import Stored

FORMATS = {"smart": "SMART", "topics": "TREC", "trec-documents": "TREC", "texts": "folder of texts"}
"""The format of a dataset, by the kind of its corpus table; other formats are in `SHAPES`."""

MARGIN = 1.0
"""An assignment is certain if every other one scores less by at least this much."""

MOST_CANDIDATES = 8
"""Tables that are considered for a part: the ones that score best by themselves."""

MOST_OPTIONS = 4

NOTHING_TO_ADD = (
    "neither queries nor judgments were found: queries need a column named query or question; judgments a column of "
    "ids or texts of the dataset's queries, and another of its documents."
)
NO_QUERIES = "no queries were found: a table needs a column named query or question."

PAIRS, SHARED, UNUSED_REFERENCES, UNUSED = 1.0, 0.5, 2.0, 0.4
"""What lowers a score: one table for everything; judgments that hold the documents; a table that refers to documents or
holds texts, and takes no part."""

Assigned = tuple[Reading | None, list[Doubt]]


@dataclass(frozen=True)
class Assignment:
    """Tables for the parts of a dataset, and how well they fit."""

    corpus: InspectedTable
    queries: InspectedTable
    qrels: InspectedTable | None
    score: float = field(compare=False, default=0.0)


def assign(
    tables: Sequence[InspectedTable], references: References, stored: Stored | None = None
) -> Assigned:
    """The most likely reading, and what is doubtful about it.

    Args:
        tables: all tables but runs.
        references: compares their columns, and those of the stored dataset.
        stored: if the tables add to a dataset.
    """
    usable = [inspected for inspected in tables if inspected.rows]
    corpora = _best(usable, corpus_score) if stored is None else [stored.corpus]
    queries = _best(usable, queries_score)
    scored = list(_scored(corpora, queries, usable, references))
    if stored is not None:
        # New queries are added to the stored ones, so that a table which surely has some loses nothing.
        if stored.queries is not None and not any(map(_has_queries, queries)):
            added = _scored(corpora, [stored.queries], usable, references)
            scored += [assignment for assignment in added if assignment.qrels is not None]
        if not scored:
            return None, [Doubt(NOTHING_TO_ADD)]
    scored.sort(key=lambda assignment: -assignment.score)
    if not corpora:
        no_documents = Doubt("no table of documents was found: one needs a column of texts.")
        return None, [no_documents, *([] if queries else [Doubt(NO_QUERIES)])]
    if not scored:
        return _documents_alone(corpora, references)
    best, *others = scored
    reading, unclear = _reading(best, references)
    if stored is not None and best.queries is not stored.queries and not _has_queries(best.queries):
        unclear = [_are_these_queries(reading), *unclear]
    rivals = [other for other in others if best.score - other.score < MARGIN]
    if not rivals:
        return reading, unclear
    chosen = [best, *rivals][:MOST_OPTIONS]
    return reading, [_which(chosen, references), *_unclear_of_each(chosen, references)]


def _documents_alone(corpora: Sequence[InspectedTable], references: References) -> Assigned:
    """The reading of the most likely corpus, and the question whether there are really no queries yet."""
    readings = [
        Reading(
            ReadColumns(corpus, corpus, None, references).corpus(),
            format=FORMATS.get(corpus.table.kind, "tables"),
        )
        for corpus in corpora[:MOST_OPTIONS]
    ]
    options = [
        Option(
            f"store the documents of {reading.corpus.table} alone, and add queries later",
            {"queries": None}
            if len(readings) == 1
            else {"queries": None, "corpus": reading.to_json()["corpus"]},
        )
        for reading in readings
    ]
    return readings[0], [Doubt(NO_QUERIES, tuple(options))]


def _best(tables: Sequence[InspectedTable], score: Callable[[InspectedTable], float]) -> list[InspectedTable]:
    scores = [(score(inspected), inspected) for inspected in tables]
    possible = [(value, inspected) for value, inspected in scores if value > -math.inf]
    possible.sort(key=lambda scored: -scored[0])
    return [inspected for _, inspected in possible[:MOST_CANDIDATES]]


def corpus_score(inspected: InspectedTable) -> float:
    """How much a table looks like a corpus, without regard to others; `-inf` if it cannot be one."""
    if inspected.table.kind in ("topics", "qrels"):
        return -math.inf
    text = inspected.document_text if inspected.query_text else inspected.text or inspected.document_text
    if text is None:
        return -math.inf
    by_name = {"corpus": 3.0, "queries": -3.0, "qrels": -1.0, None: 0.0}[inspected.named]
    by_kind = {"trec-documents": 3.0, "smart": 1.0, "texts": math.log2(len(inspected.rows)) - 1.0}
    by_query = -2.0 if inspected.query_text else 0.0
    return by_name + by_kind.get(inspected.table.kind, 0.0) + by_query + _longness(inspected.length(text))


def queries_score(inspected: InspectedTable) -> float:
    """How much a table looks like queries, without regard to others; `-inf` if it cannot be them."""
    if inspected.table.kind == "topics":
        return 5.0
    if inspected.table.kind in ("qrels", "texts", "trec-documents"):
        return -math.inf
    if inspected.query_text is None and inspected.text is None:
        return -math.inf
    by_name = {"queries": 3.0, "corpus": -3.0, "qrels": -0.5, None: 0.0}[inspected.named]
    by_query = 2.5 if inspected.query_text else 0.0
    text = inspected.query_text or inspected.text
    return by_name + by_query + 2.0 - _longness(inspected.length(text))


def _has_queries(inspected: InspectedTable) -> bool:
    """Whether a table has a column that is called a query's text."""
    return inspected.table.kind == "topics" or inspected.query_text is not None


def _are_these_queries(reading: Reading) -> Doubt:
    """The question whether texts are queries to add: their column is not called so."""
    record = reading.to_json()["queries"]
    return Doubt(
        f"{record['table']['file']}: are the texts in {record['text']!r} queries to add?",
        (Option("yes, they are queries", {"queries": record}),),
    )


def _longness(characters: float) -> float:
    """Between 0 and 2: documents are longer than queries, nearly always."""
    return min(2.0, max(0.0, math.log10(max(characters, 1.0) / 10.0)))


def _scored(
    corpora: Sequence[InspectedTable],
    queries: Sequence[InspectedTable],
    tables: Sequence[InspectedTable],
    references: References,
) -> list[Assignment]:
    found = []
    for corpus, asked in itertools.product(corpora, queries):
        for qrels in (*tables, None):
            score = _score(corpus, asked, qrels, tables, references)
            if score > -math.inf:
                found.append(Assignment(corpus, asked, qrels, score))
    return found


def _score(
    corpus: InspectedTable,
    queries: InspectedTable,
    qrels: InspectedTable | None,
    tables: Sequence[InspectedTable],
    references: References,
) -> float:
    if corpus is queries and (qrels is not corpus or not (corpus.query_text and corpus.document_text)):
        return -math.inf
    if corpus is qrels and not corpus.document_text:
        return -math.inf
    score = corpus_score(corpus) + queries_score(queries)
    if qrels is not None:
        columns = Columns(corpus, queries, qrels, references)
        score += columns.score
    score -= PAIRS * (corpus is queries) + SHARED * (corpus is qrels and corpus is not queries)
    for inspected in tables:
        if inspected in (corpus, queries, qrels):
            continue
        refers = any(references.of(inspected, c, corpus).is_sure for c in inspected.columns)
        score -= (
            UNUSED_REFERENCES if refers or inspected.table.kind == "qrels" else UNUSED * bool(inspected.text)
        )
    return score


def _reading(assignment: Assignment, references: References) -> tuple[Reading, list[Doubt]]:
    columns = ReadColumns(assignment.corpus, assignment.queries, assignment.qrels, references)
    qrels = columns.qrels()
    corpus, queries = columns.corpus(), columns.queries()
    ids = list(assignment.corpus.values(corpus.id)) if corpus.id else []
    reading = Reading(
        corpus,
        queries,
        qrels,
        FORMATS.get(assignment.corpus.table.kind, "tables"),
        repairs=("encode-ids",) if any(len(value.split()) > 1 for value in ids) else (),
    )
    return reading, columns.doubts


def _which(assignments: Sequence[Assignment], references: References) -> Doubt:
    """The question which of several assignments is meant."""
    options = []
    for assignment in assignments:
        reading, _ = _reading(assignment, references)
        record = reading.to_json()
        changes = {part: record[part] for part in ("corpus", "queries", "qrels")}
        options.append(Option(_in_words(assignment), changes))
    unclear = []
    for part, words in PARTS.items():
        names = list(dict.fromkeys(_name(getattr(assignment, part)) for assignment in assignments))
        if len(names) > 1:
            unclear.append(f"which of {', '.join(names)} is {words}")
    return Doubt(
        f"{' and '.join(unclear)} is not clear; choose it, or keep only the files that belong.",
        tuple(options),
    )


def _unclear_of_each(assignments: Sequence[Assignment], references: References) -> list[Doubt]:
    """What is doubtful about each of several assignments once it is chosen."""
    doubts = []
    for assignment in assignments:
        given: dict[str, object] = {}
        for part in PARTS:
            inspected: InspectedTable | None = getattr(assignment, part)
            given[f"{part}.table.file"] = inspected and inspected.table.file
            given[f"{part}.table.member"] = inspected and inspected.table.member
        doubts += [dataclasses.replace(doubt, given=given) for doubt in _reading(assignment, references)[1]]
    return doubts


PARTS = {"corpus": "the corpus", "queries": "the queries", "qrels": "the qrels"}


def _name(inspected: InspectedTable | None) -> str:
    return "none" if inspected is None else str(inspected.table)


def _in_words(assignment: Assignment) -> str:
    """Which table is what."""
    return (
        f"documents from {_name(assignment.corpus)}, queries from {_name(assignment.queries)}, "
        f"judgments from {_name(assignment.qrels)}"
    )
