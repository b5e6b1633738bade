"""Reads ranked lists: TREC's runs, MS MARCO's, and ranx's JSON; higher scores rank first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from evaluator.datasets.formats.json_objects import read_json
from evaluator.datasets.formats.lines.judgments import COMMENT
from evaluator.datasets.formats.suffixes import JSON
from evaluator.datasets.formats.text_lines import read_lines
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

TREC_COLUMNS = ("query", "iteration", "document", "rank", "score", "tag")
MARCO_COLUMNS = ("query", "document", "rank")

WHOLE = re.compile(r"[+-]?[0-9]+(?:\.0*)?")
RUN_WORDS = frozenset({"run", "runs"})
QRELS_WORDS = frozenset({"qrels", "qrel", "judgments", "judgements", "relevance", "gold", "rel"})

FEWEST_RANKS = 5
"""Ranks that must be counted from 1 without a gap before numbers are taken for ranks and not for grades."""


def read_run(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The rows of a ranked list, with `query`, `document` and `score`.

    Lines are TREC's (query, iteration, document, rank, score, tag) or MS MARCO's (query, document, rank: the score is
    the rank's negative). A `.json` file maps queries to the scores of documents.
    """
    if PurePath(table.file).suffix.lower() == JSON:
        yield from _scored(folder, table)
        return
    columns: Sequence[str] | None = None
    for place, line in read_lines(folder, table.file, table.encoding):
        if isinstance(line, DatasetError):
            yield place, line
        elif not COMMENT.match(line):
            cells = line.split()
            columns = columns or (MARCO_COLUMNS if len(cells) == len(MARCO_COLUMNS) else TREC_COLUMNS)
            yield place, _ranked(cells, columns, place)


def _scored(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    for place, row in read_json(folder, table):
        if isinstance(row, DatasetError):
            yield place, row
        else:
            yield (
                place,
                {"query": row.get("query"), "document": row.get("document"), "score": row.get("grade")},
            )


def _ranked(cells: Sequence[str], columns: Sequence[str], place: Place) -> Fields | DatasetError:
    """The row of a line that must have the columns that the first line has."""
    if len(cells) != len(columns):
        written = "query id, Q0, document id, rank, score and tag"
        if columns == MARCO_COLUMNS:
            written = "query id, document id and rank"
        return place.error(f"{len(columns)} fields are expected, found {len(cells)}", f"write {written}")
    row: Fields = dict(zip(columns, cells, strict=True))
    if columns == MARCO_COLUMNS:
        if not WHOLE.fullmatch(cells[2]):
            return place.error(
                f"the rank {cells[2][:40]!r} is no whole number", "write the rank as a whole number"
            )
        row["score"] = str(-float(cells[2]))
    return row


def is_named_run(path: PurePath) -> bool:
    """Whether a file's name says that it is a ranked list."""
    return bool(_words(path) & RUN_WORDS)


def is_named_qrels(path: PurePath) -> bool:
    """Whether the name of a file or of its folder says that it holds judgments."""
    return bool((_words(path) | _words(PurePath(path.parent.name))) & QRELS_WORDS)


def _words(path: PurePath) -> set[str]:
    return set(re.split(r"[^a-z]+", path.name.lower()))


def are_ranks(rows: Sequence[Sequence[str]], path: PurePath) -> bool:
    """Whether lines are query, document and rank: the name says so, or each query's ranks count from 1 far enough."""
    if is_named_qrels(path) or not all(len(row) == 3 and WHOLE.fullmatch(row[2]) for row in rows):
        return False
    query, rank, highest = "", 0.0, 0.0
    for named, _, written in rows:
        rank = rank + 1 if named == query else 1
        if float(written) != rank:
            return is_named_run(path)
        query, highest = named, max(highest, rank)
    return highest >= FEWEST_RANKS or is_named_run(path)


def are_scores(content: object, path: PurePath) -> bool:
    """Whether JSON maps queries to scores of documents, as ranx's runs do, and not to grades, as its qrels do.

    The file's name says so, or a score is not a whole number.
    """
    if not isinstance(content, dict) or is_named_qrels(path):
        return False
    scores = [score for scored in content.values() if isinstance(scored, dict) for score in scored.values()]
    if not scores or not all(isinstance(scored, dict) for scored in content.values()):
        return False
    if not all(isinstance(score, int | float) and not isinstance(score, bool) for score in scores):
        return False
    return is_named_run(path) or any(score % 1 != 0 for score in scores)
