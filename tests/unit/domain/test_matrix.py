"""A matrix stands for variants: which, and what they are called."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.domain.matrix import Matrix, distinctly_named, expand, label
from evaluator.domain.variant import (
    BM25,
    MAX_NAME,
    MMR,
    SAFE_NAME,
    Chunk,
    CrossEncoder,
    Dense,
    Rerank,
    Retrieve,
    Variant,
)


def names(matrix: Matrix) -> list[str]:
    return [variant.name for variant in expand(matrix)]


def test_models_times_strategies() -> None:
    matrix = Matrix(("org/e5-small", "minilm"), retrieve=("bm25", "dense", "hybrid"))
    assert names(matrix) == ["bm25", "e5-small", "minilm", "e5-small + bm25", "minilm + bm25"]


def test_a_variant_without_an_encoder_appears_once() -> None:
    assert names(Matrix(("a", "b", "c"), retrieve=("bm25",))) == ["bm25"]


def test_names_contain_only_differences() -> None:
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


def test_a_variant_equals_the_one_written_by_hand() -> None:
    chunk = Chunk("tokens", 128)
    bm25, hybrid = expand(Matrix(("m",), retrieve=("bm25", "hybrid"), chunks=(chunk,)))
    assert bm25.retrieve.stage == BM25.written(chunk=chunk)
    assert list(hybrid.retrieve.leaves()) == [BM25.written(chunk=chunk), Dense("m", chunk=chunk)]


LONG = "a-model-whose-name-is-" + "very-" * 9 + "long"
"""71 characters: with what the matrix adds, more than a variant's name may have."""


def test_names_that_are_cut_stay_apart() -> None:
    """The first 80 characters of these are the same."""
    chunks = tuple(Chunk("sentences", size) for size in (64, 128, 256))
    variants = expand(Matrix((LONG,), chunks=chunks, retrieve=("dense", "hybrid")))
    variant_names = [variant.name for variant in variants]
    assert len(set(variant_names)) == len(variant_names) == 6
    for variant in variants:
        assert len(variant.name) <= MAX_NAME
        assert variant.name.endswith(f" {variant.fingerprint[:8]}")
        assert SAFE_NAME.fullmatch(variant.name)
    (alone,) = expand(Matrix((LONG,), chunks=chunks[1:2]))
    assert alone.name == variant_names[1]  # whatever else there is


def test_a_number_is_skipped_if_the_numbered_name_exists() -> None:
    variants = [
        Variant(name, Retrieve(bm25=BM25(k1=n))) for n, name in enumerate(["a", "a", "a 2", "a", "b"])
    ]
    assert [variant.name for variant in distinctly_named(variants)] == ["a", "a 3", "a 2", "a 4", "b"]
    assert [variant.name for variant in distinctly_named(variants[:1], {"a", "a 2"})] == ["a 3"]


def test_names_are_stable() -> None:
    """Ids of experiments depend on them: what fits and is unique stays, and numbers begin with the second."""
    longest = "m" * MAX_NAME
    variants = [Variant(name, Retrieve(bm25=BM25(k1=n))) for n, name in enumerate([longest, "a", "a", "a"])]
    assert [variant.name for variant in distinctly_named(variants)] == [longest, "a", "a 2", "a 3"]


@given(
    st.lists(st.text("ab 2", min_size=1, max_size=90).map(lambda text: f"a{text}a"), max_size=8),
    st.sets(st.sampled_from(["a", "a 2", "aa", "aa 2"])),
)
def test_no_two_names_are_alike(given_names: list[str], taken: set[str]) -> None:
    variants = [Variant(name, Retrieve(bm25=BM25(k1=n))) for n, name in enumerate(given_names)]
    named = distinctly_named(variants, taken)
    variant_names = [variant.name for variant in named]
    assert [variant.fingerprint for variant in named] == [variant.fingerprint for variant in variants]
    assert len({*variant_names, *taken}) == len(variant_names) + len(taken)
    assert all(len(name) <= MAX_NAME and SAFE_NAME.fullmatch(name) for name in variant_names)
    for name in given_names:
        if len(name) <= MAX_NAME and name not in taken:
            assert name in variant_names
    assert distinctly_named(named) == named


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
