"""The decision record's format: documents with `content`, and queries that carry their own judgments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets.fields import grade, identifier, items, query_text, tags, text
from evaluator.datasets.lines import first_fields, read_objects
from evaluator.datasets.source import Format, Place
from evaluator.domain.dataset import Document, ImportNote, Judgment, Query
from evaluator.errors import DatasetError

DOCUMENTS, CORPUS, QUERIES, QRELS = "documents.jsonl", "corpus.jsonl", "queries.jsonl", "qrels"
DEFAULT_GRADE = 1
"""Of the documents of a query that has no `relevanceScores`."""


@dataclass(frozen=True)
class DecisionRecordFolder:
    """A folder in the decision record's format; `corpus` is the name of its documents' file."""

    folder: Path
    corpus: str

    def documents(self) -> Iterator[tuple[Place, Document]]:
        """Rows with `id` and `content`; there is no title."""
        for place, row in read_objects(self.folder, self.corpus):
            doc_id = identifier(row.get("id"), "id", place)
            yield place, Document(doc_id, "", text(row.get("content"), "content", place))

    def queries(self) -> Iterator[tuple[Place, Query]]:
        """Rows with `id`, `query` and, if wanted, `tags`."""
        for place, row in read_objects(self.folder, QUERIES):
            query_id = identifier(row.get("id"), "id", place)
            yield (
                place,
                Query(query_id, query_text(row.get("query"), "query", place), tags(row.get("tags"), place)),
            )

    def judgments(self) -> Iterator[tuple[Place, Judgment]]:
        """The same rows' `relevantDocs`, with `relevanceScores` in the same order."""
        for place, row in read_objects(self.folder, QUERIES):
            query_id = identifier(row.get("id"), "id", place)
            doc_ids = items(row.get("relevantDocs"), "relevantDocs", place)
            grades = items(row.get("relevanceScores"), "relevanceScores", place)
            if row.get("relevanceScores") is None:
                grades = [DEFAULT_GRADE] * len(doc_ids)
            if len(grades) != len(doc_ids):
                raise place.error(
                    f"{len(doc_ids)} relevantDocs but {len(grades)} relevanceScores",
                    "give each relevant document one score, or leave relevanceScores out",
                )
            for doc_id, score in zip(doc_ids, grades, strict=True):
                yield (
                    place,
                    Judgment(
                        query_id,
                        identifier(doc_id, "relevantDocs", place),
                        grade(score, "relevanceScores", place),
                    ),
                )

    def notes(self) -> list[ImportNote]:
        """Nothing: every file is read."""
        return []


def recognise(folder: Path) -> DecisionRecordFolder | None:
    """The folder as a decision record, if it has queries and documents with `content`.

    Raises:
        DatasetError: there are two corpora, or two sets of judgments.
    """
    named, corpus = (folder / DOCUMENTS).is_file(), (folder / CORPUS).is_file()
    if not (folder / QUERIES).is_file() or not (named or corpus):
        return None
    if named and corpus:
        raise DatasetError(
            f"{folder}: there are both {DOCUMENTS} and {CORPUS}; keep the one that is the corpus"
        )
    if corpus and not _has_content(first_fields(folder, CORPUS)):
        return None
    if (folder / QRELS).exists():
        raise DatasetError(
            f"{folder}: documents with content have their judgments in {QUERIES}, but there is {QRELS} too; "
            f"remove {QRELS}, or write the documents as BEIR does (_id, title, text)"
        )
    return DecisionRecordFolder(folder, DOCUMENTS if named else CORPUS)


def _has_content(fields: frozenset[str]) -> bool:
    return "content" in fields and "_id" not in fields


DECISION_RECORD = Format(
    name="decision record",
    expects="documents.jsonl or corpus.jsonl (id, content), "
    "queries.jsonl (id, query, relevantDocs, relevanceScores)",
    recognise=recognise,
)
