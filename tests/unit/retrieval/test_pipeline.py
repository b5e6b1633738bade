"""What the pipeline adds to its retrievers."""

from __future__ import annotations

from collections.abc import Sequence

from evaluator.domain.ranking import Ranking
from evaluator.domain.variant import BM25, Fuse, Retrieve
from evaluator.retrieval.pipeline import FusedRetriever, Without


class Fixed:
    """Gives every query the same list."""

    def __init__(self, *doc_ids: str) -> None:
        self.doc_ids = doc_ids

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        doc_ids = self.doc_ids[:depth]
        scores = tuple(float(len(doc_ids) - place) for place in range(len(doc_ids)))
        return [Ranking(doc_ids, scores) for _ in queries]


def test_a_query_is_no_answer_to_itself() -> None:
    retriever = Without(Fixed("q1", "d1", "d0"), [frozenset({"q0"}), frozenset({"q1"})])
    assert [ranking.doc_ids for ranking in retriever.search([1, 0], 2)] == [("d1", "d0"), ("q1", "d1")]


def test_a_query_excludes_documents_of_its_own() -> None:
    retriever = Without(Fixed("d1", "d2", "d3", "d4"), [frozenset({"d1", "d3"}), frozenset()])
    assert [ranking.doc_ids for ranking in retriever.search([0, 1], 2)] == [("d2", "d4"), ("d1", "d2")]


def test_ranks_are_fused_without_the_query_itself() -> None:
    """With q1 before it in both lists d1 would have rank 2 and score 2 / (1 + 2); without, 2 / (1 + 1) = 1."""
    parts = [Without(Fixed("q1", "d1", "d2"), [frozenset({"q0"}), frozenset({"q1"})]) for _ in range(2)]
    fused = FusedRetriever(parts, Fuse(of=(Retrieve(bm25=BM25()), Retrieve(bm25=BM25(k1=2.0))), k=1.0))
    assert fused.search([1], 1) == [Ranking(("d1",), (1.0,))]
