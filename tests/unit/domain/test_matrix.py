"""A matrix stands for variants: which, and what they are called."""

from __future__ import annotations

from typing import Literal

import pytest

from evaluator.domain.matrix import Matrix, expand, label
from evaluator.domain.variant import BM25, MMR, SAFE_NAME, Chunk, CrossEncoder, Dense, Rerank


def names(matrix: Matrix) -> list[str]:
    return [variant.name for variant in expand(matrix)]


def test_models_times_strategies() -> None:
    matrix = Matrix(("org/e5-small", "minilm"), retrieve=("bm25", "dense", "hybrid"))
    assert names(matrix) == ["bm25", "e5-small", "minilm", "e5-small + bm25", "minilm + bm25"]


def test_what_needs_no_encoder_is_there_once() -> None:
    assert names(Matrix(("a", "b", "c"), retrieve=("bm25",))) == ["bm25"]


def test_only_what_differs_is_in_a_name() -> None:
    matrix = Matrix(
        ("m",), precisions=("float32", "bfloat16"), dimensions=("none", 128), quantize=("none", "int8")
    )
    assert names(matrix) == [
        "m", "m int8", "m 128d", "m 128d int8", "m bf16", "m bf16 int8", "m bf16 128d", "m bf16 128d int8",
    ]  # fmt: skip


def test_chunks_and_rerankers() -> None:
    cross = Rerank(cross_encoder=CrossEncoder("cross-encoder/ms-marco-MiniLM-L6-v2"))
    chunks: tuple[Chunk | Literal["none"], ...] = (
        "none",
        Chunk("tokens", 128, 16),
        Chunk("sentences", 64, score="mean", top=2),
    )
    matrix = Matrix(("m",), chunks=chunks, rerank=("none", cross, Rerank(mmr=MMR("m", relevance=0.7))))
    assert names(matrix) == [
        "m", "m + ms-marco-MiniLM-L6-v2", "m + mmr-0.7",
        "m tokens-128-16", "m tokens-128-16 + ms-marco-MiniLM-L6-v2", "m tokens-128-16 + mmr-0.7",
        "m sentences-64-mean2", "m sentences-64-mean2 + ms-marco-MiniLM-L6-v2", "m sentences-64-mean2 + mmr-0.7",
    ]  # fmt: skip


def test_a_variant_is_what_one_would_have_written() -> None:
    chunk = Chunk("tokens", 128)
    bm25, hybrid = expand(Matrix(("m",), retrieve=("bm25", "hybrid"), chunks=(chunk,)))
    assert bm25.retrieve.stage == BM25(chunk=chunk)
    assert list(hybrid.retrieve.leaves()) == [BM25(chunk=chunk), Dense("m", chunk=chunk)]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("org/e5@main", "e5-main"),
        ("distilled:all-MiniLM", "distilled-all-MiniLM"),
        ("/models/.x/", "x"),
        ("ü", "model"),
    ],
)
def test_a_models_label_can_name_a_file(model: str, expected: str) -> None:
    assert label(model) == expected
    assert SAFE_NAME.fullmatch(label(model))


def test_a_matrix_that_grows_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="stands for 600 variants, more than 500"):
        Matrix(
            tuple(f"m{n}" for n in range(100)),
            retrieve=("bm25", "dense", "hybrid"),
            quantize=("none", "int8"),
        )
