"""The tables of a stored dataset that lie beside new files which add to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.datasets.canonical import CORPUS_FILE, QUERIES_FILE
from evaluator.datasets.reading import CorpusPart, QueriesPart, Reading, Table
from evaluator.datasets.recognition.inspected import InspectedTable
from evaluator.domain.dataset import Provenance

STORED = "stored dataset"
"""The folder of the dataset's own files."""

CORPUS = CorpusPart(Table(f"{STORED}/{CORPUS_FILE}", "parquet"), ("text",), id="doc_id", title="title")
QUERIES = QueriesPart(Table(f"{STORED}/{QUERIES_FILE}", "parquet"), "text", id="query_id", tags="tags")


@dataclass(frozen=True)
class Stored:
    """The tables of a stored dataset; `queries` is None if it has none yet."""

    corpus: InspectedTable
    queries: InspectedTable | None

    @property
    def tables(self) -> tuple[InspectedTable, ...]:
        """Both, or the one that is there."""
        return (self.corpus,) if self.queries is None else (self.corpus, self.queries)


def is_stored(file: str) -> bool:
    """Whether a file belongs to the dataset that is added to."""
    return file.startswith(f"{STORED}/")


def adds(provenance: Provenance) -> bool:
    """Whether files added to a stored dataset, and were no dataset of their own."""
    return is_stored(Reading.from_json(provenance.reading).corpus.table.file)


def stored_among(tables: Sequence[InspectedTable]) -> Stored:
    """The documents and the queries among the dataset's own tables."""
    by_file = {table.table.file: table for table in tables}
    queries = by_file[QUERIES.table.file]
    return Stored(by_file[CORPUS.table.file], queries if queries.rows else None)


def of_stored(reading: Reading) -> Reading:
    """A reading whose parts from the dataset's own tables are read as they were written."""
    queries = reading.queries
    if queries is not None and queries.table == QUERIES.table:
        queries = QUERIES
    return dataclasses.replace(reading, corpus=CORPUS, queries=queries)
