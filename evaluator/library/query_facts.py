"""Properties of each query of a dataset: its words, language, tags and relevant documents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluator.datasets.health.text_statistics import languages_of
from evaluator.datasets.layout import qrels_artifact
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.ranking import Ints
from evaluator.domain.records import ExperimentRow
from evaluator.library import catalog
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

FACTS = Kind("query facts")


@dataclass(frozen=True)
class QueryFacts:
    """The queries of a dataset version, in their file's order.

    Attributes:
        rows: each query's row, by query id.
        texts, tags: [n_queries].
        words: [n_queries] int64, number of words, separated by white space.
        relevant: [n_queries] int64, number of documents with a grade of 1 or more.
    """

    rows: dict[str, int]
    texts: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]
    words: Ints
    relevant: Ints

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """[n_queries] ISO 639 codes; `unknown` for texts that are too short to tell. Computed once; 0.03 ms each."""
        return tuple(languages_of(self.texts))


def query_facts(workspace: Workspace, experiment: ExperimentRow) -> QueryFacts:
    """Properties of an experiment's queries.

    Raises:
        UnknownNameError: the experiment's dataset is no longer stored.
    """
    fingerprint = experiment.spec.dataset
    return workspace.memory.get(FACTS, fingerprint, lambda: _read(catalog.stored(workspace, fingerprint)))


def _read(dataset: StoredDataset) -> QueryFacts:
    queries = dataset.queries
    return QueryFacts(
        rows=dataset.query_rows,
        texts=tuple(query.text for query in queries),
        tags=tuple(query.tags for query in queries),
        words=np.array([len(query.text.split()) for query in queries], dtype=np.int64),
        relevant=_relevant(dataset),
    )


def _relevant(dataset: StoredDataset) -> Ints:
    """Number of relevant documents of each query: [n_queries]. Arrow counts, as judgments may be millions."""
    table = pq.read_table(
        dataset.store.local_path(qrels_artifact(dataset.manifest)),
        columns=["query_id"],
        filters=pc.field("grade") >= 1,
    )
    value_counts = pc.value_counts(table["query_id"])
    counts = np.zeros(len(dataset.queries), dtype=np.int64)
    for value_count in value_counts.to_pylist():
        counts[dataset.query_rows[value_count["values"]]] = value_count["counts"]
    return counts
