"""What each stage of a pipeline reads: which artifacts, how they are built, and how they are opened.

A stage over a model reads what the model's vectors were made into; a chunked one also reads the passages. Artifacts
are named before they exist, so that whoever plans knows what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.layout import corpus_artifact
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import EncoderSpec, ExperimentSpec
from evaluator.domain.variant import (
    BM25,
    MMR,
    Chunk,
    CrossEncoder,
    Dense,
    LanguageModel,
    Late,
    Run,
    Sparse,
    Stage,
)
from evaluator.errors import ArtifactMissingError
from evaluator.retrieval.search.bm25 import BM25Index, bm25_name, build_bm25
from evaluator.retrieval.search.dense import DenseIndex, FlatVectors, RescoredIndex, Vectors
from evaluator.retrieval.search.grouping import Grouping
from evaluator.retrieval.search.late import LateIndex, build_late, late_name, read_late
from evaluator.retrieval.search.quantized import BinaryVectors, Int8Vectors
from evaluator.retrieval.search.runs import run_name
from evaluator.retrieval.search.sparse import SparseIndex, build_sparse, open_sparse, sparse_name
from evaluator.retrieval.texts.documents import build_texts, texts_name
from evaluator.retrieval.texts.encoder_texts import TextSet, document_texts, query_texts
from evaluator.retrieval.texts.passages import (
    build_passages,
    documents_of_passages,
    passage_texts,
    passages_name,
)
from evaluator.retrieval.vectors.encoding import Form, build_matrix, matrix_name, open_matrix


@dataclass(frozen=True)
class Encoding:
    """Texts, what encodes them, and the artifact that gathers their vectors."""

    encoder: EncoderSpec
    texts: TextSet
    artifact: str


@dataclass(frozen=True)
class Sources:
    """Where a stage's artifacts come from."""

    spec: ExperimentSpec
    dataset: StoredDataset
    store: ArtifactStore

    def files(self, *names: str) -> str:
        """A key of these artifacts' files and the documents' file, under which values read from them are kept.

        Raises:
            DatasetDamagedError: the documents are damaged.
        """
        stamps = []
        for name in (*names, corpus_artifact(self.dataset.manifest)):
            try:
                stamps.append(f"{name} {self.store.stamp(name)}")
            except ArtifactMissingError:  # whoever opens it raises that
                stamps.append(name)
        return "|".join(stamps)

    def documents(self, stage: BM25 | Dense | Sparse | Late) -> TextSet:
        """The texts that a stage indexes: documents, or their passages."""
        if stage.chunk is None:
            return document_texts(self.dataset)
        return passage_texts(stage.chunk, self.encoder_of(stage), self.dataset, self.store)

    def encoder_of(self, stage: BM25 | Dense | Sparse | Late) -> EncoderSpec | None:
        """The encoder whose tokens measure passages; None for words."""
        return None if isinstance(stage, BM25) else self.spec.encoder(stage)

    def grouping(self, stage: BM25 | Dense | Sparse | Late) -> Grouping | None:
        """Which passages are of which document; None without chunks."""
        if stage.chunk is None:
            return None
        rows = documents_of_passages(stage.chunk, self.encoder_of(stage), self.dataset, self.store)
        return Grouping(rows, self.dataset.manifest.n_documents, stage.chunk)

    def cut(self, stage: Stage) -> tuple[Chunk, EncoderSpec | None, str] | None:
        """How a stage's documents are cut, in whose tokens, and the artifact of the passages; None if they are not."""
        if not isinstance(stage, BM25 | Dense | Sparse | Late) or stage.chunk is None:
            return None
        encoder = self.encoder_of(stage)
        return stage.chunk, encoder, passages_name(stage.chunk, encoder, self.dataset)

    def encodings(self, stage: Stage) -> Iterator[Encoding]:
        """What must be encoded for a stage; queries first, because they are few."""
        if isinstance(stage, MMR):
            stage = stage.dense
        if isinstance(stage, Dense | Sparse | Late):
            encoder = self.spec.encoder(stage)
            for texts in (query_texts(self.dataset), self.documents(stage)):
                yield Encoding(encoder, texts, vectors_name(stage, encoder, texts))


def form_of(dense: Dense) -> Form:
    """The form that a dense search needs vectors in."""
    return Form(dense.dimensions, unit=dense.metric in (None, "cosine"))


def vectors_name(stage: Dense | Sparse | Late, encoder: EncoderSpec, texts: TextSet) -> str:
    """The artifact that gathers a stage's vectors of some texts."""
    match stage:
        case Sparse():
            return sparse_name(encoder, texts)
        case Late():
            return late_name(encoder, texts)
    return matrix_name(encoder, texts, form_of(stage))


def quantized_name(dense: Dense, spec: EncoderSpec, texts: TextSet) -> str:
    """The artifact of quantized vectors."""
    return matrix_name(spec, texts, form_of(dense)).removesuffix(".npy") + f"-{dense.quantize}.npz"


def index_names(stage: Stage, sources: Sources) -> tuple[str, ...]:
    """The artifacts that a stage reads."""
    spec, dataset = sources.spec, sources.dataset
    match stage:
        case Run():
            return (run_name(stage),)
        case CrossEncoder() | LanguageModel():
            return (texts_name(dataset),)
        case MMR():
            return index_names(stage.dense, sources)
        case BM25():
            names = [bm25_name(stage, sources.documents(stage).part)]
        case Dense() | Sparse() | Late():
            names = [encoding.artifact for encoding in sources.encodings(stage)]
            if isinstance(stage, Dense) and stage.quantize:
                names.append(quantized_name(stage, spec.encoder(stage), sources.documents(stage)))
    cut = sources.cut(stage)
    return (*names, cut[2]) if cut else tuple(names)


def build_index(stage: Stage, sources: Sources) -> None:
    """Write the artifacts that a stage reads, if they are not there; passages and vectors must be.

    Raises:
        ArtifactMissingError: passages or vectors are missing, or a run.
    """
    spec, dataset, store = sources.spec, sources.dataset, sources.store
    match stage:
        case Run():
            store.local_path(run_name(stage))
        case CrossEncoder() | LanguageModel():
            build_texts(dataset, store)
        case MMR():
            build_index(stage.dense, sources)
        case BM25():
            build_bm25(stage, sources.documents(stage), store)
        case Sparse() | Late():
            build = build_sparse if isinstance(stage, Sparse) else build_late
            for texts in (sources.documents(stage), query_texts(dataset)):
                build(spec.encoder(stage), texts, store)
        case Dense():
            documents = sources.documents(stage)
            for texts in (documents, query_texts(dataset)):
                build_matrix(spec.encoder(stage), texts, store, form_of(stage))
            if stage.quantize:
                _build_quantized(stage, spec.encoder(stage), documents, store)


def rebuild_indexes(stages: Iterable[Stage], sources: Sources) -> None:
    """Build the missing or damaged artifacts that stages read; documents are cut again, too.

    Raises:
        ArtifactMissingError: vectors are missing: they must be encoded first.
        DatasetDamagedError: a part of the dataset is damaged.
    """
    for stage in stages:
        if cut := sources.cut(stage):
            chunk, encoder, _ = cut
            build_passages(chunk, encoder, sources.dataset, sources.store)
        build_index(stage, sources)


Index = BM25Index | DenseIndex | RescoredIndex | SparseIndex | LateIndex
"""Ranked lists of queries: texts for BM25, else what the encoder makes of them."""


def open_index(stage: BM25 | Dense | Sparse | Late, sources: Sources) -> Index:
    """Open what a retriever reads of its documents.

    Raises:
        ArtifactMissingError: it is missing.
    """
    spec, dataset, store = sources.spec, sources.dataset, sources.store
    documents, grouping = sources.documents(stage), sources.grouping(stage)
    match stage:
        case BM25():
            path = store.local_path(bm25_name(stage, documents.part))
            return BM25Index(path, stage, dataset.doc_ids, grouping)
        case Sparse():
            terms = open_sparse(spec.encoder(stage), documents, store)
            return SparseIndex(terms, dataset.doc_ids, grouping)
        case Late():
            path = store.local_path(late_name(spec.encoder(stage), documents))
            return LateIndex(read_late(path), dataset.doc_ids, grouping)
    encoder, form = spec.encoder(stage), form_of(stage)
    if not stage.quantize:
        return _flat(stage, encoder, documents, sources, grouping)
    coarse = DenseIndex(
        _open_quantized(stage, store.local_path(quantized_name(stage, encoder, documents))),
        dataset.doc_ids,
        grouping,
    )
    if not stage.rescore:
        return coarse
    full = DenseIndex(FlatVectors(open_matrix(encoder, documents, store, form)), dataset.doc_ids, grouping)
    return RescoredIndex(coarse, full, dataset.doc_ids, stage.rescore)


def open_dense(stage: Dense, sources: Sources) -> DenseIndex:
    """The full vectors of whole documents, to score some of them with.

    Raises:
        ArtifactMissingError: they are missing.
    """
    return _flat(stage, sources.spec.encoder(stage), document_texts(sources.dataset), sources, None)


def _flat(
    stage: Dense, encoder: EncoderSpec, documents: TextSet, sources: Sources, grouping: Grouping | None
) -> DenseIndex:
    matrix = open_matrix(encoder, documents, sources.store, form_of(stage))
    return DenseIndex(FlatVectors(matrix, stage.metric or "cosine"), sources.dataset.doc_ids, grouping)


def _build_quantized(stage: Dense, encoder: EncoderSpec, documents: TextSet, store: ArtifactStore) -> None:
    def write(path: Path) -> None:
        matrix = open_matrix(encoder, documents, store, form_of(stage))
        with path.open("wb") as file:
            if stage.quantize == "int8":
                codes, low, step = Int8Vectors.quantize(matrix)
                np.savez(file, codes=codes, low=low, step=step)
            else:
                np.savez(file, bits=BinaryVectors.quantize(matrix), dimensions=matrix.shape[1])

    store.put(quantized_name(stage, encoder, documents), write)


def _open_quantized(stage: Dense, path: Path) -> Vectors:
    with np.load(path, allow_pickle=False) as arrays:
        if stage.quantize == "int8":
            return Int8Vectors(arrays["codes"], arrays["low"], arrays["step"])
        return BinaryVectors(arrays["bits"], int(arrays["dimensions"]))
