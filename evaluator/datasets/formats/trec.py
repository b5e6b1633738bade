"""Reads TREC's topics and documents, which are written in tags (https://trec.nist.gov/data.html)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from evaluator.datasets.formats.text_lines import MAX_LINE, read_lines
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

TOPIC_COLUMNS = ("num", "title", "desc", "narr")

TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
TITLES = ("title", "headline", "hl", "ti", "head")
LABEL = re.compile(r"(?:number|topic|description|narrative)\s*:", re.IGNORECASE)
TOPIC_TAG = re.compile(r"<(/?)([A-Za-z][\w-]{0,40})(?:\s[^<>]{0,500})?/?>")
TOPIC_FIELDS = {
    **dict.fromkeys(("num", "number", "id", "identifier", "qid"), "num"),
    **dict.fromkeys(("title", "query", "summary"), "title"),
    **dict.fromkeys(("desc", "description", "question"), "desc"),
    **dict.fromkeys(("narr", "narrative", "note"), "narr"),
}
"""The column of each field that TREC's, CLEF's and NTCIR's topics have; any other field is skipped."""

INLINE = frozenset({"p", "br", "b", "i", "em", "strong", "u", "sub", "sup"})
"""Tags within a field, which do not end it."""

NUMBER = re.compile(r"""\b(?:number|id|num)\s*=\s*["']?([^"'<>\s]+)""", re.IGNORECASE)


def read_topics(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The `<top>` elements, whose fields have no end tags in TREC's older files, or the `<topic>` elements of XML."""
    for place, element in _elements(folder, table, "top(?:ic)?"):
        yield place, element if isinstance(element, DatasetError) else _topic(element)


def _topic(element: Element) -> Fields:
    """The fields of a topic; the first of several that belong into a column counts, and any other tag ends a field.

    A topic without fields, as in TREC's Clinical Trials track, is its own text.
    """
    fields = dict.fromkeys(TOPIC_COLUMNS, "")
    column, position = "", 0
    tags = [tag for tag in TOPIC_TAG.finditer(element.content) if tag[2].lower() not in INLINE]
    for tag in (*tags, None):
        end = tag.start() if tag else len(element.content)
        if column and not fields[column]:
            fields[column] = _labelled(element.content[position:end])
        if tag is None:
            break
        column = "" if tag[1] else TOPIC_FIELDS.get(tag[2].lower(), "")
        position = tag.end()
    number = NUMBER.search(element.attributes)
    if number and not fields["num"]:
        fields["num"] = html.unescape(number[1])
    if not (fields["title"] or fields["desc"] or fields["narr"]):
        fields["title"] = _plain(TAG.sub(" ", element.content))
    return {**fields}


def _labelled(content: str) -> str:
    """A field's text without TREC's label in front (`Number:`, `Topic:`)."""
    text = _plain(TAG.sub(" ", content))
    label = LABEL.match(text)
    return text[label.end() :].lstrip() if label else text


def read_documents(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The `<DOC>` elements; the text is the content of `<TEXT>`, or else everything but number and title."""
    for place, element in _elements(folder, table, "doc"):
        yield place, element if isinstance(element, DatasetError) else _document(element.content)


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


class Element(NamedTuple):
    """An element: what stands in its start tag behind the name, and its content."""

    attributes: str
    content: str


def _elements(folder: Path, table: Table, tag: str) -> Iterator[Row[Element]]:
    """The elements of a name (a regular expression), and the place of the line where each begins."""
    begins = re.compile(rf"<(?P<name>{tag})(?P<attributes>\s[^<>]{{0,500}})?>", re.IGNORECASE)
    ends = re.compile(rf"</{tag}>", re.IGNORECASE)
    opened: _Opened | None = None
    for place, line in read_lines(folder, table.file, table.encoding):
        if isinstance(line, DatasetError):
            yield place, line
            continue
        if opened and begins.match(line.lstrip()):
            yield opened.unclosed()
            opened = None
        position = 0
        while True:
            if opened is None:
                begin = begins.search(line, position)
                if begin is None:
                    break
                opened, position = (
                    _Opened(place, begin["name"].lower(), begin["attributes"] or ""),
                    begin.end(),
                )
            end = ends.search(line, position)
            opened.add(line[position : end.start() if end else len(line)])
            if end is None:
                break
            yield opened.closed()
            opened, position = None, end.end()
    if opened:
        yield opened.unclosed()


class _Opened:
    """An element whose end was not read yet."""

    def __init__(self, place: Place, name: str, attributes: str) -> None:
        self._place = place
        self._name = name
        self._attributes = attributes
        self._lines: list[str] = []
        self._size = 0

    def add(self, line: str) -> None:
        """Add a line of the content; nothing is kept of an element that is too long."""
        self._size += len(line)
        if self._size <= MAX_LINE:
            self._lines.append(line)

    def closed(self) -> Row[Element]:
        """The element, once its end is found."""
        if self._size > MAX_LINE:
            reason = f"<{self._name}> is longer than {MAX_LINE >> 20} MiB"
            return self._place, self._place.error(reason, "split it, or remove it")
        return self._place, Element(self._attributes, "\n".join(self._lines))

    def unclosed(self) -> Row[Element]:
        """The error for an element without an end."""
        return self._place, self._place.error(f"<{self._name}> has no end", f"close it with </{self._name}>")
