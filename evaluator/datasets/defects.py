"""Defects: the reasons why a dataset cannot be stored, collected while its rows are read."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice, zip_longest
from typing import NamedTuple

from evaluator.datasets.findings import EXAMPLES, Finding, Tally, counted, shortened
from evaluator.datasets.reading import Repair
from evaluator.datasets.source import Place, Row
from evaluator.domain.dataset import ImportNote, Judgment
from evaluator.errors import BrokenFileError, DatasetError

UNREADABLE, REPEATED, CONTRADICTORY = "unreadable-rows", "repeated-ids", "contradictory-grades"
NO_DOCUMENTS, NO_QUERIES, NOTHING_RELEVANT = "no-documents", "no-queries", "nothing-relevant"

LEFT_OUT = {
    UNREADABLE: "left-out-rows",
    REPEATED: "left-out-repeated-ids",
    CONTRADICTORY: "left-out-contradictory-grades",
}
"""Codes of the notes on rows that are left out instead."""

LISTED_FILES = 5
"""Number of files named in the finding on unreadable rows."""


class Contradiction(NamedTuple):
    """A judgment whose grade differs from the first grade of the same query and document."""

    place: Place
    judgment: Judgment
    first_grade: int


class Defects:
    """Collects the defects of rows: the line number of each broken row, and a few examples of each kind of defect."""

    def __init__(self) -> None:
        self._lines: dict[str, set[int]] = {}  # lines of unreadable rows, by file
        self._reasons: dict[str, list[str]] = {}  # the first few reasons for each of the first few files
        self._repeated = Tally()
        self._n_contradictory = 0
        self._contradictions: list[Contradiction] = []  # the first few
        self._contradictory_examples: list[str] = []
        self._broken: dict[str, None] = {}  # files that cannot be read to their end
        self._order: dict[str, None] = {}  # codes, in the order in which they first occurred

    @property
    def n_unreadable(self) -> int:
        """Number of rows that cannot be read; a row that holds a query and its judgments counts once."""
        return sum(map(len, self._lines.values()))

    def unreadable(self, place: Place, error: DatasetError) -> None:
        """Record a row that breaks a rule on its own."""
        self._order.setdefault(UNREADABLE)
        if isinstance(error, BrokenFileError):
            self._broken.setdefault(place.file)
        lines = self._lines.setdefault(place.file, set())
        if place.line not in lines and len(lines) < EXAMPLES and len(self._lines) <= LISTED_FILES:
            self._reasons.setdefault(place.file, []).append(shortened(str(error)))
        lines.add(place.line)

    def repeated_id(self, place: Place, kind: str, row_id: str, first: Place) -> None:
        """Record a row whose id already belongs to another row of the same part."""
        self._order.setdefault(REPEATED)
        error = place.error(
            f"the {kind} id {row_id!r} is already at {first}", "give each its own id, or remove one"
        )
        self._repeated.add(str(error))

    def contradictory(self, place: Place, judgment: Judgment, first_grade: int) -> None:
        """Record a judgment whose grade contradicts an earlier one."""
        self._order.setdefault(CONTRADICTORY)
        self._n_contradictory += 1
        if len(self._contradictions) < EXAMPLES:
            self._contradictions.append(Contradiction(place, judgment, first_grade))

    def find_first_grades(self, judgments: Iterable[Row[Judgment]]) -> None:
        """Read the judgments again to find where the contradicted grades first occurred."""
        wanted = {contradiction.judgment[:2] for contradiction in self._contradictions}
        places: dict[tuple[str, str], Place] = {}
        for place, judgment in judgments if wanted else ():
            if not isinstance(judgment, DatasetError) and judgment[:2] in wanted:
                places.setdefault(judgment[:2], place)
                if len(places) == len(wanted):
                    break
        for place, (query_id, doc_id, grade), first_grade in self._contradictions:
            error = place.error(
                f"{query_id!r} gives {doc_id!r} the grade {grade}, "
                f"but {first_grade} at {places[query_id, doc_id]}",
                "keep one of the two",
            )
            self._contradictory_examples.append(shortened(str(error)))

    @property
    def can_be_left_out(self) -> bool:
        """Whether it is known what would be left out: of a file that is broken off, the rest would be missing."""
        return not self._broken

    def findings(self, repair: Repair | None = None) -> list[Finding]:
        """One finding for each kind of defect, in the order in which the kinds first occurred.

        Args:
            repair: what can be done about all of them.
        """
        consequences = {
            UNREADABLE: (
                f"{', '.join(islice(self._broken, LISTED_FILES))} cannot be read to the end, so it is not known what "
                "would be missing; fix the file, or leave it out"
                if self._broken
                else "they would be missing from the dataset without a trace; fix them, or remove them from the files"
            ),
            REPEATED: "which row the judgments mean is not clear; give each row its own id, or remove one of them",
            CONTRADICTORY: "which grade counts is not clear; keep one judgment of each query and document",
        }
        return [
            Finding(code, "blocking", count, message, consequences[code], examples, repair)
            for code, count, message, examples in self._found()
        ]

    def notes(self, n_rows: int) -> list[ImportNote]:
        """The same as notes on rows that are left out.

        Args:
            n_rows: all documents, queries and judgments, including those that are left out.
        """
        reasons = {
            UNREADABLE: f"which cannot be read ({self._files()})",
            REPEATED: "with an id that an earlier one has",
            CONTRADICTORY: "with another grade than the same pair had before",
        }
        return [
            ImportNote(
                LEFT_OUT[code],
                count,
                f"left out: {count:,} of {n_rows:,} documents, queries and judgments, {reasons[code]}",
                examples,
            )
            for code, count, _, examples in self._found()
        ]

    def _found(self) -> list[tuple[str, int, str, tuple[str, ...]]]:
        """Each kind of defect that occurred: its code, how often, what it is in words, and examples."""
        n, n_repeated, n_contradictory = self.n_unreadable, self._repeated.count, self._n_contradictory
        found = {
            UNREADABLE: (
                n,
                f"{counted(n, 'row')} cannot be read: {self._files()}",
                self._reasons_of_all_files(),
            ),
            REPEATED: (
                n_repeated,
                f"{counted(n_repeated, 'row')} with an id that an earlier row has",
                tuple(self._repeated.examples),
            ),
            CONTRADICTORY: (
                n_contradictory,
                f"{counted(n_contradictory, 'judgment')} with another grade than the same pair had before",
                tuple(self._contradictory_examples),
            ),
        }
        return [(code, *found[code]) for code in self._order]

    def _files(self) -> str:
        """The files with unreadable rows, and how many each has."""
        files = [_rows_of(file, lines) for file, lines in islice(self._lines.items(), LISTED_FILES)]
        if len(self._lines) > LISTED_FILES:
            files.append(f"{len(self._lines) - LISTED_FILES:,} more files")
        return ", ".join(files)

    def _reasons_of_all_files(self) -> tuple[str, ...]:
        """The first reason of every file, then the second of every file, so that every file is represented."""
        reasons = [reason for reason in chain(*zip_longest(*self._reasons.values())) if reason]
        return tuple(reasons[:EXAMPLES])


def _rows_of(file: str, lines: set[int]) -> str:
    """The number of affected rows and their file, or only the file if it is affected as a whole."""
    return file if lines == {0} else f"{counted(len(lines), 'row')} of {file}"


def nothing_there(n_documents: int, n_queries: int | None, n_unreadable: int) -> list[Finding]:
    """The findings of a dataset without documents, queries, or both.

    Args:
        n_documents, n_queries: rows that were read, including unreadable ones: those have a finding of their own.
            None if there are to be no queries yet.
        n_unreadable: unreadable rows of the dataset. A row that holds several parts counts for the first of them.
    """
    reason = (
        "none of its rows can be read; fix them" if n_unreadable else "its {} file is empty; add at least one"
    )
    parts = (
        (NO_DOCUMENTS, n_documents, "documents", "corpus"),
        (NO_QUERIES, n_queries, "queries", "queries"),
    )
    return [
        Finding(
            code,
            "blocking",
            1,
            f"the dataset has no {noun}: {reason.format(file)}",
            "retrieval needs documents to search, and queries to search for",
        )
        for code, count, noun, file in parts
        if count == 0
    ]


def nothing_relevant(n_given: int, n_kept: int, n_relevant: int, n_found: int) -> Finding | None:
    """The finding for judgments that give no query a relevant document from the corpus.

    Args:
        n_given: judgments in the files; none is allowed: they can be added later.
        n_kept: the given judgments whose query exists.
        n_relevant: the kept judgments with grade 1 or more.
        n_found: the relevant judgments whose document is in the corpus.
    """
    if not n_given or n_found:
        return None
    if not n_kept:
        reason = (
            "none of the judgments names a query that is there; use the ids of the queries in the judgments"
        )
    elif not n_relevant:
        reason = "every grade is below 1; give relevant documents the grade 1 or more"
    else:
        reason = (
            "the judgments call none of its documents relevant, only missing ones; "
            "use the ids of the corpus in the judgments"
        )
    return Finding(
        NOTHING_RELEVANT,
        "blocking",
        n_given,
        f"no query has a relevant document: {reason}",
        "every score would be 0 or missing; a dataset without any judgments is allowed, if there are none yet",
    )
