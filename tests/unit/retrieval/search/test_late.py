"""Late interaction: each query token's best match, summed, against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import EMPTY, Floats, Ranking
from evaluator.domain.variant import Chunk
from evaluator.errors import ArtifactMissingError
from evaluator.retrieval.encoders.encoded import Tokens
from evaluator.retrieval.encoders.protocol import Role
from evaluator.retrieval.search.grouping import Grouping
from evaluator.retrieval.search.late import (
    Block,
    LateIndex,
    build_late,
    late_name,
    open_late,
    read_late,
    write_late,
)
from evaluator.retrieval.texts.encoder_texts import document_texts
from evaluator.retrieval.vectors import encoding as vectors
from evaluator.retrieval.vectors.encoding import encode_shard, plan_encoding
from tests.unit.retrieval.conftest import MakeDataset
from tests.unit.retrieval.fake_encoder import hash_spec

SPEC: EncoderSpec = hash_spec(kind="late")


def tokens(*rows: Sequence[float], dim: int = 2) -> Floats:
    return np.array(rows, dtype=np.float32).reshape(len(rows), dim)


def blocks(*texts: Floats, size: int = 2) -> list[Block]:
    """Texts in blocks of some, the last text first."""
    order = list(range(len(texts)))[::-1]
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    return [
        Block(
            np.array(part),
            np.cumsum([0, *(len(texts[row]) for row in part)]),
            np.concatenate([texts[row] for row in part]),
        )
        for part in parts
    ]


def ranked(ranking: Ranking) -> list[tuple[str, float]]:
    return list(zip(ranking.doc_ids, ranking.scores, strict=True))


DOCUMENTS = (tokens([1, 0], [0, 2]), tokens([3, 3]), tokens([-1, 0], [0, -1], [-1, -1]))


def test_scores_by_hand() -> None:
    index = LateIndex(blocks(*DOCUMENTS), ["a", "b", "c"])
    query = tokens([1, 0], [0, 1])
    # a: max(1, 0) + max(0, 2) = 3; b: 3 + 3 = 6; c: max(-1, 0, -1) + max(0, -1, -1) = 0.
    assert ranked(index.search([query], 10)[0]) == [("b", 6.0), ("a", 3.0), ("c", 0.0)]
    # One token, against the grain: a: max(-1, 0) = 0; b: -3; c: max(1, 0, 1) = 1.
    assert ranked(index.search([tokens([-1, 0])], 2)[0]) == [("c", 1.0), ("a", 0.0)]


def test_a_document_without_tokens_is_not_found() -> None:
    """It would score 0, more than a document whose best matches are below."""
    index = LateIndex(blocks(tokens([-1, 0]), tokens(), tokens([-2, 0])), ["a", "empty", "c"])
    assert ranked(index.search([tokens([1, 0])], 10)[0]) == [("a", -1.0), ("c", -2.0)]
    assert index.search([tokens([1, 0])], 1)[0].doc_ids == ("a",)


def test_a_query_without_tokens_finds_nothing() -> None:
    assert LateIndex(blocks(*DOCUMENTS), ["a", "b", "c"]).search([tokens()], 10) == [EMPTY]


def test_ties_are_decided_by_id_in_whatever_block_they_are() -> None:
    same = tokens([0.1, 0.2], [0.3, 0.7])
    index = LateIndex(blocks(same, tokens([9, 9]), same, same, tokens([0, 0])), ["d", "b", "c", "e", "a"])
    assert index.search([tokens([0.3, 0.9], [1 / 3, 1 / 7])], 3)[0].doc_ids == ("b", "e", "d")


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        # Passages score 1 and 3 (document a), 2 and 0 without tokens (document b); c has no tokens at all.
        (Chunk(score="max"), [("a", 3.0), ("b", 2.0)]),
        (Chunk(score="sum", top=2), [("a", 4.0), ("b", 2.0)]),
        (Chunk(score="mean", top=2), [("a", 2.0), ("b", 1.0)]),
    ],
)
def test_passages_make_the_score_of_their_document(chunk: Chunk, expected: list[tuple[str, float]]) -> None:
    grouping = Grouping(np.array([0, 0, 1, 1, 2]), 3, chunk)
    passages = (tokens([1, 0]), tokens([3, 0]), tokens([2, 0]), tokens(), tokens())
    index = LateIndex(blocks(*passages), ["a", "b", "c"], grouping)
    assert ranked(index.search([tokens([1, 0])], 10)[0]) == expected
    assert ranked(index.search([tokens([1, 0])], 1)[0]) == expected[:1]


def maxsim(query: Floats, document: Floats) -> float:
    """The definition, token by token."""
    return sum(max(float(np.dot(q.astype(float), d.astype(float))) for d in document) for q in query)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_lists_are_those_of_the_definition(seed: int, depth: int) -> None:
    random = np.random.default_rng(seed)

    def texts(n: int) -> list[Floats]:
        return [random.standard_normal((random.integers(1, 5), 4)).astype(np.float32) for _ in range(n)]

    documents, queries = texts(20), texts(3)
    documents[7] = documents[3]  # a tie
    ids = [f"d{n:02}" for n in range(20)]
    index = LateIndex(blocks(*documents, size=int(random.integers(1, 8))), ids)
    for query, ranking in zip(queries, index.search(queries, depth), strict=True):
        scores = {id_: maxsim(query, doc) for id_, doc in zip(ids, documents, strict=True)}
        order = sorted(ids, key=lambda id_: (np.float32(scores[id_]), id_), reverse=True)[:depth]
        assert ranking.doc_ids == tuple(order)
        assert ranking.scores == pytest.approx([scores[id_] for id_ in order], rel=1e-6)
        assert index.search([query], depth) == [ranking]  # alone as in the batch


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    parts = [(np.array([2, 0]), [tokens([1, 2], [3, 4]), tokens()]), (np.array([1]), [tokens([5, 6])])]
    write_late(iter(parts), tmp_path / "late.arrow")
    first, second = read_late(tmp_path / "late.arrow")
    assert (first.rows.tolist(), first.starts.tolist()) == ([2, 0], [0, 2, 2])
    assert (second.rows.tolist(), second.starts.tolist()) == ([1], [0, 1])
    assert first.vectors.tolist() == [[1, 2], [3, 4]]
    assert first.vectors.dtype == np.float32


class WordEncoder:
    """Each word is a token, whose vector is its length and 1."""

    def encode(self, texts: Sequence[str], role: Role) -> Tokens:
        return [tokens(*([len(word), 1] for word in text.split())) for text in texts]


def test_shards_are_gathered_whatever_their_order(
    make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vectors.SHARD_TEXTS, "late", 2)
    dataset = make_dataset(["one", "", "two words", "one", "three of them"])
    texts = document_texts(dataset)
    plan = plan_encoding(SPEC, texts, dataset.store)
    encode_shard(SPEC, "document", plan.missing[0], WordEncoder(), dataset.store)
    with pytest.raises(ArtifactMissingError, match="npz"):
        build_late(SPEC, texts, dataset.store)
    assert not dataset.store.exists(late_name(SPEC, texts))
    encode_shard(SPEC, "document", plan.missing[1], WordEncoder(), dataset.store)
    build_late(SPEC, texts, dataset.store)
    found = open_late(SPEC, texts, dataset.store)
    assert [vectors.tolist() for vectors in found] == [
        [[3, 1]], [], [[3, 1], [5, 1]], [[3, 1]], [[5, 1], [2, 1], [4, 1]],
    ]  # fmt: skip
