"""Rerankers against direct computations by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from evaluator.domain.ranking import EMPTY, Floats, Ranking
from evaluator.retrieval.rerank.rerankers import (
    CrossEncoderReranker,
    DenseReranker,
    MMRReranker,
    Reranker,
    in_order,
)
from evaluator.retrieval.search.dense import DenseIndex, FlatVectors
from evaluator.retrieval.texts.documents import DocumentTexts, build_texts
from tests.unit.retrieval.conftest import MakeDataset

ROWS = {"a": 0, "b": 1, "c": 2, "d": 3}
VECTORS = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.8, 0.6]], dtype=np.float32)
"""Of length 1: d repeats b."""

QUERIES = np.array([[1, 0], [0, 1]], dtype=np.float32)


def candidates(doc_ids: str) -> Ranking:
    return in_order(list(doc_ids))


def ranked(ranking: Ranking) -> list[tuple[str, float]]:
    return [(id_, round(score, 6)) for id_, score in zip(ranking.doc_ids, ranking.scores, strict=True)]


class OverlapScorer:
    """Scores by how many words query and document share."""

    def score(self, query: str, documents: Sequence[str]) -> Floats:
        return np.array([len(set(query.split()) & set(text.split())) for text in documents], dtype=np.float32)


@pytest.fixture
def cross_encoder(make_dataset: MakeDataset) -> CrossEncoderReranker:
    """Over d0 to d3."""
    dataset = make_dataset(["flow", "wing flow", "heat", "wing"])
    build_texts(dataset, dataset.store)
    texts = DocumentTexts(dataset, dataset.store)
    return CrossEncoderReranker(OverlapScorer(), ["wing flow", "heat"], texts)


@pytest.fixture
def dense() -> DenseReranker:
    return DenseReranker(DenseIndex(FlatVectors(VECTORS), list(ROWS)), QUERIES, ROWS)


def mmr(relevance: float = 0.5) -> MMRReranker:
    return MMRReranker(VECTORS, QUERIES, ROWS, relevance)


def test_a_cross_encoder_orders_by_its_scores(cross_encoder: CrossEncoderReranker) -> None:
    given = Ranking(("d2", "d0", "d1", "d3"), (9.0, 8.0, 7.0, 6.0))
    # d1 shares two words, d0 and d3 one each (the higher id first), d2 none.
    assert ranked(cross_encoder.rerank(0, given)) == [("d1", 2), ("d3", 1), ("d0", 1), ("d2", 0)]
    assert cross_encoder.rerank(1, given).doc_ids[0] == "d2"


def test_dense_scores_are_those_of_the_vectors(dense: DenseReranker) -> None:
    assert ranked(dense.rerank(0, candidates("cba"))) == [("a", 1.0), ("b", 0.8), ("c", 0.0)]
    # b and d are equal: the higher id first
    assert ranked(dense.rerank(1, candidates("abcd"))) == [("c", 1.0), ("d", 0.6), ("b", 0.6), ("a", 0.0)]


def test_mmr_by_hand() -> None:
    """Query 0, lambda 0.5: cosines to it a 1, b 0.8, c 0, d 0.8.

    First a (0.5 against 0.4, 0.4, 0). Then to a: b and d 0.8, c 0, so b and d (0.4 - 0.4) and c (0 - 0) all have 0:
    the highest id, d. Then to d: b 1, c 0.6, so b 0.4 - 0.5 = -0.1 and c -0.3: b, then c.
    """
    assert ranked(mmr().rerank(0, candidates("abcd"))) == [("a", 4), ("d", 3), ("b", 2), ("c", 1)]


def test_mmr_with_relevance_alone_is_the_order_by_cosine() -> None:
    assert mmr(1.0).rerank(0, candidates("abcd")).doc_ids == ("a", "d", "b", "c")


def test_mmr_with_novelty_alone_begins_with_the_highest_id() -> None:
    # All have 0 at first: d. Then b -1, a -0.8, c -0.6: c. Then a: max(0.8, 0) and b: 1, so a.
    assert mmr(0.0).rerank(0, candidates("abcd")).doc_ids == ("d", "c", "a", "b")


def test_mmr_leaves_out_repetitions_until_the_end() -> None:
    # Lambda 0.4, query 1: cosines a 0, b 0.6, c 1, d 0.6. First c (0.4). To c: a 0, b and d 0.6:
    # a 0, b and d 0.24 - 0.36 = -0.12: a. To a: b and d 0.8: both 0.24 - 0.48 = -0.24: d, then b.
    assert mmr(0.4).rerank(1, candidates("abcd")).doc_ids == ("c", "a", "d", "b")


@pytest.mark.parametrize("name", ["cross_encoder", "dense", "mmr"])
def test_candidates_that_the_corpus_lacks_are_left_out(name: str, request: pytest.FixtureRequest) -> None:
    reranker: Reranker = mmr() if name == "mmr" else request.getfixturevalue(name)
    known = "d3" if name == "cross_encoder" else "c"
    found = reranker.rerank(0, in_order(["elsewhere", known, "nowhere"]))
    assert found.doc_ids == (known,)
    assert reranker.rerank(0, in_order(["elsewhere"])) == EMPTY


@pytest.mark.parametrize("name", ["cross_encoder", "dense", "mmr"])
def test_no_candidates_give_no_list(name: str, request: pytest.FixtureRequest) -> None:
    reranker: Reranker = mmr() if name == "mmr" else request.getfixturevalue(name)
    assert reranker.rerank(0, EMPTY) == EMPTY
