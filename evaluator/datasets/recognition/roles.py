"""The meaning of a table and its columns, by their names and their content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Literal

from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields

Role = Literal["corpus", "queries", "qrels"]


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


CORPUS_NAMES = _names(
    "corpus document documents doc docs passage passages collection article articles texts chunks "
    "knowledge products papers pages paragraphs"
)
QUERIES_NAMES = _names("queries query questions question topics topic searches qry")
QRELS_NAMES = _names("qrels qrel judgments judgements relevance labels ratings gold triples pairs")
NAMES: dict[Role, tuple[str, ...]] = {"qrels": QRELS_NAMES, "queries": QUERIES_NAMES, "corpus": CORPUS_NAMES}
"""Words in the names of files, sheets and members that say what a table is."""

QUERY_ID = _names("queryid qid questionid topicid searchid promptid")
QUERY = _names("query question querytext questiontext searchquery userquery search prompt topic anchor q")
DOCUMENT_ID = _names(
    "corpusid docid documentid passageid pid did docno articleid productid itemid chunkid "
    "relevantdocs relevantdocids relevantdocumentids relevantids expectedid expecteddocid expecteddocumentid "
    "expectedpassageid goldid golddocid answerid"
)
DOCUMENT = _names(
    "document doc passage expecteddocument expectedpassage expecteddoc relevantdocument relevantpassage "
    "relevantdoc positive context contexts expected answer documenttext passagetext doctext"
)
ID = _names("id docid documentid docno passageid pid queryid qid questionid topicid num key uid")
TEXT = _names(
    "text content contents body passage document doc documenttext passagetext doctext abstract paragraph "
    "chunk article pagecontent description"
)
TITLE = _names("title headline heading subject documenttitle doctitle")
GRADE = _names("grade score relevance rel label rating relevancescore relevancescores relevancegrade gain")
"""Names of columns without case and punctuation, the most likely first."""

TEXT_SHARE = 0.5
"""A column holds texts, not ids, if more than this share of its values contain white space."""

LONGEST_NAME = 80
"""Maximum characters of a column's name; a longer cell in the first row is content."""

LONGEST_ID = 100
"""Maximum characters of an id in a column whose name does not say that it holds ids."""


@dataclass(frozen=True)
class InspectedTable:
    """A table with its first rows, and the first defect among them."""

    table: Table
    columns: tuple[str, ...]
    rows: tuple[Fields, ...]
    defect: str | None = None

    @cached_property
    def named(self) -> Role | None:
        """The role that the names suggest: the member's name, then the file's, then the folders'."""
        path = PurePosixPath(self.table.file)
        for name in (self.table.member, path.name, *reversed(path.parent.parts)):
            words = set(re.split(r"[^a-z]+", name.lower()))
            for role, names in NAMES.items():
                if words.intersection(names):
                    return role
        return None

    @property
    def lacks_header(self) -> bool:
        """Whether a name of a column looks like a value: a number, or a whole sentence."""
        needs_header = self.table.kind in ("csv", "tsv", "excel")
        return needs_header and any(c.isdecimal() or len(c) > LONGEST_NAME for c in self.columns)

    @cached_property
    def grade(self) -> str | None:
        """The column of the grade."""
        return self._find(GRADE)

    @cached_property
    def title(self) -> str | None:
        """The column of the title."""
        return self._find(TITLE)

    @cached_property
    def query_id(self) -> str | None:
        """The column that names a query by its id."""
        return self._find(QUERY_ID) or self._find(QUERY, textual=False)

    @cached_property
    def query_text(self) -> str | None:
        """The column that is, by its name, a query's text."""
        return self._find(QUERY, textual=True)

    @cached_property
    def document_id(self) -> str | None:
        """The column that names a document by its id."""
        return self._find(DOCUMENT_ID) or self._find(DOCUMENT, textual=False)

    @cached_property
    def document_text(self) -> str | None:
        """The column that is, by its name, a document's text."""
        column = self._find(DOCUMENT, textual=True)
        return column or (self._find(TEXT) if self.query_text else None)

    @cached_property
    def text(self) -> str | None:
        """The column of the text: the one with such a name, or else the one with the longest texts."""
        named = self._find(TEXT)
        if named:
            return named
        texts = [column for column in self.columns if self.is_textual(column)]
        return max(texts, key=self.length, default=None)

    @cached_property
    def id(self) -> str | None:
        """The column of the row's own id: the one with such a name, or else the first with short, distinct values."""
        return self._find(ID) or next(filter(self.identifies, self.columns), None)

    def is_textual(self, column: str) -> bool:
        """Whether most values contain white space."""
        values = list(self._values(column))
        return sum(len(value.split()) > 1 for value in values) > TEXT_SHARE * len(values)

    def length(self, column: str | None) -> float:
        """Mean number of characters of a column's values."""
        values = list(self._values(column)) if column else []
        return sum(map(len, values)) / len(values) if values else 0.0

    def identifies(self, column: str | None) -> bool:
        """Whether every row has a short value in this column that no other row has."""
        values = list(self._values(column)) if column else []
        return (
            len(values) == len(self.rows) > 0
            and len(set(values)) == len(values)
            and all(len(value) <= LONGEST_ID and value.split() == [value] for value in values)
        )

    def _find(self, names: Sequence[str], *, textual: bool | None = None) -> str | None:
        """The first column, in the order of `names`, with such a name; `textual` requires texts, or excludes them."""
        by_name = {_plain(column): column for column in reversed(self.columns)}
        columns = (by_name[name] for name in names if name in by_name)
        return next((c for c in columns if textual is None or self.is_textual(c) is textual), None)

    def _values(self, column: str) -> Iterator[str]:
        """The values of a column as text, without empty ones; a list gives its items."""
        for row in self.rows:
            value = row.get(column)
            for item in value if isinstance(value, list) else [value]:
                if item not in (None, ""):
                    yield str(item)


def role_of(inspected: InspectedTable) -> Role | None:
    """The part of a dataset that a table most likely is; a table of questions with their documents is `qrels`."""
    by_kind: dict[str, Role] = {
        "qrels": "qrels",
        "topics": "queries",
        "trec-documents": "corpus",
        "texts": "corpus",
    }
    if not inspected.rows:
        return None
    if inspected.table.kind in by_kind:
        return by_kind[inspected.table.kind]
    has_queries = inspected.query_id or inspected.query_text
    if has_queries and (inspected.document_id or inspected.document_text):
        return "qrels"
    if inspected.text is None and not has_queries:
        return None
    if inspected.named in ("corpus", "queries"):
        return inspected.named
    return "queries" if has_queries else "corpus"


def longest_first(tables: Iterable[InspectedTable]) -> list[InspectedTable]:
    """Tables sorted by the length of their texts: a corpus comes before its queries."""
    return sorted(tables, key=lambda inspected: -inspected.length(inspected.text))


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))
