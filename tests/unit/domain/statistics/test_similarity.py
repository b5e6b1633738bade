"""Overlap, rank-biased overlap and rank correlation of pairs of lists: by hand, and as others compute them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from evaluator.domain.statistics.similarity import (
    CommonDocuments,
    jaccard,
    rank_biased_overlap,
    rank_correlation,
)

Pairs = Sequence[tuple[Sequence[str], Sequence[str]]]
IDENTICAL, DISJOINT, REVERSED = ("abc", "abc"), ("abc", "xyz"), ("abc", "cba")
lists = st.permutations("abcdefgh").flatmap(lambda ids: st.integers(0, 8).map(lambda n: ids[:n]))


def common(*pairs: tuple[Sequence[str], Sequence[str]]) -> CommonDocuments:
    """Where the common documents of these lists stand."""
    values = [
        (pair, a.index(doc) + 1, b.index(doc) + 1)
        for pair, (a, b) in enumerate(pairs)
        for doc in a
        if doc in b
    ]
    columns = np.array(values, dtype=np.int64).reshape(-1, 3).T
    return CommonDocuments(
        np.array([len(a) for a, _ in pairs]), np.array([len(b) for _, b in pairs]), *columns
    )


def naive_overlap(a: Sequence[str], b: Sequence[str], p: float) -> float:
    """RBO_ext by the sums of equation 32, one term after the other."""
    short, long = sorted((a, b), key=len)
    s, n = len(short), len(long)
    x = [len(set(short[:d]) & set(long[:d])) for d in range(n + 1)]
    first = sum(x[d] / d * p**d for d in range(1, n + 1))
    second = sum(x[s] * (d - s) / (s * d) * p**d for d in range(s + 1, n + 1))
    return (1 - p) / p * (first + second) + ((x[n] - x[s]) / n + x[s] / s) * p**n


def test_jaccard_is_what_both_have_of_what_either_has() -> None:
    pairs = common(IDENTICAL, DISJOINT, ("abcd", "abxy"), ("ab", "abcdef"), ("", ""), ("", "a"))
    # {a, b} of {a, b, c, d, x, y}: 2/6. Two of six: 2/6.
    assert jaccard(pairs, 10).tolist() == pytest.approx([1, 0, 1 / 3, 1 / 3, 1, 0])
    # Among the first two: the lists of the third and the fourth pair begin alike.
    assert jaccard(pairs, 2).tolist() == pytest.approx([1, 0, 1, 1, 1, 0])
    # The first one: a document that both have counts only where both have it.
    assert jaccard(common(REVERSED), 1).tolist() == [0]
    assert jaccard(common(REVERSED), 2).tolist() == pytest.approx([1 / 3])  # {b} of {a, b, c}


def test_rank_biased_overlap_by_hand() -> None:
    # p = 0.5, ab and ba: X = 0, 2. (0.5/0.5) * (0/1 * 0.5 + 2/2 * 0.25) + 2/2 * 0.25 = 0.25 + 0.25 = 0.5.
    # a and ab: s = 1, l = 2, X = 1, 1. 1 * (1 * 0.5 + 1/2 * 0.25 + 1 * 1/(1*2) * 0.25) + (0 + 1) * 0.25 = 1: what is
    # seen of the shorter one agrees, and is taken to go on.
    overlaps = rank_biased_overlap(common(("ab", "ba"), ("a", "ab"), IDENTICAL, DISJOINT), 0.5)
    assert overlaps.tolist() == pytest.approx([0.5, 1, 1, 0])
    assert rank_biased_overlap(common(("", ""), ("", "a"))).tolist() == [1, 0]


def test_the_first_ten_ranks_have_the_weight_that_the_paper_says() -> None:
    # Section 4.2: "at p = 0.9, the first 10 ranks have 86 % of the weight", by equation 21 85.56 %. It is the overlap
    # of two lists that share their first ten documents and nothing else.
    shared = [f"d{n}" for n in range(10)]
    a, b = ([*shared, *(f"{name}{n}" for n in range(490))] for name in "ab")
    assert rank_biased_overlap(common((a, b)), 0.9)[0] == pytest.approx(0.8556, abs=5e-5)


def test_correlation_of_ranks() -> None:
    pairs = common(IDENTICAL, REVERSED, DISJOINT, ("abcd", "abdc"), ("axby", "zbwa"), ("abc", "xay"))
    # abcd and abdc: one of six pairs is out of order, 1 - 2/6. a and b alone: the opposite order. One: nothing to say.
    correlations = rank_correlation(pairs)
    assert correlations.tolist() == pytest.approx([1, -1, np.nan, 2 / 3, -1, np.nan], nan_ok=True)


@given(st.lists(st.tuples(lists, lists), min_size=1, max_size=4))
def test_many_pairs_at_once_are_as_each_alone(pairs: Pairs) -> None:
    overlaps, correlations = rank_biased_overlap(common(*pairs)), rank_correlation(common(*pairs))
    for (a, b), overlap, tau in zip(pairs, overlaps, correlations, strict=True):
        if a and b:
            assert overlap == pytest.approx(naive_overlap(a, b, 0.9))
        assert -1e-12 <= overlap <= 1 + 1e-12
        both = [doc for doc in a if doc in b]
        if len(both) > 1:
            assert tau == pytest.approx(
                kendalltau(range(len(both)), [b.index(doc) for doc in both]).statistic
            )
        else:
            assert np.isnan(tau)
