"""Stored datasets, as encoding, retrieval and evaluation read them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluator.artifacts.digests import dataset_error
from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.layout import (
    DATASETS,
    corpus_artifact,
    manifest_artifact,
    qrels_artifact,
    queries_artifact,
)
from evaluator.domain.dataset import DatasetManifest, Document, Query
from evaluator.domain.fingerprint import FINGERPRINT_LENGTH
from evaluator.errors import UnknownNameError

FINGERPRINT = re.compile(rf"[0-9a-f]{{{FINGERPRINT_LENGTH}}}")


class StoredDataset:
    """A dataset in the artifact store. Every reader sees the rows of the corpus in the same order."""

    def __init__(self, store: ArtifactStore, manifest: DatasetManifest) -> None:
        self.store = store
        self.manifest = manifest

    @classmethod
    def open(cls, store: ArtifactStore, fingerprint: str) -> StoredDataset:
        """The dataset of that fingerprint.

        Raises:
            UnknownNameError: it is not in the store.
            DatasetDamagedError: its manifest is damaged.
        """
        artifact = manifest_artifact(fingerprint)
        if not FINGERPRINT.fullmatch(fingerprint) or not store.exists(artifact):
            stored = ", ".join(sorted(name.removesuffix(".json") for name in store.names(DATASETS))) or "none"
            raise UnknownNameError(
                f"no dataset with the fingerprint {fingerprint!r} is stored; there are: {stored}"
            )
        record = store.read_json(artifact)
        try:
            return cls(store, DatasetManifest.from_json(record))
        except (
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:  # written by a version without digests
            raise dataset_error(artifact, "is damaged", store.url) from error

    @property
    def parts(self) -> tuple[str, ...]:
        """The artifacts of documents, queries and judgments."""
        return corpus_artifact(self.manifest), queries_artifact(self.manifest), qrels_artifact(self.manifest)

    @property
    def files(self) -> str:
        """Identifies the dataset's files as they are now: other files with the same content may order rows differently.

        Raises:
            DatasetDamagedError: one of them is damaged or missing.
        """
        return "|".join((self.manifest.fingerprint, *map(self.store.stamp, self.parts)))

    @cached_property
    def doc_ids(self) -> list[str]:
        """Document ids in the order of the corpus's rows: [n_documents]."""
        return self._column(corpus_artifact(self.manifest), "doc_id")

    @cached_property
    def characters(self) -> int:
        """Characters of all documents' titles and texts; the whole corpus is read for it."""
        return sum(
            pc.sum(pc.utf8_length(column)).as_py() or 0
            for batch in self.corpus_batches(("title", "text"))
            for column in batch.columns
        )

    def document_keys(self) -> list[bytes]:
        """Keys of the documents' contents in the order of the corpus's rows: [n_documents] of 16 bytes."""
        return self._column(corpus_artifact(self.manifest), "key")

    @cached_property
    def query_keys(self) -> list[bytes]:
        """Keys of the queries' texts in the order of `queries`: [n_queries] of 16 bytes."""
        return self._column(queries_artifact(self.manifest), "key")

    @cached_property
    def queries(self) -> tuple[Query, ...]:
        """The queries, in the order of the file they came from."""
        artifact = queries_artifact(self.manifest)
        rows = self._rows(artifact, ("query_id", "text", "tags"))
        excluded: Iterable[Sequence[str]] = itertools.repeat(())
        if "excluded" in pq.read_schema(self.store.local_path(artifact)).names:
            excluded = self._column(artifact, "excluded")
        return tuple(
            Query(query_id, text, tuple(tags), tuple(left_out))
            for (query_id, text, tags), left_out in zip(rows, excluded, strict=False)
        )

    @cached_property
    def query_rows(self) -> dict[str, int]:
        """Each query's place in `queries`, by its id."""
        return {query.query_id: row for row, query in enumerate(self.queries)}

    @cached_property
    def qrels(self) -> dict[str, dict[str, int]]:
        """Grades by query id, then document id; queries without a judgment are absent."""
        grades: dict[str, dict[str, int]] = {}
        for query_id, doc_id, grade in self._rows(
            qrels_artifact(self.manifest), ("query_id", "doc_id", "grade")
        ):
            grades.setdefault(query_id, {})[doc_id] = grade
        return grades

    def corpus_batches(
        self, columns: Sequence[str] = ("doc_id", "title", "text"), batch_size: int = 4096
    ) -> Iterator[pa.RecordBatch]:
        """Stream the corpus in batches of at most `batch_size` rows; `columns` may also name `key`."""
        with pq.ParquetFile(self.store.local_path(corpus_artifact(self.manifest))) as file:
            yield from file.iter_batches(batch_size, columns=list(columns))

    def documents(self) -> Iterator[Document]:
        """Stream the documents in the order of the corpus's rows."""
        for batch in self.corpus_batches():
            columns = [column.to_pylist() for column in batch.columns]
            yield from map(Document, *columns)

    def _column(self, artifact: str, column: str) -> list[Any]:
        table = pq.read_table(self.store.local_path(artifact), columns=[column])
        values: list[Any] = table[column].to_pylist()
        return values

    def _rows(self, artifact: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        table = pq.read_table(self.store.local_path(artifact), columns=list(columns))
        return zip(*(table[column].to_pylist() for column in columns), strict=True)
