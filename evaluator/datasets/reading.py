"""How files are read as a dataset: which table is the corpus, the queries, the qrels, and which columns mean what.

A reading is guessed by `evaluator.datasets.recognition.recognise`, corrected by a person, and read by
`evaluator.datasets.staging.from_tables`. It is plain data, so that it travels as JSON and YAML.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from evaluator.errors import DatasetError

Kind = Literal[
    "csv", "tsv", "jsonl", "json", "parquet", "excel", "smart", "topics", "trec-documents", "qrels", "run", "texts",
]  # fmt: skip
"""How a table is written. `smart`: `.I/.T/.W` records; `topics`: TREC `<top>`; `texts`: one file a document."""

KINDS: tuple[Kind, ...] = get_args(Kind)

MeantBy = Literal["id", "text"]
"""Whether a judgment names a query or document by its id, or by repeating its text."""


@dataclass(frozen=True)
class Table:
    """A table among the files: a whole file, or a part of one.

    Attributes:
        file: the file's path relative to the folder, with `/`; for `texts` a folder, `.` for all of it.
        kind: how it is written.
        member: an Excel sheet, or a member of a JSON object; empty where there is only one.
    """

    file: str
    kind: Kind
    member: str = ""

    def __str__(self) -> str:
        return f"{self.file} > {self.member}" if self.member else self.file


@dataclass(frozen=True)
class CorpusPart:
    """The documents. Several text columns are joined by a blank line.

    Without an id column a document's id is made from its text, so that a text given twice is one document.
    """

    table: Table
    text: tuple[str, ...]
    id: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class QueriesPart:
    """The queries. Without an id column a query's id is made from its text."""

    table: Table
    text: str
    id: str | None = None
    tags: str | None = None


@dataclass(frozen=True)
class QrelsPart:
    """The judgments, one a row, or a list of documents in one row. Without a grade column every grade is 1."""

    table: Table
    query: str
    document: str
    grade: str | None = None
    query_by: MeantBy = "id"
    document_by: MeantBy = "id"


@dataclass(frozen=True)
class Reading:
    """How a folder of files is read as a dataset.

    Attributes:
        format: the name of the format that was recognised, for people.
        runs: rankings that came along, to compare with.
        ignored: files that take no part.
    """

    corpus: CorpusPart
    queries: QueriesPart
    qrels: QrelsPart | None = None
    format: str = "tables"
    runs: tuple[Table, ...] = ()
    ignored: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The reading as plain JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Reading:
        """The reading from what `to_json` gave, or what a person wrote in its shape.

        Raises:
            DatasetError: it has another shape; names the field.
        """
        try:
            qrels = record.get("qrels")
            return cls(
                corpus=_part(CorpusPart, "corpus", record["corpus"]),
                queries=_part(QueriesPart, "queries", record["queries"]),
                qrels=None if qrels is None else _part(QrelsPart, "qrels", qrels),
                format=str(record.get("format", "tables")),
                runs=tuple(_table("runs", run) for run in record.get("runs") or ()),
                ignored=tuple(map(str, record.get("ignored") or ())),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                f"the reading is not valid ({error}); it needs corpus and queries, each with table and columns, "
                "as `evaluator dataset check --json` prints it"
            ) from error


def _part(kind: type[Any], name: str, record: Mapping[str, Any]) -> Any:
    values = dict(record)
    values["table"] = _table(name, values["table"])
    if kind is CorpusPart:
        text = values["text"]
        values["text"] = (text,) if isinstance(text, str) else tuple(text)
    for field in dataclasses.fields(kind):
        value = values.get(field.name)
        if field.name in ("query_by", "document_by") and value not in (None, *get_args(MeantBy)):
            raise ValueError(f"{name}.{field.name} is {value!r}, not id or text")
        if field.name not in ("table", "text") and value is not None and not isinstance(value, str):
            raise ValueError(f"{name}.{field.name} is {value!r}, not the name of a column")
    return kind(**values)


def _table(name: str, record: Mapping[str, Any]) -> Table:
    table = Table(**record)
    if table.kind not in KINDS:
        raise ValueError(f"{name}.table.kind is {table.kind!r}, not one of {', '.join(KINDS)}")
    if not isinstance(table.file, str) or table.file.startswith("/") or ".." in table.file.split("/"):
        raise ValueError(f"{name}.table.file is {table.file!r}, not a path inside the folder")
    return table
