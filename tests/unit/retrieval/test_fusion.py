"""Reciprocal rank fusion, against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.domain.ranking import EMPTY, Ranking
from evaluator.domain.variant import Fuse
from evaluator.retrieval.fusion import reciprocal_rank
from evaluator.retrieval.pipeline import FusedRetriever

LISTS = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8), min_size=1, max_size=4)


def ranking(doc_ids: Sequence[str]) -> Ranking:
    return Ranking(tuple(doc_ids), tuple(float(-place) for place in range(len(doc_ids))))


def float32(value: float) -> float:
    return float(np.float32(value))


def test_two_lists_by_hand() -> None:
    fused = reciprocal_rank([ranking("abc"), ranking("cd")], k=60, depth=10)
    # c: 1/63 + 1/61 = 0.032266; a: 1/61 = 0.016393; b and d: 1/62 = 0.016129, so d before b.
    assert fused.doc_ids == ("c", "a", "d", "b")
    assert fused.scores == tuple(map(float32, (1 / 63 + 1 / 61, 1 / 61, 1 / 62, 1 / 62)))


def test_a_smaller_k_favours_the_first_ranks() -> None:
    lists = [ranking("axy"), ranking("xyb"), ranking("yxb")]
    # k = 60: x 1/62 + 1/61 + 1/62 = 0.0487, y 1/63 + 1/62 + 1/61 = 0.0484, b 2/63 = 0.0317, a 1/61 = 0.0164
    assert reciprocal_rank(lists, k=60, depth=4).doc_ids == ("x", "y", "b", "a")
    # k = 0.001: x 0.5 + 0.999 + 0.5 = 1.999, y 0.333 + 0.5 + 0.999 = 1.832, b 0.667, a 0.999
    assert reciprocal_rank(lists, k=0.001, depth=4).doc_ids == ("x", "y", "a", "b")


def test_the_fused_list_is_cut() -> None:
    assert reciprocal_rank([ranking("abc")], k=60, depth=2).doc_ids == ("a", "b")


def test_lists_may_be_empty() -> None:
    assert reciprocal_rank([EMPTY, EMPTY], k=60, depth=10) == EMPTY
    assert reciprocal_rank([EMPTY, ranking("ab")], k=60, depth=10).doc_ids == ("a", "b")


@given(LISTS, st.floats(0.5, 100))
def test_scores_are_the_formulas(lists: list[list[str]], k: float) -> None:
    fused = reciprocal_rank([ranking(doc_ids) for doc_ids in lists], k, 100)
    expected = {
        doc_id: sum(1 / (k + doc_ids.index(doc_id) + 1) for doc_ids in lists if doc_id in doc_ids)
        for doc_id in {doc_id for doc_ids in lists for doc_id in doc_ids}
    }
    assert dict(zip(fused.doc_ids, fused.scores, strict=True)) == pytest.approx(expected, rel=1e-6)
    assert list(fused.scores) == sorted(fused.scores, reverse=True)


@given(LISTS, st.randoms())
def test_the_order_of_the_lists_is_irrelevant(lists: list[list[str]], random: Random) -> None:
    shuffled = list(lists)
    random.shuffle(shuffled)
    one = reciprocal_rank([ranking(doc_ids) for doc_ids in lists], 60, 100)
    other = reciprocal_rank([ranking(doc_ids) for doc_ids in shuffled], 60, 100)
    by_id = dict(zip(other.doc_ids, other.scores, strict=True))
    assert set(by_id) == set(one.doc_ids)
    # Sums in another order may differ by one float, and documents that close may change places.
    assert [by_id[doc_id] for doc_id in one.doc_ids] == pytest.approx(one.scores, rel=2.0**-23)


class Fixed:
    """A retriever whose list is always the same; notes the depth it was asked for."""

    def __init__(self, doc_ids: str) -> None:
        self.list = ranking(doc_ids)
        self.depth = 0

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        self.depth = depth
        return [self.list.top(depth) for _ in queries]


def test_each_part_gives_as_many_documents_as_the_fusion_says() -> None:
    parts = [Fixed("abc"), Fixed("cab")]
    fused = FusedRetriever(parts, Fuse(of=("one", "other"), depth=2)).search([0, 1], 3)
    # a 1/61 + 1/62, c 1/61, b 1/62: the third of each list is not looked at
    assert [found.doc_ids for found in fused] == [("a", "c", "b")] * 2
    assert [part.depth for part in parts] == [2, 2]
