"""Reads TREC's files: qrels and runs as lines, topics and documents in tags (https://trec.nist.gov/data.html)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from evaluator.datasets.formats.suffixes import TABS
from evaluator.datasets.formats.text_lines import MAX_LINE, read_lines
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

QRELS_COLUMNS = ("query", "document", "grade")
RUN_COLUMNS = ("query", "iteration", "document", "rank", "score", "tag")
TOPIC_COLUMNS = ("num", "title", "desc", "narr")

TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
TITLES = ("title", "headline", "hl", "ti", "head")
LABEL = re.compile(r"(?:number|topic|description|narrative)\s*:", re.IGNORECASE)
TOPIC_FIELD = re.compile(r"<(num|title|desc|narr)>", re.IGNORECASE)


def read_qrels(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """Lines of query, document and grade, with TREC's iteration after the query or without it.

    A .tsv file is separated by tabs, any other by white space. The first line may name the columns.
    """
    tabs = table.file.lower().endswith(TABS)
    expected = "3 fields separated by tabs are expected" if tabs else "3 or 4 fields are expected"
    first = True
    for place, line in read_lines(folder, table.file, table.encoding):
        if isinstance(line, DatasetError):
            yield place, line
        else:
            cells = line.split("\t") if tabs else line.split()
            if not (first and is_header(cells)):
                yield place, _judgment(cells, place, expected)
        first = False


def is_header(cells: list[str]) -> bool:
    """Whether a qrels file's first line names the columns: its last field is not a number (0.5 is an invalid grade)."""
    if len(cells) not in (3, 4) or not all(cell.strip() for cell in cells):
        return False
    try:
        float(cells[-1])
    except ValueError:
        return True
    return False


def _judgment(cells: list[str], place: Place, expected: str) -> Fields | DatasetError:
    if len(cells) == 4:
        del cells[1]
    if len(cells) != 3:
        return place.error(f"{expected}, found {len(cells)}", "write query id, document id and grade")
    return dict(zip(QRELS_COLUMNS, cells, strict=True))


def read_run(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """Lines of query, iteration (unused), document, rank, score and the run's tag."""
    for place, line in read_lines(folder, table.file, table.encoding):
        if isinstance(line, DatasetError):
            yield place, line
            continue
        cells = line.split()
        if len(cells) == len(RUN_COLUMNS):
            yield place, dict(zip(RUN_COLUMNS, cells, strict=True))
        else:
            yield (
                place,
                place.error(
                    f"{len(RUN_COLUMNS)} fields are expected, found {len(cells)}",
                    "write query id, Q0, document id, rank, score and tag",
                ),
            )


def read_topics(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The `<top>` elements, whose fields have no end tags in TREC's older files."""
    for place, element in _elements(folder, table, "top"):
        yield place, element if isinstance(element, DatasetError) else _topic(element)


def _topic(element: str) -> Fields:
    fields = dict.fromkeys(TOPIC_COLUMNS, "")
    _, *parts = TOPIC_FIELD.split(element)
    for name, content in zip(parts[::2], parts[1::2], strict=True):
        text = _plain(TAG.sub(" ", content))
        label = LABEL.match(text)
        fields[name.lower()] = text[label.end() :].lstrip() if label else text
    return {**fields}


def read_documents(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The `<DOC>` elements; the text is the content of `<TEXT>`, or else everything but number and title."""
    for place, element in _elements(folder, table, "doc"):
        yield place, element if isinstance(element, DatasetError) else _document(element)


def _document(element: str) -> Fields:
    doc_id, rest = _cut(element, "docno")
    title = ""
    for name in TITLES:
        if not title:
            title, rest = _cut(rest, name)
    text, _ = _cut(rest, "text", every=True)
    return {"id": doc_id, "title": title, "text": text or _plain(TAG.sub(" ", rest))}


def _cut(element: str, tag: str, *, every: bool = False) -> tuple[str, str]:
    """The plain text inside the first tag of that name, or inside every one, and the element without these tags."""
    lower = element.lower()
    inside: list[str] = []
    outside: list[str] = []
    end = 0
    while (start := lower.find(f"<{tag}>", end)) >= 0 and (every or not inside):
        close = lower.find(f"</{tag}>", start)
        if close < 0:
            break
        inside.append(_plain(TAG.sub(" ", element[start + len(tag) + 2 : close])))
        outside.append(element[end:start])
        end = close + len(tag) + 3
    return "\n\n".join(filter(None, inside)), "".join([*outside, element[end:]])


def _plain(text: str) -> str:
    """Text on one line, its character references resolved."""
    return " ".join(html.unescape(text).split())


def _elements(folder: Path, table: Table, tag: str) -> Iterator[Row[str]]:
    """The content of each element of that name, and the place of the line where it begins."""
    begins, ends = re.compile(rf"\s*<{tag}>", re.IGNORECASE), re.compile(rf"</{tag}>", re.IGNORECASE)
    start: Place | None = None
    lines: list[str] = []
    size = 0
    for place, line in read_lines(folder, table.file, table.encoding):
        if isinstance(line, DatasetError):
            yield place, line
            continue
        if begin := begins.match(line):
            if start:
                yield start, _unclosed(start, tag)
            start, lines, size = place, [], 0
            line = line[begin.end() :]
        if start is None:
            continue
        end = ends.search(line)
        size += len(line)
        if size <= MAX_LINE:
            lines.append(line[: end.start()] if end else line)
        if end:
            too_long = start.error(f"<{tag}> is longer than {MAX_LINE >> 20} MiB", "split it, or remove it")
            yield start, "\n".join(lines) if size <= MAX_LINE else too_long
            start = None
    if start:
        yield start, _unclosed(start, tag)


def _unclosed(place: Place, tag: str) -> DatasetError:
    return place.error(f"<{tag}> has no end", f"close it with </{tag}>")
