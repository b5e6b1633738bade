"""How files are read as a dataset: which table is the corpus, the queries or the qrels, and what the columns mean.

`evaluator.datasets.recognition.recognise` guesses a reading, a person may correct it, and
`evaluator.datasets.staging.from_tables` reads the files by it. It can be written as JSON and YAML.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator

from evaluator.domain.json_record import JsonRecord
from evaluator.errors import DatasetError

Kind = Literal[
    "csv",
    "tsv",
    "jsonl",
    "json",
    "parquet",
    "arrow",
    "excel",
    "smart",
    "topics",
    "trec-documents",
    "qrels",
    "smart-qrels",
    "document-lists",
    "ltr",
    "run",
    "squad",
    "passages",
    "goldens",
    "lotte",
    "judgment-ratings",
    "query-set",
    "rank-eval",
    "rre",
    "quepid",
    "quepid-book",
    "elasticdump",
    "bulk",
    "texts",
]
"""How a table is written.

`smart`: `.I/.T/.W` records; `topics`: TREC `<top>`; `smart-qrels`: query, document and zeros; `document-lists`: a query
and its relevant documents; `ltr`: `grade qid:1 ... # document`; `texts`: one file per document. From `squad` to `bulk`:
nested JSON (`evaluator.datasets.formats.shapes`).
"""

MeantBy = Literal["id", "text"]
"""Whether a judgment names a query or document by its id, or by repeating its text."""

Combine = Literal["majority", "mean", "median"]
"""How several grades of one document for one query become one: the most frequent grade (of equally frequent ones the
lowest), or the mean or median, rounded to the nearest whole number (a half up)."""

Repair = Literal["leave-out-rows", "match-padded-ids", "encode-ids"]
"""What an import may do beyond reading, if a person says so: leave out rows that cannot be read, match ids that differ
only by leading zeros (`01` and `1`), or percent-encode white space in ids."""


@dataclass(frozen=True)
class Table:
    """A table: a whole file, or a part of one.

    Attributes:
        file: the file's path relative to the folder, with `/`; for `texts` a folder (`.`: the top folder).
        kind: how it is written.
        member: an Excel sheet, or a member of a JSON object; empty where there is only one.
        more: further files of the same kind whose rows follow (shards).
        header: of CSV, TSV and Excel: the line or row that names the columns, counted from 1. 0: no row does, and
            columns are called `column 1`, `column 2`, ... None: the first row that looks like one.
        encoding: of text files, as Python names it. None: as the file declares, or UTF-8.
    """

    file: str
    kind: Kind
    member: str = ""
    more: tuple[str, ...] = ()
    header: int | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        for file in self.files:
            if file.startswith("/") or ".." in file.split("/"):
                raise ValueError(f"the file {file!r} is not a path inside the folder")
        if self.header is not None and self.header < 0:
            raise ValueError(
                f"row {self.header} cannot name the columns; rows count from 1, and 0 stands for none"
            )
        if self.encoding is not None and not _is_text_encoding(self.encoding):
            raise ValueError(f"the encoding {self.encoding!r} is unknown; write utf-8, windows-1252, ...")

    @property
    def files(self) -> tuple[str, ...]:
        """The file, and those that follow it."""
        return (self.file, *self.more)

    def __str__(self) -> str:
        more = f" and {len(self.more):,} more" if self.more else ""
        return f"{self.file}{more} > {self.member}" if self.member else f"{self.file}{more}"


def _is_text_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding  # what `str.encode` looks at
    except LookupError:
        return False


def _columns(names: object) -> object:
    return (names,) if isinstance(names, str) else names


Columns = Annotated[tuple[str, ...], BeforeValidator(_columns, json_schema_input_type=str | tuple[str, ...])]
"""Names of columns; a single one may be written without a list."""


@dataclass(frozen=True)
class CorpusPart:
    """The documents.

    Without an id column, a document's id is derived from its text, so that a repeated text is one document.

    Attributes:
        text: several columns are joined by a blank line.
        apart: further columns whose texts are documents of their own, such as hard negatives; only without an id.
    """

    table: Table
    text: Columns
    id: str | None = None
    title: str | None = None
    apart: Columns = ()


@dataclass(frozen=True)
class QueriesPart:
    """The queries.

    Attributes:
        id: without it, a query's id is derived from its text.
        exclude: columns of the ids of documents that are left out of the query's list.
    """

    table: Table
    text: str
    id: str | None = None
    tags: str | None = None
    exclude: Columns = ()


@dataclass(frozen=True)
class QrelsPart:
    """The judgments: one per row, or several documents per row. Without a grade column, every grade is 1.

    A cell of a document column holds one document or several: a list (also one in JSON or Python's notation), or ids
    with commas, semicolons or spaces between them.

    Attributes:
        document: several columns hold more documents of the same row.
        grade: several columns are the grades of several raters, and `combine` makes one of them.
        combine: also makes one grade of several rows for the same query and document, which are refused without it.
        grades: grades of words (`{"Exact": 2, "Irrelevant": 0}`), whatever their case.
        scale: grades are multiplied by it and rounded to the nearest whole number (a half up).
        cut: a grade of at least this is 1, a lower one 0.
        negative: columns of documents with the grade 0.
        query_by, document_by: what the columns hold.
    """

    table: Table
    query: str
    document: Columns
    grade: Columns | None = None
    query_by: MeantBy = "id"
    document_by: MeantBy = "id"
    combine: Combine | None = None
    grades: Mapping[str, int] | None = None
    scale: float | None = None
    cut: float | None = None
    negative: Columns = ()

    @property
    def grade_name(self) -> str:
        """The columns of the grade in words."""
        return "the grade" if self.grade is None else " and ".join(self.grade)

    def __post_init__(self) -> None:
        if self.grade is not None and len(self.grade) > 1 and self.combine is None:
            raise ValueError("several columns hold the grade: set combine to majority, mean or median")
        if self.scale is not None and self.scale <= 0:
            raise ValueError(f"grades cannot be scaled by {self.scale:g}; give a number above 0")
        if self.scale is not None and self.cut is not None:
            raise ValueError("scale and cut both make whole numbers of grades: leave one of them out")


COLUMNS: Mapping[type, tuple[str, ...]] = {
    CorpusPart: ("id", "title", "text", "apart"),
    QueriesPart: ("id", "text", "tags", "exclude"),
    QrelsPart: ("query", "document", "grade", "negative"),
}
"""The fields of a part that name columns."""


def columns_of(part: CorpusPart | QueriesPart | QrelsPart) -> set[str]:
    """The columns that a part uses."""
    values = [getattr(part, field) for field in COLUMNS[type(part)]]
    return {name for value in values for name in ((value,) if isinstance(value, str) else value or ())}


@dataclass(frozen=True)
class RunPart:
    """Ranked lists that came with the dataset: one document per row; higher scores rank first."""

    table: Table
    query: str = "query"
    document: str = "document"
    score: str = "score"


def _run_part(value: object) -> object:
    """A run as it was written before its columns could be chosen: a table alone."""
    is_table = isinstance(value, Mapping) and "file" in value
    return {"table": value} if is_table else value


@dataclass(frozen=True)
class Reading(JsonRecord):
    """How a folder of files is read as a dataset.

    Attributes:
        queries: None: the documents are stored alone, and queries are added later.
        format: the name of the format that was recognised, for people.
        runs: ranked lists that came with the dataset, to compare with.
        ignored: files that are not read.
        repairs: what the import may do beyond reading.
    """

    corpus: CorpusPart
    queries: QueriesPart | None = None
    qrels: QrelsPart | None = None
    format: str = "tables"
    runs: tuple[Annotated[RunPart, BeforeValidator(_run_part)], ...] = ()
    ignored: tuple[str, ...] = ()
    repairs: Annotated[
        tuple[Repair, ...], BeforeValidator(_columns, json_schema_input_type=Repair | tuple[Repair, ...])
    ] = ()

    def __post_init__(self) -> None:
        if self.queries is None and self.qrels is not None:
            raise ValueError("judgments need queries: set queries too, or set qrels to none")

    @property
    def parts(self) -> tuple[CorpusPart | QueriesPart | QrelsPart, ...]:
        """The parts that are there."""
        return tuple(part for part in (self.corpus, self.queries, self.qrels) if part is not None)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """The reading from what `to_json` returned, or what a person wrote in its shape.

        Raises:
            DatasetError: the record has another shape; names the field.
        """
        if isinstance(record, Mapping):
            record = {name: value for name, value in record.items() if value is not None}
        try:
            return super().from_json(record)
        except ValueError as error:
            raise DatasetError(
                f"the reading is not valid ({error}); it needs corpus, and mostly queries, each with table and "
                "columns, as `evaluator dataset check --json` prints it"
            ) from error
