"""How files are read as a dataset: which table is the corpus, the queries or the qrels, and what the columns mean.

`evaluator.datasets.recognition.recognise` guesses a reading, a person may correct it, and
`evaluator.datasets.staging.from_tables` reads the files by it. It can be written as JSON and YAML.
"""

from __future__ import annotations

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
    "excel",
    "smart",
    "topics",
    "trec-documents",
    "qrels",
    "run",
    "texts",
]
"""How a table is written. `smart`: `.I/.T/.W` records; `topics`: TREC `<top>`; `texts`: one file per document."""

MeantBy = Literal["id", "text"]
"""Whether a judgment names a query or document by its id, or by repeating its text."""


@dataclass(frozen=True)
class Table:
    """A table: a whole file, or a part of one.

    Attributes:
        file: the file's path relative to the folder, with `/`; for `texts` a folder (`.`: the top folder).
        kind: how it is written.
        member: an Excel sheet, or a member of a JSON object; empty where there is only one.
    """

    file: str
    kind: Kind
    member: str = ""

    def __post_init__(self) -> None:
        if self.file.startswith("/") or ".." in self.file.split("/"):
            raise ValueError(f"the file {self.file!r} is not a path inside the folder")

    def __str__(self) -> str:
        return f"{self.file} > {self.member}" if self.member else self.file


def _columns(names: object) -> object:
    return (names,) if isinstance(names, str) else names


@dataclass(frozen=True)
class CorpusPart:
    """The documents. Several text columns are joined by a blank line.

    Without an id column, a document's id is derived from its text, so that a repeated text is one document.
    """

    table: Table
    text: Annotated[tuple[str, ...], BeforeValidator(_columns, json_schema_input_type=str | tuple[str, ...])]
    id: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class QueriesPart:
    """The queries. Without an id column, a query's id is derived from its text."""

    table: Table
    text: str
    id: str | None = None
    tags: str | None = None


@dataclass(frozen=True)
class QrelsPart:
    """The judgments: one per row, or a list of documents per row. Without a grade column, every grade is 1."""

    table: Table
    query: str
    document: str
    grade: str | None = None
    query_by: MeantBy = "id"
    document_by: MeantBy = "id"


@dataclass(frozen=True)
class Reading(JsonRecord):
    """How a folder of files is read as a dataset.

    Attributes:
        format: the name of the format that was recognised, for people.
        runs: ranked lists that came with the dataset, to compare with.
        ignored: files that are not read.
    """

    corpus: CorpusPart
    queries: QueriesPart
    qrels: QrelsPart | None = None
    format: str = "tables"
    runs: tuple[Table, ...] = ()
    ignored: tuple[str, ...] = ()

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
                f"the reading is not valid ({error}); it needs corpus and queries, each with table and "
                "columns, as `evaluator dataset check --json` prints it"
            ) from error
