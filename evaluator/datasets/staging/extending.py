"""Adds queries and judgments from files to a stored dataset, whose own files lie beside the new ones.

The documents stay as they are. A query that is there already, by its id or by its text, stays one query.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.canonical import CORPUS_FILE, QRELS_FILE, QUERIES_FILE, Values, read_row_groups
from evaluator.datasets.findings import Tally
from evaluator.datasets.layout import KEY, corpus_artifact, qrels_artifact, queries_artifact
from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.stored_tables import QUERIES, STORED
from evaluator.datasets.runs import read_run, run_artifact
from evaluator.datasets.source import Place, Row, Source
from evaluator.datasets.staging.from_tables import open_source
from evaluator.domain.dataset import DatasetManifest, Document, ImportNote, Judgment, Query, RunLine
from evaluator.domain.fingerprint import derived_id
from evaluator.errors import DatasetError

RUNS = "runs"


def link_stored(store: ArtifactStore, manifest: DatasetManifest, folder: Path) -> None:
    """Copy a stored dataset's files beside the files that add to it.

    Raises:
        DatasetError: there is something of that name among the files.
    """
    require_room_for_stored(folder)
    stored = folder / STORED
    (stored / RUNS).mkdir(parents=True)
    artifacts = {
        CORPUS_FILE: corpus_artifact(manifest),
        QUERIES_FILE: queries_artifact(manifest),
        QRELS_FILE: qrels_artifact(manifest),
        **{f"{RUNS}/{run.name}.parquet": run_artifact(run.id) for run in manifest.runs},
    }
    for name, artifact in artifacts.items():
        _copy_without_keys(store.local_path(artifact), stored / name)


def _copy_without_keys(source: Path, target: Path) -> None:
    """Copy a Parquet file without its column of keys, which are bytes and no texts."""
    with pq.ParquetFile(source) as file:
        names = [name for name in file.schema_arrow.names if name != KEY.name]
        schema = pa.schema([file.schema_arrow.field(name) for name in names])
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for batch in file.iter_batches(columns=names):
                writer.write_batch(batch)


def require_room_for_stored(folder: Path) -> None:
    """Refuse files that lie where the dataset's own files go.

    Raises:
        DatasetError: there is something of that name among the files.
    """
    if (folder / STORED).exists():
        raise DatasetError(f"the files hold {STORED!r}, which is where the dataset's own files go; rename it")


def open_extended(folder: Path, reading: Reading) -> Source:
    """The stored dataset among the files, with the queries and judgments of the other files."""
    return _Extended(_Stored(folder / STORED), open_source(folder, reading), reading)


@dataclass(frozen=True)
class _Stored:
    """The rows of a stored dataset's files."""

    folder: Path

    def documents(self) -> Iterator[Row[Document]]:
        for place, row in self._rows(CORPUS_FILE, "doc_id", "title", "text"):
            yield place, Document(*row)

    def queries(self) -> Iterator[tuple[Place, Query]]:
        has_excluded = "excluded" in pq.read_schema(self.folder / QUERIES_FILE).names
        columns = ("query_id", "text", "tags", *(("excluded",) if has_excluded else ()))
        for place, (query_id, text, *lists) in self._rows(QUERIES_FILE, *columns):
            yield place, Query(query_id, text, *map(tuple, lists))

    def judgments(self) -> Iterator[Row[Judgment]]:
        for place, row in self._rows(QRELS_FILE, "query_id", "doc_id", "grade"):
            yield place, Judgment(*row)

    def runs(self) -> list[tuple[str, Iterator[Row[RunLine]]]]:
        files = sorted((self.folder / RUNS).glob("*.parquet"))
        return [(file.name.removesuffix(".parquet"), _lines(file)) for file in files]

    def _rows(self, name: str, *columns: str) -> Iterator[tuple[Place, Values]]:
        rows = chain.from_iterable(read_row_groups(self.folder / name, columns))
        for line, row in enumerate(rows, 1):
            yield Place(f"{STORED}/{name}", line), row


def _lines(file: Path) -> Iterator[Row[RunLine]]:
    for number, row in enumerate(read_run(file), 1):
        yield Place(f"{STORED}/{RUNS}/{file.name}", number), RunLine(*row)


@dataclass(frozen=True)
class _Extended:
    """A stored dataset, and what new files add to it.

    Attributes:
        known: queries of the new files that are in the dataset already, counted when they are read.
    """

    stored: _Stored
    added: Source
    reading: Reading
    known: Tally = field(default_factory=Tally)

    def documents(self) -> Iterator[Row[Document]]:
        """The documents of the stored dataset."""
        return self.stored.documents()

    @property
    def documents_alone(self) -> bool:
        """Never: something is added."""
        return False

    def queries(self) -> Iterator[Row[Query]]:
        """The stored queries, then those that are new."""
        yield from self.stored.queries()
        if self.reading.queries is None or self.reading.queries.table == QUERIES.table:
            return
        for place, query in self.added.queries():
            if isinstance(query, DatasetError) or not self._is_known(query):
                yield place, query
            else:
                self.known.add(query.query_id)

    def judgments(self) -> Iterator[Row[Judgment]]:
        """The stored judgments, then those of the new files."""
        yield from self.stored.judgments()
        for place, judgment in self.added.judgments():
            if isinstance(judgment, DatasetError) or judgment.query_id in self._texts:
                yield place, judgment
            else:
                query_id = self._by_text.get(judgment.query_id, judgment.query_id)
                yield place, judgment._replace(query_id=query_id)

    def runs(self) -> list[tuple[str, Iterator[Row[RunLine]]]]:
        """The stored runs, then those of the new files."""
        return [*self.stored.runs(), *self.added.runs()]

    def notes(self) -> list[ImportNote]:
        """Notes on the new files."""
        notes = self.added.notes()
        if not self.known.count:
            return notes
        message = "queries of the new files are in the dataset already, and stay as they are"
        return [*notes, ImportNote("known-queries", self.known.count, message, tuple(self.known.examples))]

    def _is_known(self, query: Query) -> bool:
        """Whether the dataset has a query: with its id and text, or with its text where the new file has no ids."""
        return self._texts.get(query.query_id) == query.text or query.query_id in self._by_text

    @cached_property
    def _texts(self) -> dict[str, str]:
        """Texts of the stored queries by id."""
        return {query.query_id: query.text for _, query in self.stored.queries()}

    @cached_property
    def _by_text(self) -> dict[str, str]:
        """Ids of the stored queries, by the id that their text alone would give them."""
        return {derived_id(text): query_id for query_id, text in self._texts.items()}


def require_news(before: DatasetManifest, after: DatasetManifest) -> None:
    """Refuse files that add nothing.

    Raises:
        DatasetError: the dataset has all of their queries and judgments, or they belong to another.
    """
    if before == after:
        raise DatasetError(
            "the files add nothing: the dataset has all of their queries and judgments, or the judgments name queries "
            "that it does not have"
        )
