"""The passage because of which a variant with passages retrieved a document."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluator.datasets.layout import corpus_artifact
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.ranking import Doubles, Ints
from evaluator.domain.variant import BM25, Dense, Late, Sparse, Variant
from evaluator.errors import ArtifactMissingError
from evaluator.inspection.marking import Marker
from evaluator.retrieval.search.dense import FlatVectors
from evaluator.retrieval.search.indexes import Sources, form_of
from evaluator.retrieval.texts.encoder_texts import query_texts
from evaluator.retrieval.texts.passages import passages_name
from evaluator.retrieval.vectors.encoding import open_matrix


class Passage(NamedTuple):
    """A part of a document.

    Attributes:
        number, of: the passage's number in the document, from 1, and the number of the document's passages.
        sure: whether the passage's vector is the most similar to the query's; otherwise it is a guess: the passage with
            most of the query's words.
    """

    text: str
    number: int
    of: int
    sure: bool


def chunked_stage(variant: Variant) -> BM25 | Dense | Sparse | Late | None:
    """The first retriever of a variant that searches passages; `Dense` first, as its best passage can be computed."""
    stages = [
        stage
        for stage in variant.retrieve.leaves()
        if isinstance(stage, BM25 | Dense | Sparse | Late) and stage.chunk is not None
    ]
    return min(stages, key=lambda stage: not isinstance(stage, Dense), default=None)


def hit_passages(
    spec: ExperimentSpec,
    dataset: StoredDataset,
    variant: Variant,
    doc_ids: Collection[str],
    marker: Marker,
    query_row: int | None,
) -> dict[str, Passage]:
    """The passage because of which each document was retrieved, by document id; empty without passages.

    Args:
        spec: the experiment.
        dataset: the experiment's dataset.
        variant: the variant that retrieved the documents.
        doc_ids: ids of the documents.
        marker: finds the query's words.
        query_row: the query's row in the dataset; None for a query without a stored vector.
    """
    stage = chunked_stage(variant)
    if stage is None or stage.chunk is None:
        return {}
    sources = Sources(spec, dataset, dataset.store)
    try:
        path = dataset.store.local_path(passages_name(stage.chunk, sources.encoder_of(stage), dataset))
    except ArtifactMissingError:  # the passages were damaged and removed
        return {}
    hits = {}
    with pq.ParquetFile(path) as file:
        by_row = {row: doc_id for doc_id, row in _corpus_rows(dataset, doc_ids)}
        for row, numbers, texts in _passages(file, list(by_row)):
            scores = None if query_row is None else _scores(stage, sources, query_row, numbers)
            best = marker.best(texts) if scores is None else int(np.argmax(scores))
            hits[by_row[row]] = Passage(texts[best], best + 1, len(texts), scores is not None)
    return hits


def _scores(
    stage: BM25 | Dense | Sparse | Late, sources: Sources, query_row: int, numbers: Ints
) -> Doubles | None:
    """Similarity of passages to a stored query: [n] float64; None unless the stage compares single vectors."""
    if not isinstance(stage, Dense):
        return None
    encoder, form = sources.spec.encoder(stage), form_of(stage)
    try:
        queries = open_matrix(encoder, query_texts(sources.dataset), sources.store, form)
        passages = open_matrix(encoder, sources.documents(stage), sources.store, form)
    except ArtifactMissingError:  # the vectors were pruned to free space
        return None
    return FlatVectors(passages, stage.metric or "cosine").exact(queries[query_row], numbers)


def _corpus_rows(dataset: StoredDataset, doc_ids: Collection[str]) -> Iterator[tuple[str, int]]:
    """The documents' ids and their rows in the corpus."""
    wanted = pa.array(list(doc_ids), pa.string())
    first = 0
    with pq.ParquetFile(dataset.store.local_path(corpus_artifact(dataset.manifest))) as file:
        for group in range(file.num_row_groups):
            ids = file.read_row_group(group, columns=["doc_id"])["doc_id"]
            hits = np.flatnonzero(pc.is_in(ids, value_set=wanted).to_numpy())
            yield from ((ids[int(hit)].as_py(), first + int(hit)) for hit in hits)
            first += len(ids)


def _passages(file: pq.ParquetFile, rows: list[int]) -> Iterator[tuple[int, Ints, list[str]]]:
    """Each document's row, the numbers of its passages, and their texts; reads only row groups with such passages."""
    wanted = pa.array(rows, pa.int64())
    numbers: dict[int, list[int]] = {}
    texts: dict[int, list[str]] = {}
    first = 0
    for group in range(file.num_row_groups):
        documents = file.read_row_group(group, columns=["document"])["document"]
        hits = np.flatnonzero(pc.is_in(documents, value_set=wanted).to_numpy())
        if len(hits):
            group_texts = file.read_row_group(group, columns=["text"])["text"]
            for hit in hits.tolist():
                numbers.setdefault(documents[hit].as_py(), []).append(first + hit)
                texts.setdefault(documents[hit].as_py(), []).append(group_texts[hit].as_py())
        first += len(documents)
    for row, document_texts in texts.items():
        yield row, np.asarray(numbers[row], dtype=np.int64), document_texts
