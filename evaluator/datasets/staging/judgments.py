"""Collects the judgments that count: of known queries, at most one for each query and document."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from evaluator.datasets.defects import Defects
from evaluator.datasets.findings import Tally
from evaluator.datasets.formats.fields import Trimmed
from evaluator.datasets.source import Row
from evaluator.datasets.staging.padded_ids import PaddedIds
from evaluator.domain.dataset import Judgment, RunLine
from evaluator.errors import DatasetError

Pair = TypeVar("Pair", Judgment, RunLine)


@dataclass
class Judged:
    """The judgments that count, and tallies of those to which a rule applies.

    Attributes:
        n_rows: all that are there, unreadable ones included.
        n_given: the readable ones.
        padded: those that name an id that is known with more or fewer leading zeros.
    """

    qrels: dict[str, dict[str, int]] = field(default_factory=dict)
    n_rows: int = 0
    n_given: int = 0
    repeated: Tally = field(default_factory=Tally)
    unknown_queries: Tally = field(default_factory=Tally)
    padded: Tally = field(default_factory=Tally)
    trimmed: Tally = field(default_factory=Tally)


class KnownIds:
    """The ids of a dataset's queries and documents, by which judgments and runs name them."""

    def __init__(self, queries: Collection[str], documents: Collection[str], *, match_padded: bool) -> None:
        """Know these ids.

        Args:
            match_padded: whether an id stands for the only known one that differs by leading zeros alone.
        """
        self.queries, self.documents = queries, documents
        self.match_padded = match_padded
        self._like_queries, self._like_documents = PaddedIds(queries), PaddedIds(documents)

    def meant(self, query_id: str, doc_id: str) -> tuple[str, str]:
        """The ids that are meant by these, apart from leading zeros; ids that are known are meant themselves."""
        if query_id not in self.queries:
            query_id = self._like_queries.like(query_id) or query_id
        if doc_id not in self.documents:
            doc_id = self._like_documents.like(doc_id) or doc_id
        return query_id, doc_id


def collect(rows: Iterable[Row[Judgment]], known: KnownIds, defects: Defects) -> Judged:
    """The judgments of known queries; a row with a defect is recorded in `defects`."""
    judged = Judged()
    for place, judgment in rows:
        judged.n_rows += 1
        if isinstance(judgment, DatasetError):
            defects.unreadable(place, judgment)
            continue
        judged.n_given += 1
        query_id, doc_id, grade = judgment
        for id_ in (query_id, doc_id):
            if type(id_) is Trimmed:
                judged.trimmed.add(f"{place}: {id_}")
        if query_id not in known.queries or doc_id not in known.documents:
            meant = known.meant(query_id, doc_id)
            if meant != (query_id, doc_id):
                judged.padded.add(_difference((query_id, doc_id), meant))
            if known.match_padded:
                query_id, doc_id = meant
        if query_id not in known.queries:
            judged.unknown_queries.add(query_id)
            continue
        grades = judged.qrels.setdefault(query_id, {})
        if doc_id not in grades:
            grades[doc_id] = grade
        elif grades[doc_id] == grade:
            judged.repeated.add(f"{query_id} {doc_id}")
        else:
            defects.contradictory(place, Judgment(query_id, doc_id, grade), grades[doc_id])
    return judged


def _difference(given: tuple[str, str], meant: tuple[str, str]) -> str:
    """Such as `00001, where the dataset has 1`."""
    written, known = next((a, b) for a, b in zip(reversed(given), reversed(meant), strict=True) if a != b)
    return f"{written}, where the dataset has {known}"


def as_meant(rows: Iterable[Row[Pair]], known: KnownIds) -> Iterator[Row[Pair]]:
    """Judgments, or lines of a run, with the ids that they mean."""
    for place, row in rows:
        if known.match_padded and not isinstance(row, DatasetError):
            query_id, doc_id = known.meant(row.query_id, row.doc_id)
            yield place, row._replace(query_id=query_id, doc_id=doc_id)
        else:
            yield place, row
