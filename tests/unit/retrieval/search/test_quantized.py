"""Quantized vectors: what faiss finds is what the codes mean, exactly, and rescoring mends it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.domain.ranking import Floats, rank
from evaluator.retrieval.search.dense import DenseIndex, FlatVectors, RescoredIndex
from evaluator.retrieval.search.quantized import BinaryVectors, Int8Vectors

SEEDS = st.integers(0, 2**32 - 1)


def unit(seed: int, n: int, dim: int) -> Floats:
    vectors = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    scaled: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def ids(n: int) -> list[str]:
    return [f"d{row}" for row in range(n)]


def test_a_byte_a_dimension_is_off_by_half_a_step_at_most() -> None:
    matrix = unit(1, 50, 16)
    codes, low, step = Int8Vectors.quantize(matrix)
    assert codes.dtype == np.uint8
    assert np.abs(low + codes * step - matrix).max() <= step.max() / 2 * 1.001


def test_a_dimension_that_never_changes_keeps_its_value() -> None:
    matrix = np.array([[0.5, 1.0], [0.5, -1.0]], dtype=np.float32)
    codes, low, step = Int8Vectors.quantize(matrix)
    assert (low + codes * step).tolist() == matrix.tolist()


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(1, 200), st.sampled_from([3, 8, 17]), st.integers(1, 50))
def test_int8_lists_are_those_of_the_decoded_vectors(seed: int, n: int, dim: int, depth: int) -> None:
    matrix, queries = unit(seed, n, dim), unit(seed + 1, 3, dim)
    codes, low, step = Int8Vectors.quantize(matrix)
    found = DenseIndex(Int8Vectors(codes, low, step), ids(n)).search(queries, depth)
    decoded = low.astype(np.float64) + codes * step.astype(np.float64)
    for query, ranking in zip(queries.astype(np.float64), found, strict=True):
        wanted = rank(ids(n), (decoded @ query).tolist(), depth)
        assert ranking.scores == pytest.approx(wanted.scores, abs=2e-7)


def test_faiss_decodes_the_codes_as_we_do() -> None:
    matrix, query = unit(3, 40, 17), unit(4, 1, 17)
    vectors = Int8Vectors(*Int8Vectors.quantize(matrix))
    scores, rows = vectors.nearest(query, 40)
    assert scores[0] == pytest.approx(vectors.exact(query[0], rows[0]), abs=vectors.error(query[0]))


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(1, 200), st.sampled_from([3, 8, 17]), st.integers(1, 50))
def test_binary_lists_count_the_signs_that_agree(seed: int, n: int, dim: int, depth: int) -> None:
    matrix, queries = unit(seed, n, dim), unit(seed + 1, 3, dim)
    found = DenseIndex(BinaryVectors(BinaryVectors.quantize(matrix), dim), ids(n)).search(queries, depth)
    for query, ranking in zip(queries, found, strict=True):
        agreeing = ((matrix > 0) == (query > 0)).sum(axis=1)
        assert ranking == rank(ids(n), agreeing.tolist(), depth)


def test_rescoring_everything_gives_the_full_vectors_lists() -> None:
    matrix, queries = unit(5, 100, 32), unit(6, 4, 32)
    full = DenseIndex(FlatVectors(matrix), ids(100))
    coarse = DenseIndex(BinaryVectors(BinaryVectors.quantize(matrix), 32), ids(100))
    assert RescoredIndex(coarse, full, ids(100), 10).search(queries, 10) == full.search(queries, 10)
