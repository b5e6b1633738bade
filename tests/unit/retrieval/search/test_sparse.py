"""Learned sparse retrieval: inner products of term weights, against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import EMPTY, Ranking
from evaluator.domain.variant import Chunk
from evaluator.errors import ArtifactMissingError
from evaluator.retrieval.encoders.protocol import Role
from evaluator.retrieval.search.grouping import Grouping
from evaluator.retrieval.search.sparse import SparseIndex, build_sparse, open_sparse, sparse_name
from evaluator.retrieval.texts.encoder_texts import document_texts
from evaluator.retrieval.vectors import encoding
from evaluator.retrieval.vectors.encoding import encode_shard, plan_encoding
from tests.unit.retrieval.conftest import MakeDataset
from tests.unit.retrieval.fake_encoder import hash_spec

SPEC: EncoderSpec = hash_spec(kind="sparse")


def weights(*rows: Sequence[float]) -> csr_array:
    return csr_array(np.array(rows, dtype=np.float32))


def ranked(ranking: Ranking) -> list[tuple[str, float]]:
    return list(zip(ranking.doc_ids, ranking.scores, strict=True))


DOCUMENTS = weights([1, 2, 0, 0], [0, 0.5, 4, 0], [0, 0, 0, 3])
"""a has the terms 0 and 1, b the terms 1 and 2, c the term 3."""


def test_scores_are_inner_products_by_hand() -> None:
    index = SparseIndex(DOCUMENTS, ["a", "b", "c"])
    found = index.search(weights([2, 1, 0, 0], [0, 0, 1, 1]), 10)
    # a: 2 * 1 + 1 * 2 = 4; b: 1 * 0.5; c shares no term.      b: 1 * 4; c: 1 * 3.
    assert [ranked(ranking) for ranking in found] == [[("a", 4.0), ("b", 0.5)], [("b", 4.0), ("c", 3.0)]]


def test_a_query_without_terms_finds_nothing() -> None:
    assert SparseIndex(DOCUMENTS, ["a", "b", "c"]).search(weights([0, 0, 0, 0]), 10) == [EMPTY]


def test_a_document_without_terms_is_not_found() -> None:
    index = SparseIndex(weights([1, 0], [0, 0]), ["a", "empty"])
    assert index.search(weights([1, 1]), 10)[0].doc_ids == ("a",)


def test_ties_are_decided_by_id_and_lists_are_cut() -> None:
    index = SparseIndex(weights([1], [1], [2], [1]), ["a", "c", "b", "d"])
    assert ranked(index.search(weights([1]), 3)[0]) == [("b", 2.0), ("d", 1.0), ("c", 1.0)]


def test_weights_may_be_negative_and_scores_too_but_those_are_not_found() -> None:
    index = SparseIndex(weights([1, -2], [1, 0]), ["a", "b"])
    assert ranked(index.search(weights([1, 1]), 10)[0]) == [("b", 1.0)]  # a: 1 - 2 = -1


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        # Passages score 1 and 3 (document a), 2 (document b).
        (Chunk(score="max"), [("a", 3.0), ("b", 2.0)]),
        (Chunk(score="sum", top=2), [("a", 4.0), ("b", 2.0)]),
        (Chunk(score="mean", top=2), [("b", 2.0), ("a", 2.0)]),
    ],
)
def test_passages_make_the_score_of_their_document(chunk: Chunk, expected: list[tuple[str, float]]) -> None:
    grouping = Grouping(np.array([0, 0, 1, 2]), 3, chunk)
    index = SparseIndex(weights([1, 0], [3, 0], [2, 0], [0, 9]), ["a", "b", "c"], grouping)
    assert ranked(index.search(weights([1, 0]), 10)[0]) == expected


MATRICES = st.lists(
    st.lists(st.sampled_from([0, 0, 0.25, 1 / 3, 1e-3, 7]), min_size=5, max_size=5), min_size=1, max_size=8
)


@settings(max_examples=50)
@given(MATRICES, MATRICES, st.integers(1, 10))
def test_lists_are_those_of_a_dense_product(
    documents: list[list[float]], queries: list[list[float]], depth: int
) -> None:
    ids = [f"d{n}" for n in range(len(documents))]
    index, asked = SparseIndex(weights(*documents), ids), weights(*queries)
    together = index.search(asked, depth)
    exact = asked.toarray().astype(np.float64) @ weights(*documents).toarray().astype(np.float64).T
    for row, ranking in enumerate(together):
        scores = dict(zip(ids, exact[row].astype(np.float32).tolist(), strict=True))
        order = sorted(
            (id_ for id_ in ids if scores[id_] > 0), key=lambda id_: (scores[id_], id_), reverse=True
        )
        assert ranking.doc_ids == tuple(order[:depth])
        assert ranking.scores == pytest.approx([scores[id_] for id_ in order[:depth]], rel=1e-6)
        assert index.search(asked[[row]], depth) == [ranking]  # alone as in the batch


class LetterEncoder:
    """The weight of each letter a to e is how often a text has it."""

    def encode(self, texts: Sequence[str], role: Role) -> csr_array:
        return weights(*[[text.count(letter) for letter in "abcde"] for text in texts])


def test_shards_are_gathered_in_the_order_of_the_texts(
    make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(encoding.SHARD_TEXTS, "sparse", 2)
    dataset = make_dataset(["aab", "c", "aab", "", "eeeee"])
    texts = document_texts(dataset)
    plan = plan_encoding(SPEC, texts, dataset.store)
    assert [shard.file("sparse")[-4:] for shard in plan.missing] == [".npz", ".npz"]
    for shard in plan.missing[1:]:
        encode_shard(SPEC, "document", shard, LetterEncoder(), dataset.store)
    with pytest.raises(ArtifactMissingError, match="npz"):
        build_sparse(SPEC, texts, dataset.store)
    assert not dataset.store.exists(sparse_name(SPEC, texts))
    encode_shard(SPEC, "document", plan.missing[0], LetterEncoder(), dataset.store)
    build_sparse(SPEC, texts, dataset.store)
    found = open_sparse(SPEC, texts, dataset.store)
    assert found.dtype == np.float32
    assert found.toarray().tolist() == [
        [2, 1, 0, 0, 0], [0, 0, 1, 0, 0], [2, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 5],
    ]  # fmt: skip
