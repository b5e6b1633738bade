"""Exact search: the same lists as arithmetic without rounding gives, whatever batch a query comes in."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.domain.ranking import Floats, Ranking, rank
from evaluator.domain.variant import Chunk
from evaluator.errors import EncodingError
from evaluator.retrieval.search.dense import MARGIN, DenseIndex, FlatVectors, Metric, nearest
from evaluator.retrieval.search.grouping import Grouping

SEEDS = st.integers(0, 2**32 - 1)
DIMENSIONS = st.sampled_from([1, 2, 3, 17])


def unit(vectors: np.ndarray) -> Floats:
    rows = np.asarray(vectors, dtype=np.float32)
    scaled: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def crowded(seed: int, n: int, dim: int) -> Floats:
    """Few directions, many vectors: exact duplicates, neighbours one float away, opposites, and zeros."""
    random = np.random.default_rng(seed)
    directions = unit(random.standard_normal((max(1, n // 8), dim)))
    vectors = directions[random.integers(len(directions), size=n)]
    shifted = random.random(n) < 0.3
    vectors[shifted, 0] = np.nextafter(vectors[shifted, 0], np.float32(2))
    vectors[random.random(n) < 0.1] *= -1
    vectors[random.random(n) < 0.1] = 0
    return vectors


def ids(n: int) -> list[str]:
    return [f"d{row}" for row in range(n)]


def by_hand(documents: Floats, query: Floats, depth: int) -> Ranking:
    """Each inner product without any rounding error but the last one's, ordered by the ranking policy."""
    scores = [
        math.fsum(float(a) * float(b) for a, b in zip(row, query, strict=True)) for row in documents.tolist()
    ]
    return rank(ids(len(documents)), scores, depth)


@settings(deadline=None, max_examples=60)
@given(SEEDS, st.integers(1, 220), DIMENSIONS, st.integers(1, 60))
def test_lists_are_those_of_exact_arithmetic(seed: int, n_docs: int, dim: int, depth: int) -> None:
    documents, queries = crowded(seed, n_docs, dim), crowded(seed + 1, 3, dim)
    found = DenseIndex(FlatVectors(documents), ids(n_docs)).search(queries, depth)
    assert found == [by_hand(documents, query, depth) for query in queries]


@settings(deadline=None, max_examples=60)
@given(SEEDS, DIMENSIONS, st.lists(st.integers(0, 19), min_size=1, max_size=40), st.integers(1, 40))
def test_a_list_is_the_same_in_every_batch_and_order(
    seed: int, dim: int, batch: Sequence[int], depth: int
) -> None:
    index, queries = DenseIndex(FlatVectors(crowded(seed, 150, dim)), ids(150)), crowded(seed + 1, 20, dim)
    alone = [index.search(queries[[row]], depth)[0] for row in range(20)]
    assert index.search(queries[list(batch)], depth) == [alone[row] for row in batch]


def test_a_candidates_score_does_not_depend_on_the_other_candidates() -> None:
    """A matrix product in float64 gives one row other last bits in another place."""
    random = np.random.default_rng(7)
    documents, queries = unit(random.standard_normal((400, 384))), unit(random.standard_normal((1, 384)))
    index = DenseIndex(FlatVectors(documents), ids(400))
    first = index.search(queries, 1)[0]
    for depth in range(2, 60):
        assert index.search(queries, depth)[0].top(1) == first


def test_ties_are_broken_by_document_id_descending() -> None:
    documents = unit(np.array([[1, 0], [0, 1], [1, 0], [1, 0]]))
    index = DenseIndex(FlatVectors(documents), ["a", "x", "c", "b"])
    assert index.search(documents[:1], 4)[0] == Ranking(("c", "b", "a", "x"), (1.0, 1.0, 1.0, 0.0))


def test_a_list_is_as_long_as_the_corpus_at_most() -> None:
    documents = unit(np.array([[1, 0], [3, 4]]))
    index = DenseIndex(FlatVectors(documents), ids(2))
    assert index.search(documents[1:], 100)[0] == Ranking(("d1", "d0"), (1.0, float(np.float32(0.6))))


def test_a_corpus_of_one_document() -> None:
    one = unit(np.array([[0, 1]]))
    assert DenseIndex(FlatVectors(one), ["only"]).search(one[[0, 0]], 10) == [Ranking(("only",), (1.0,))] * 2


def test_no_queries() -> None:
    one = unit(np.array([[1, 1]]))
    assert DenseIndex(FlatVectors(one), ["only"]).search(one[:0], 10) == []


def test_searching_ends_when_all_documents_are_equal() -> None:
    """No margin separates them, so that each round fetches more, up to the whole corpus."""
    n = 20 * MARGIN
    documents = np.repeat(unit(np.array([[3, 4]])), n, axis=0)
    found = DenseIndex(FlatVectors(documents), ids(n)).search(documents[:1], 5)[0]
    assert found.doc_ids == tuple(sorted(ids(n), reverse=True)[:5])


def test_a_zero_vector_is_as_far_from_everything() -> None:
    documents = np.concatenate([unit(np.eye(3)), np.zeros((1, 3), dtype=np.float32)])
    index = DenseIndex(FlatVectors(documents), ids(4))
    assert index.search(documents[3:], 4)[0] == Ranking(("d3", "d2", "d1", "d0"), (0.0,) * 4)
    assert index.search(documents[:1], 4)[0] == Ranking(("d0", "d3", "d2", "d1"), (1.0, 0.0, 0.0, 0.0))


def test_a_query_that_ties_with_the_whole_corpus_copies_no_corpus() -> None:
    documents = unit(np.random.default_rng(0).standard_normal((100_000, 64)))
    index = DenseIndex(FlatVectors(documents), ids(len(documents)))
    tracemalloc.start()
    index.search(np.zeros((1, 64), dtype=np.float32), 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * documents.nbytes  # ids and places of all candidates, but not their vectors as float64


@pytest.mark.parametrize("broken", ["query", "document"])
def test_a_vector_that_is_not_finite_is_an_error(broken: str) -> None:
    documents, queries = unit(np.eye(3)), unit(np.eye(3))[:1]
    (queries if broken == "query" else documents)[0, 1] = np.nan
    with pytest.raises(EncodingError, match="not finite"):
        DenseIndex(FlatVectors(documents), ids(3)).search(queries, 3)


def test_documents_may_be_memory_mapped(tmp_path: Path) -> None:
    documents = crowded(1, 100, 17)
    np.save(tmp_path / "documents.npy", documents)
    mapped = np.load(tmp_path / "documents.npy", mmap_mode="r")
    in_memory = DenseIndex(FlatVectors(documents), ids(100)).search(documents, 10)
    assert DenseIndex(FlatVectors(mapped), ids(100)).search(mapped, 10) == in_memory


def test_nearest_gives_the_largest_products_first() -> None:
    documents = unit(np.array([[1, 0], [0, 1], [3, 4]]))
    scores, rows = nearest(documents[:1], documents, 2)
    assert rows.tolist() == [[0, 2]]
    assert scores.tolist() == [[1.0, pytest.approx(0.6)]]


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.integers(1, 120), DIMENSIONS, st.integers(1, 60), st.sampled_from(["dot", "euclidean"]))
def test_other_metrics_give_the_lists_of_exact_arithmetic(
    seed: int, n_docs: int, dim: int, depth: int, metric: Metric
) -> None:
    random = np.random.default_rng(seed)
    documents = crowded(seed, n_docs, dim) * random.integers(1, 4, (n_docs, 1)).astype(np.float32)
    queries = crowded(seed + 1, 3, dim)
    found = DenseIndex(FlatVectors(documents, metric), ids(n_docs)).search(queries, depth)
    for query, ranking in zip(queries.astype(np.float64), found, strict=True):
        differences = documents.astype(np.float64) - query
        exact = documents @ query if metric == "dot" else -np.sqrt((differences**2).sum(axis=1))
        scores = dict(zip(ids(n_docs), exact.astype(np.float32).tolist(), strict=True))
        assert ranking.scores == pytest.approx([scores[doc_id] for doc_id in ranking.doc_ids], abs=1e-6)
        assert min(ranking.scores) >= sorted(scores.values(), reverse=True)[len(ranking) - 1] - 1e-6


@settings(deadline=None, max_examples=40)
@given(
    SEEDS, st.integers(1, 60), st.integers(1, 40), st.sampled_from(["max", "mean", "sum"]), st.integers(1, 4)
)
def test_documents_score_by_their_passages(seed: int, n_docs: int, depth: int, score: Any, top: int) -> None:
    """Against every document's passages sorted by hand."""
    random = np.random.default_rng(seed)
    owners = np.repeat(np.arange(n_docs), random.integers(1, 6, n_docs))
    passages, queries = crowded(seed, len(owners), 17), crowded(seed + 1, 2, 17)
    grouping = Grouping(owners, n_docs, Chunk(score=score, top=top))
    found = DenseIndex(FlatVectors(passages), ids(n_docs), grouping).search(queries, depth)
    combine = {"max": lambda best: best[0], "mean": lambda best: sum(best[:top]) / len(best[:top])}
    for query, ranking in zip(queries, found, strict=True):
        products = (passages * query.astype(np.float64)).sum(axis=1)
        by_document = [sorted(products[owners == doc], reverse=True) for doc in range(n_docs)]
        scores = [combine.get(score, lambda best: sum(best[:top]))(best) for best in by_document]
        assert ranking == rank(ids(n_docs), scores, depth)
