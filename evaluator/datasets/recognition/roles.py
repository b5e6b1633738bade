"""What a table and its columns mean, by their names and by what is in them."""

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
"""Names of columns without case and punctuation, the likeliest first."""

TEXT_SHARE = 0.5
"""The share of values with white space inside from which a column holds texts, not ids."""

LONGEST_NAME = 80
"""Characters of a column's name."""

LONGEST_ID = 100
"""Characters of a value that may be an id where no name says so."""


@dataclass(frozen=True)
class Looked:
    """A table and its first rows, and the first defect among them."""

    table: Table
    columns: tuple[str, ...]
    rows: tuple[Fields, ...]
    defect: str | None = None

    @cached_property
    def named(self) -> Role | None:
        """The role that the names say: the member's, then the file's, then those of its folders."""
        path = PurePosixPath(self.table.file)
        for name in (self.table.member, path.name, *reversed(path.parent.parts)):
            words = set(re.split(r"[^a-z]+", name.lower()))
            for role, names in NAMES.items():
                if words.intersection(names):
                    return role
        return None

    @property
    def lacks_header(self) -> bool:
        """Whether the names of the columns look like values: a number, or a whole sentence."""
        named = self.table.kind in ("csv", "tsv", "excel")
        return named and any(c.isdecimal() or len(c) > LONGEST_NAME for c in self.columns)

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
        found = self._find(DOCUMENT, textual=True)
        return found or (self._find(TEXT) if self.query_text else None)

    @cached_property
    def text(self) -> str | None:
        """The column of the text, by its name, or else the one with the longest texts."""
        found = self._find(TEXT)
        if found:
            return found
        texts = [column for column in self.columns if self.is_textual(column)]
        return max(texts, key=self.length, default=None)

    @cached_property
    def id(self) -> str | None:
        """The column of the row's own id, by its name, or else the first of short, different values."""
        return self._find(ID) or next(filter(self.identifies, self.columns), None)

    def is_textual(self, column: str) -> bool:
        """Whether most values have white space inside."""
        values = list(self._values(column))
        return sum(len(value.split()) > 1 for value in values) > TEXT_SHARE * len(values)

    def length(self, column: str | None) -> float:
        """Mean characters of a column's values."""
        values = list(self._values(column)) if column else []
        return sum(map(len, values)) / len(values) if values else 0.0

    def identifies(self, column: str | None) -> bool:
        """Whether every row has a short value of its own there."""
        values = list(self._values(column)) if column else []
        return (
            len(values) == len(self.rows) > 0
            and len(set(values)) == len(values)
            and all(len(value) <= LONGEST_ID and value.split() == [value] for value in values)
        )

    def _find(self, names: Sequence[str], *, textual: bool | None = None) -> str | None:
        """The first column, in the order of `names`, that has this name and, if wanted, texts or none."""
        by_name = {_plain(column): column for column in reversed(self.columns)}
        found = (by_name[name] for name in names if name in by_name)
        return next((c for c in found if textual is None or self.is_textual(c) is textual), None)

    def _values(self, column: str) -> Iterator[str]:
        """The values that are there, as text; those of a list one by one."""
        for row in self.rows:
            value = row.get(column)
            for item in value if isinstance(value, list) else [value]:
                if item not in (None, ""):
                    yield str(item)


def role_of(looked: Looked) -> Role | None:
    """The part of a dataset that a table most likely is; a question with its document is `qrels`."""
    by_kind: dict[str, Role] = {
        "qrels": "qrels",
        "topics": "queries",
        "trec-documents": "corpus",
        "texts": "corpus",
    }
    if not looked.rows:
        return None
    if looked.table.kind in by_kind:
        return by_kind[looked.table.kind]
    asks = looked.query_id or looked.query_text
    if asks and (looked.document_id or looked.document_text):
        return "qrels"
    if looked.text is None and not asks:
        return None
    if looked.named in ("corpus", "queries"):
        return looked.named
    return "queries" if asks else "corpus"


def longest_first(tables: Iterable[Looked]) -> list[Looked]:
    """Tables by the length of their texts: a corpus before its queries."""
    return sorted(tables, key=lambda looked: -looked.length(looked.text))


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))
