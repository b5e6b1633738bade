"""Passages of a corpus: cut once, shared by whoever counts alike, and back to documents."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow.parquet as pq
import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.fingerprint import text_key
from evaluator.domain.variant import BM25, Chunk
from evaluator.errors import ArtifactMissingError
from evaluator.retrieval.encoders.resolve import bundled_folder
from evaluator.retrieval.encoders.saved_model import tokenizer_hash
from evaluator.retrieval.search.bm25 import BM25Index, bm25_name, build_bm25
from evaluator.retrieval.search.dense import DenseIndex, FlatVectors
from evaluator.retrieval.search.grouping import Grouping
from evaluator.retrieval.texts.chunking import cutting_version
from evaluator.retrieval.texts.encoder_texts import document_texts
from evaluator.retrieval.texts.passages import (
    build_passages,
    cutting,
    documents_of_passages,
    passage_texts,
    passages_name,
)
from evaluator.retrieval.vectors.encoding import build_matrix, encode_shard, open_matrix, plan_encoding
from tests.unit.retrieval.conftest import MakeDataset
from tests.unit.retrieval.fake_encoder import HashEncoder, hash_spec, hash_vector

CHUNK = Chunk("sentences", size=8)
DOCUMENTS = [
    "Apples fall from trees. Pears hang on until late autumn comes. Figs dry.",
    "...",  # no word: one passage, which is empty
    "Nuts are hard.",
]
PASSAGES = [
    (0, "Apples fall from trees."),
    (0, "Pears hang on until late autumn comes."),
    (0, "Figs dry."),
    (1, ""),
    (2, "Nuts are hard."),
]
"""4 + 7 words are more than 8, and so are 7 + 2."""


def model(folder: Path, weights: str = "w1") -> EncoderSpec:
    """An encoder with the bundled model's tokenizer, in a folder of its own."""
    folder.mkdir()
    shutil.copy(bundled_folder() / "tokenizer.json", folder)
    return hash_spec(weights=weights, location=str(folder), tokenizer=tokenizer_hash(folder))


def test_each_document_is_cut_in_its_place(make_dataset: MakeDataset, store: ArtifactStore) -> None:
    dataset = make_dataset(DOCUMENTS)
    texts = passage_texts(CHUNK, None, dataset, store)
    with pytest.raises(ArtifactMissingError):
        texts.read_size()
    build_passages(CHUNK, None, dataset, store)
    table = pq.read_table(store.local_path(passages_name(CHUNK, None, dataset)))
    assert table.column_names == ["document", "text", "key"]
    assert list(zip(table["document"].to_pylist(), table["text"].to_pylist(), strict=True)) == PASSAGES
    assert texts.read_size() == 5
    assert list(texts.read_texts()) == [text for _, text in PASSAGES]
    assert texts.read_keys() == [text_key(text) for _, text in PASSAGES]
    assert (texts.role, texts.part) == ("document", cutting(CHUNK, None, dataset))
    assert documents_of_passages(CHUNK, None, dataset, store).tolist() == [0, 0, 0, 1, 2]


def test_a_large_corpus_is_written_in_parts(make_dataset: MakeDataset, store: ArtifactStore) -> None:
    """9,000 sentences of 5 words: more than two row groups."""
    dataset = make_dataset([f"Here is sentence number {n}. " * 3 for n in range(3000)])
    build_passages(CHUNK, None, dataset, store)
    assert documents_of_passages(CHUNK, None, dataset, store).tolist() == [
        n for n in range(3000) for _ in range(3)
    ]
    assert pq.ParquetFile(store.local_path(passages_name(CHUNK, None, dataset))).num_row_groups > 2


def test_encoders_with_the_same_tokenizer_share_passages(
    make_dataset: MakeDataset, store: ArtifactStore, tmp_path: Path
) -> None:
    dataset = make_dataset(DOCUMENTS)
    one, other = model(tmp_path / "one"), model(tmp_path / "other", weights="w2")
    assert one.fingerprint != other.fingerprint
    build_passages(CHUNK, one, dataset, store)
    shutil.rmtree(tmp_path / "other")  # nothing of it is read again
    build_passages(CHUNK, other, dataset, store)
    assert passages_name(CHUNK, one, dataset) == passages_name(CHUNK, other, dataset)
    # An endpoint has no tokenizer: it shares the words of BM25.
    endpoint = hash_spec(kind="endpoint", source="endpoint")
    assert passages_name(CHUNK, endpoint, dataset) == passages_name(CHUNK, None, dataset)
    assert passages_name(CHUNK, None, dataset) != passages_name(CHUNK, one, dataset)


@pytest.mark.parametrize(
    "changed", [Chunk("tokens", 8), Chunk("sentences", 9), Chunk("sentences", 8, overlap=1)]
)
def test_another_way_of_cutting_has_another_name(changed: Chunk, make_dataset: MakeDataset) -> None:
    dataset = make_dataset(DOCUMENTS)
    assert cutting(changed, None, dataset) != cutting(CHUNK, None, dataset)


def test_scoring_changes_no_passage(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(DOCUMENTS)
    assert cutting(Chunk("sentences", 8, score="sum", top=2), None, dataset) == cutting(CHUNK, None, dataset)


def test_another_version_of_a_library_changes_the_name(
    make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_dataset(DOCUMENTS)
    before = cutting(CHUNK, None, dataset)
    monkeypatch.setattr(metadata, "version", lambda library: f"{library} of the future")
    cutting_version.cache_clear()
    assert cutting(CHUNK, None, dataset) != before
    cutting_version.cache_clear()


Scoring = Literal["max", "mean", "sum"]


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        # Passages score 1 2 3 | 5 | 4 (of two documents more: -1 -3).
        ("max", [3.0, 5.0, 4.0, -1.0]),
        ("mean", [2.5, 5.0, 4.0, -2.0]),
        ("sum", [5.0, 5.0, 4.0, -4.0]),
    ],
)
def test_a_documents_score_is_its_best_passages(score: Scoring, expected: list[float]) -> None:
    """Of the best two passages, where mean and sum are concerned."""
    grouping = Grouping(np.array([0, 0, 0, 1, 2, 3, 3]), 4, Chunk(score=score, top=2))
    passages = np.array([1.0, 2.0, 3.0, 5.0, 4.0, -1.0, -3.0])
    assert grouping.scores(passages, np.arange(4)).tolist() == expected
    some = np.array([2, 0])
    assert grouping.rows_of(some).tolist() == [4, 0, 1, 2]
    assert grouping.scores(passages[[4, 0, 1, 2]], some).tolist() == [expected[2], expected[0]]


@pytest.mark.parametrize("score", ["max", "mean", "sum"])
def test_dense_search_over_passages_is_the_direct_computation(
    score: Scoring, make_dataset: MakeDataset, store: ArtifactStore
) -> None:
    """300 documents of 1 to 7 passages, searched to depth 5; far more passages than are fetched at first."""
    chunk = Chunk("sentences", 8, score=score, top=2)
    texts_of = [[f"This is part {part} of document {n}." for part in range(1 + n % 7)] for n in range(300)]
    dataset = make_dataset([" ".join(parts) for parts in texts_of])
    build_passages(chunk, None, dataset, store)
    spec, passages = hash_spec(), passage_texts(chunk, None, dataset, store)
    for shard in plan_encoding(spec, passages, store).missing:
        encode_shard(spec, "document", shard, HashEncoder(), store)
    build_matrix(spec, passages, store)
    rows = documents_of_passages(chunk, None, dataset, store)
    grouping = Grouping(rows, 300, chunk)
    index = DenseIndex(FlatVectors(open_matrix(spec, passages, store)), dataset.doc_ids, grouping)
    query = hash_vector("a query", "query")

    def direct(parts: list[str]) -> float:
        best = sorted((float(hash_vector(part, "document") @ query) for part in parts), reverse=True)[:2]
        return {"max": best[0], "mean": sum(best) / len(best), "sum": sum(best)}[score]

    expected = sorted(((direct(parts), f"d{n}") for n, parts in enumerate(texts_of)), reverse=True)[:5]
    found = index.search(query[np.newaxis], 5)[0]
    assert found.doc_ids == tuple(doc_id for _, doc_id in expected)
    assert found.scores == pytest.approx([value for value, _ in expected], abs=1e-6)


def test_bm25_over_passages_finds_each_document_once(make_dataset: MakeDataset, store: ArtifactStore) -> None:
    """`pears` is in one passage of d0, `trees` in another; d2 has neither."""
    dataset, bm25 = make_dataset(DOCUMENTS), BM25(chunk=CHUNK)
    build_passages(CHUNK, None, dataset, store)
    passages = passage_texts(CHUNK, None, dataset, store)
    build_bm25(bm25, passages, store)
    grouping = Grouping(documents_of_passages(CHUNK, None, dataset, store), 3, CHUNK)
    index = BM25Index(store.local_path(bm25_name(bm25, passages.part)), bm25, dataset.doc_ids, grouping)
    both, nuts = index.search(["pears trees", "nuts"], 10)
    assert (both.doc_ids, nuts.doc_ids) == (("d0",), ("d2",))
    # The same text whole has another index: names do not collide.
    assert bm25_name(bm25, passages.part) != bm25_name(BM25(), document_texts(dataset).part)
