"""Reads judgment lists for learning to rank: `grade qid:1 1:0.5 ... # docid`, as RankLib, LETOR and Quepid write them.

Features are not needed. The document stands in the comment: `# docid = d1`, or as its first word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluator.datasets.formats.text_lines import read_lines
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

JUDGMENTS, QUERIES = "judgments", "queries"

LINE = re.compile(r"\s*([+-]?[0-9][0-9.]*)\s+qid:(\S+)((?:\s+[^\s#:]+:[^\s#]+)*)\s*(?:#(.*))?")
QUERY_COMMENT = re.compile(r"\s*#\s*qid:([^\s:]+):\s*(\S.*)")
"""A query's text above the judgments, as in the examples of Elasticsearch's and Solr's plugins: `# qid:1: rambo`."""

NAMED = re.compile(r"\b(?:docid|doc_id|docno|doc|id)\s*[=:]\s*(\S+)", re.IGNORECASE)
BOOST = re.compile(r"\*[0-9]+$")

NO_DOCUMENT = (
    "the line does not name a document, only the values of its features",
    "write the document's id in a comment at its end: # docid = d1",
)


def are_ltr(lines: Sequence[str]) -> bool:
    """Whether lines are judgments with the numbers of queries; comments may stand between them."""
    judged = [line for line in lines if not line.lstrip().startswith("#")]
    return bool(judged) and all(LINE.fullmatch(line.rstrip()) for line in judged)


def members(folder: Path, file: str) -> tuple[str, ...]:
    """The tables in a list: judgments, and queries if the list has their texts."""
    return (JUDGMENTS, QUERIES) if _texts(folder, file) else (JUDGMENTS,)


def read_ltr(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The judgments (`query_id`, `doc_id`, `grade`), or the queries (`id`, `query`) if that member is asked for."""
    if table.member == QUERIES:
        for query_id, (place, text) in _texts(folder, table.file).items():
            yield place, {"id": query_id, "query": text}
        return
    for place, line in read_lines(folder, table.file, table.encoding):
        if isinstance(line, DatasetError):
            yield place, line
        elif not line.lstrip().startswith("#"):
            yield place, _judgment(line, place)


def _judgment(line: str, place: Place) -> Fields | DatasetError:
    judged = LINE.fullmatch(line.rstrip())
    if judged is None:
        return place.error("a grade and qid:number are expected", "write 2 qid:1 # docid = d1")
    document, _ = _commented(judged[4] or "")
    if not document:
        return place.error(*NO_DOCUMENT)
    return {"query_id": judged[2], "doc_id": document, "grade": judged[1]}


def _commented(comment: str) -> tuple[str, str]:
    """The document that a comment names, and the words behind it."""
    if named := NAMED.search(comment):
        return named[1], ""
    first, _, rest = comment.strip().replace("\t", " ").partition(" ")
    return first, rest.strip()


def _texts(folder: Path, file: str) -> dict[str, tuple[Place, str]]:
    """The texts of queries, by id, if there are any.

    They are comments of their own, or else the words behind each document. Those are titles of documents, not queries,
    unless a query has several documents and the words are the same for all of them.
    """
    stated: dict[str, tuple[Place, str]] = {}
    behind: dict[str, tuple[Place, str]] = {}
    repeated = differ = False
    for place, line in read_lines(folder, file):
        if isinstance(line, DatasetError):
            continue
        if comment := QUERY_COMMENT.fullmatch(line.rstrip()):
            stated.setdefault(comment[1], (place, BOOST.sub("", comment[2])))
        elif judged := LINE.fullmatch(line.rstrip()):
            words = _commented(judged[4] or "")[1]
            first = behind.setdefault(judged[2], (place, words))
            repeated |= first[0] != place
            differ |= first[1] != words or not words
    if stated:
        return stated
    return behind if repeated and not differ else {}
