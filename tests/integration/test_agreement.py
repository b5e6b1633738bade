"""Agreement on Cranfield with independent implementations, in one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.ranking import Doubles, Floats, Ranking
from evaluator.domain.variant import BM25, Dense, Fuse, Late
from evaluator.retrieval.encoders.encoded import Tokens
from evaluator.retrieval.encoders.loading import load_model
from evaluator.retrieval.encoders.resolve import resolve_encoder
from evaluator.retrieval.fusion import fuse_lists
from evaluator.retrieval.rerank.rerankers import MMRReranker
from evaluator.retrieval.search.bm25 import BM25Index, bm25_name, build_bm25
from evaluator.retrieval.search.dense import DenseIndex, FlatVectors
from evaluator.retrieval.search.late import LateIndex, read_late, write_late
from evaluator.retrieval.texts.encoder_texts import document_texts
from evaluator.retrieval.vectors.encoding import Form
from tests.models import TinyModels

DEPTH = 100
FUSED_QUERIES = 60
"""ranx runs as plain Python here: to compile it takes half a minute, and each query 10 ms without."""

LATE_DOCUMENTS = 500
"""As many as are compared for MaxSim, whose direct computation holds all similarities at once."""


class Cranfield:
    """The collection, and what two retrievers find in it."""

    def __init__(self, folder: Path, static: Path, store: ArtifactStore) -> None:
        dataset = StoredDataset.open(store, import_dataset(folder, store).fingerprint)
        self.store, self.dataset = store, dataset
        self.doc_ids = list(dataset.doc_ids)
        self.documents = [document.content for document in dataset.documents()]
        self.queries = [query.text for query in dataset.queries]
        encoder = load_model(resolve_encoder(Dense(str(static)), allow_folders=True), store)
        self.document_vectors: Floats = Form().apply(encoder.encode(self.documents, "document"))
        self.query_vectors: Floats = Form().apply(encoder.encode(self.queries, "query"))
        build_bm25(BM25(), document_texts(dataset), store)
        path = store.local_path(bm25_name(BM25(), dataset.manifest.corpus))
        self.bm25 = BM25Index(path, BM25(), self.doc_ids).search(self.queries, DEPTH)
        index = DenseIndex(FlatVectors(self.document_vectors), self.doc_ids)
        self.dense = index.search(self.query_vectors, DEPTH)


@pytest.fixture(scope="module")
def collection(cranfield: Path, static_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Cranfield:
    return Cranfield(cranfield, static_model, ArtifactStore(str(tmp_path_factory.mktemp("agreement"))))


def assert_same(ours: Ranking, theirs: Mapping[str, float], tolerance: float) -> None:
    """Our list is the top of their scores: the same scores, and the same documents but for rounding at the cut."""
    best = sorted(theirs.values(), reverse=True)[: len(ours)]
    assert ours.scores == pytest.approx(best, abs=tolerance)
    assert [theirs[doc_id] for doc_id in ours.doc_ids] == pytest.approx(ours.scores, abs=tolerance)
    above_the_cut = {doc_id for doc_id, score in theirs.items() if score > best[-1] + tolerance}
    assert above_the_cut <= set(ours.doc_ids)


def test_bm25_with_bm25s_used_directly(collection: Cranfield) -> None:
    import bm25s
    import Stemmer

    def tokens(texts: Sequence[str]) -> Any:
        stemmer = Stemmer.Stemmer("english")
        return bm25s.tokenize(list(texts), stopwords="en", stemmer=stemmer, show_progress=False)

    direct = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
    direct.index(tokens(collection.documents), show_progress=False)
    found, scores = direct.retrieve(
        tokens(collection.queries), k=len(collection.documents), show_progress=False
    )
    for ours, rows, values in zip(collection.bm25, found, scores, strict=True):
        theirs = {collection.doc_ids[row]: float(score) for row, score in zip(rows, values, strict=True)}
        assert len(ours) == DEPTH
        assert_same(ours, theirs, 1e-5)


def test_dense_with_the_search_of_sentence_transformers(collection: Cranfield) -> None:
    from sentence_transformers.util import semantic_search

    hits = semantic_search(
        collection.query_vectors, collection.document_vectors, top_k=len(collection.documents)
    )
    for ours, hits_of_query in zip(collection.dense, hits, strict=True):
        theirs = {collection.doc_ids[hit["corpus_id"]]: float(hit["score"]) for hit in hits_of_query}
        assert_same(ours, theirs, 1e-6)


@pytest.fixture(scope="module")
def ranx() -> Iterator[Any]:
    """The library, not compiled."""
    import importlib

    from numba import config

    before, config.DISABLE_JIT = config.DISABLE_JIT, True
    yield importlib.import_module("ranx")
    config.DISABLE_JIT = before


@pytest.mark.parametrize(
    ("fusion", "method", "norm", "parameters"),
    [
        (Fuse(("a", "b")), "rrf", None, {"k": 60}),
        (Fuse(("a", "b"), k=10), "rrf", None, {"k": 10}),
        (Fuse(("a", "b"), "weighted"), "sum", "min-max", {}),
        (Fuse(("a", "b"), "weighted", weights=(0.7, 0.3)), "wsum", "min-max", {"weights": (0.7, 0.3)}),
        (Fuse(("a", "b"), "weighted", normalize="z-score"), "sum", "zmuv", {}),
    ],
)
def test_fusion_with_ranx(
    collection: Cranfield, ranx: Any, fusion: Fuse, method: str, norm: str | None, parameters: dict[str, Any]
) -> None:
    def run(rankings: Sequence[Ranking]) -> Any:
        # ranx orders ties in a way of its own: where only ranks count, it gets scores without ties.
        scores = [range(len(r), 0, -1) if method == "rrf" else r.scores for r in rankings]
        pairs = zip(rankings, scores, strict=True)
        return ranx.Run(
            {f"q{n}": dict(zip(r.doc_ids, map(float, s), strict=True)) for n, (r, s) in enumerate(pairs)}
        )

    parts = collection.bm25[:FUSED_QUERIES], collection.dense[:FUSED_QUERIES]
    theirs = ranx.fuse(runs=[run(part) for part in parts], norm=norm, method=method, params=parameters)
    for number, lists in enumerate(zip(*parts, strict=True)):
        assert_same(fuse_lists(lists, fusion, 2 * DEPTH), theirs[f"q{number}"], 1e-5)


def mmr(query: Floats, vectors: Floats, balance: float) -> Iterator[int]:
    """Carbonell and Goldstein's formula as it is written, with all similarities in one matrix."""
    relevance, similarity = vectors @ query, vectors @ vectors.T
    left, chosen = set(range(len(vectors))), list[int]()
    while left:
        value = {
            n: balance * relevance[n] - (1 - balance) * max((similarity[n, m] for m in chosen), default=0.0)
            for n in left
        }
        chosen.append(max(left, key=lambda n: value[n]))
        left.remove(chosen[-1])
        yield chosen[-1]


@pytest.mark.parametrize("balance", [0.3, 0.7])
def test_mmr_with_the_formula(collection: Cranfield, balance: float) -> None:
    rows = {doc_id: row for row, doc_id in enumerate(collection.doc_ids)}
    reranker = MMRReranker(collection.document_vectors, collection.query_vectors, rows, balance)
    for number in range(0, len(collection.queries), 5):
        candidates = collection.bm25[number].top(30)
        vectors = collection.document_vectors[[rows[doc_id] for doc_id in candidates.doc_ids]]
        order = mmr(collection.query_vectors[number].astype(np.float64), vectors.astype(np.float64), balance)
        expected = [candidates.doc_ids[place] for place in order]
        assert list(reranker.rerank(number, candidates).doc_ids) == expected


def padded(texts: Tokens) -> tuple[Doubles, Any]:
    """Token vectors as one array [n_texts, longest, dim], and which of them are there [n_texts, longest]."""
    longest = max(map(len, texts))
    array = np.zeros((len(texts), longest, texts[0].shape[1]))
    for row, vectors in enumerate(texts):
        array[row, : len(vectors)] = vectors
    return array, np.arange(longest) < np.array([[len(vectors)] for vectors in texts])


def test_maxsim_with_a_direct_computation(
    collection: Cranfield, tiny_models: TinyModels, tmp_path: Path
) -> None:
    encoder = load_model(resolve_encoder(Late(str(tiny_models.late)), allow_folders=True), collection.store)
    documents = encoder.encode(collection.documents[:LATE_DOCUMENTS], "document")
    queries = encoder.encode(collection.queries[:20], "query")
    doc_ids = collection.doc_ids[:LATE_DOCUMENTS]
    order = np.random.default_rng(7).permutation(len(documents))
    parts = np.array_split(order, 20)
    write_late(((part, [documents[row] for row in part]) for part in parts), tmp_path / "late.arrow")
    index = LateIndex(read_late(tmp_path / "late.arrow"), doc_ids)
    array, there = padded(documents)
    for query, ours in zip(queries, index.search(queries, DEPTH), strict=True):
        similarity = np.einsum("qd,ntd->nqt", query.astype(np.float64), array, optimize=True)
        scores = np.where(there[:, np.newaxis], similarity, -np.inf).max(axis=2).sum(axis=1)
        assert_same(ours, dict(zip(doc_ids, scores.tolist(), strict=True)), 1e-5)
