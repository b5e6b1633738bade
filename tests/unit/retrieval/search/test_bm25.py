"""BM25: bm25s's own scores, in the ranking policy's order, from an index that is one plain file."""

from __future__ import annotations

import math
import unicodedata
from pathlib import Path
from typing import Any

import bm25s
import ir_measures
import numpy as np
import pytest
import Stemmer

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.ranking import EMPTY, Ranking
from evaluator.domain.variant import BM25, Chunk, Tokenizer
from evaluator.domain.variant import Stemmer as Stemmed
from evaluator.retrieval.pipeline import Bound
from evaluator.retrieval.search.bm25 import BM25Index, bm25_name, build_bm25
from evaluator.retrieval.texts.encoder_texts import document_texts
from tests.unit.retrieval.conftest import MakeDataset

CRANFIELD = Path(__file__).parents[5] / "shared/data/cranfield"
PLAIN = BM25(stemmer="none", stop_words="none")


def index(dataset: StoredDataset, parameters: BM25 = PLAIN) -> Bound:
    build_bm25(parameters, document_texts(dataset), dataset.store)
    path = dataset.store.local_path(bm25_name(parameters, dataset.manifest.corpus))
    return Bound(BM25Index(path, parameters, dataset.doc_ids), [query.text for query in dataset.queries])


def first(dataset: StoredDataset, parameters: BM25 = PLAIN) -> Ranking:
    """The list of a dataset's only query."""
    return index(dataset, parameters).search([0], 10)[0]


def test_scores_by_hand(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(["apple pie", "apple apple tart with cream", "plum cake"], ["apple"])
    # Lucene's formula: idf * tf / (tf + k1 * (1 - b + b * length / mean)), idf = ln(1 + (N - n + .5) / (n + .5)).
    # N = 3 documents, n = 2 of them with "apple", lengths 2, 5, 2, so the mean is 3; k1 = 0.9, b = 0.4.
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))  # 0.470
    once = idf * 1 / (1 + 0.9 * (0.6 + 0.4 * 2 / 3))  # 0.264
    twice = idf * 2 / (2 + 0.9 * (0.6 + 0.4 * 5 / 3))  # 0.299
    found = first(dataset)
    assert found.doc_ids == ("d1", "d0")
    assert found.scores == pytest.approx((twice, once), rel=1e-6)


def test_documents_without_a_word_of_the_query_are_not_retrieved(make_dataset: MakeDataset) -> None:
    assert first(make_dataset(["apple", "plum", "pear"], ["plum"])).doc_ids == ("d1",)


def test_a_word_that_the_query_has_twice_counts_twice(make_dataset: MakeDataset) -> None:
    documents = ["apple", "plum"]
    once, twice = (first(make_dataset(documents, [query])) for query in ("apple", "apple apple"))
    assert twice.scores == pytest.approx([2 * score for score in once.scores])


def test_a_query_without_a_known_word_finds_nothing(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(["apple pie", "plum cake"])
    build_bm25(PLAIN, document_texts(dataset), dataset.store)
    path = dataset.store.local_path(bm25_name(PLAIN, dataset.manifest.corpus))
    queries = ["unknown words", "", "  ", "?!"]
    assert BM25Index(path, PLAIN, dataset.doc_ids).search(queries, 10) == [EMPTY] * 4
    assert BM25Index(path, PLAIN, dataset.doc_ids).search([], 10) == []


def test_unknown_words_are_ignored(make_dataset: MakeDataset) -> None:
    assert first(make_dataset(["apple", "plum"], ["zebra apple"])).doc_ids == ("d0",)


def test_a_corpus_without_a_single_word(make_dataset: MakeDataset) -> None:
    assert first(make_dataset(["?!", "..."], ["apple"])) == EMPTY


def test_stop_words_are_left_out(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(["the apple", "the plum"], ["the"])
    assert first(dataset, BM25(stop_words="english")) == EMPTY
    assert len(first(dataset, BM25(stop_words="none"))) == 2


def test_stems_meet(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(["running fast", "slow walk"], ["he runs"])
    assert first(dataset, BM25(stemmer="english")).doc_ids == ("d0",)
    assert first(dataset, BM25(stemmer="none")) == EMPTY


@pytest.mark.parametrize(
    ("word", "stemmer"), [("größe", "none"), ("ГОРОДА", "russian"), ("naïve", "french"), ("東京都", "none")]
)
def test_words_of_any_script(make_dataset: MakeDataset, word: str, stemmer: Any) -> None:
    dataset = make_dataset([f"{word.lower()} one", "other two"], [word])
    assert first(dataset, BM25(stemmer=stemmer)).doc_ids == ("d0",)


def lucene(length: int, lengths: tuple[int, ...], *shared: int) -> float:
    """A document's score: idf / (1 + k1 * (1 - b + b * length / mean)) for each term that it has once.

    Args:
        length: of the document, in terms.
        lengths: of all documents.
        shared: for each term of the query that the document has: how many documents have it.
    """
    n, mean = len(lengths), sum(lengths) / len(lengths)
    weight = 1 / (1 + 0.9 * (0.6 + 0.4 * length / mean))
    return sum(math.log(1 + (n - df + 0.5) / (df + 0.5)) * weight for df in shared)


@pytest.mark.parametrize(
    ("language", "documents", "query", "expected"),
    [
        # Terms of the documents | shared with the query, by how many documents have them.
        # 调整 车轮 时 | 轮胎 漏 气 | 变速 器 调整; of the query 如何 调整 车轮: 调整 is in 2, 车轮 in 1.
        (
            "none",
            ["调整车轮时", "轮胎漏气", "变速器调整"],
            "如何调整车轮",
            {"d0": lucene(3, (3, 3, 3), 2, 1), "d2": lucene(3, (3, 3, 3), 2)},
        ),
        # 自転車 の チェーン | ブレーキ の 音; of チェーン 音: each in 1 of 2, so both documents score the same.
        (
            "none",
            ["自転車のチェーン", "ブレーキの音"],
            "チェーン 音",
            {"d1": lucene(3, (3, 3), 1), "d0": lucene(3, (3, 3), 1)},
        ),
        # 체인 인이 | 바퀴 퀴를 조정; the pair 체인 is in 1, though the document writes it with its particle.
        ("none", ["체인이", "바퀴를 조정"], "체인", {"d0": lucene(2, (2, 3), 1)}),
        # โซ่ ลื่น | ยาง รั่ว; รั่ว is in 1.
        ("none", ["โซ่ลื่น", "ยางรั่ว"], "รั่ว", {"d1": lucene(2, (2, 2), 1)}),
        # Hindi: a word is not cut at its vowel signs: कि (that) does not match की (of).
        ("none", ["साइकिल की चेन", "कि ब्रेक"], "की", {"d0": lucene(3, (3, 2), 1)}),
        # Arabic with vowels in the document alone.
        ("arabic", ["سِلْسِلَةُ الدَّرَّاجَةِ", "ضبط العجلة"], "سلسلة الدراجة", {"d0": lucene(2, (2, 2), 1, 1)}),
        # German: Ketten and Kette, Laufräder and Laufrad have the stems kett and laufrad.
        ("german", ["springende Ketten", "Laufräder zentriert"], "Kette Laufrad", {
            "d1": lucene(2, (2, 2), 1), "d0": lucene(2, (2, 2), 1),
        }),
        # Turkish: İSTANBUL is istanbul, and KIZ is kız, not kiz.
        ("turkish", ["KIZ kulesi", "İSTANBUL"], "kız istanbul", {
            "d1": lucene(1, (2, 1), 1), "d0": lucene(2, (2, 1), 1),
        }),
        # A decomposed document and a composed query.
        ("french", [unicodedata.normalize("NFD", "chaîne usée"), "pneu"], "chaîne usée", {
            "d0": lucene(2, (2, 1), 1, 1),
        }),
        # Words of one letter; signs are no words.
        ("english", ["C++ has templates", "R is free"], "C++", {"d0": lucene(3, (3, 3), 1)}),
    ],
)  # fmt: skip
def test_words_of_every_script_are_found(
    make_dataset: MakeDataset,
    language: Stemmed,
    documents: list[str],
    query: str,
    expected: dict[str, float],
) -> None:
    dataset = make_dataset(documents, [query])
    found = first(dataset, BM25(stemmer=language, stop_words="none", tokenizer="icu-1"))
    assert dict(zip(*_lists(found), strict=True)) == pytest.approx(expected, rel=1e-6)
    assert list(found.doc_ids) == list(expected)


def test_a_query_of_stop_words_alone_is_searched_by_them(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(["to be or not to be", "the wing"], ["to be or not to be"])
    assert first(dataset, BM25(tokenizer="icu-1")).doc_ids == ("d0",)
    assert first(dataset, BM25()) == EMPTY


def test_pairs_of_characters_are_a_choice(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(["链条打滑", "打链条"], ["链条"])
    # 链条 条打 打滑 | 打链 链条; by words the query is 链 and 条, which both documents have.
    pairs = BM25(stemmer="none", stop_words="none", tokenizer="icu-bigrams-1")
    expected = (lucene(2, (3, 2), 2), lucene(3, (3, 2), 2))
    assert first(dataset, pairs).doc_ids == ("d1", "d0")
    assert first(dataset, pairs).scores == pytest.approx(expected, rel=1e-6)


def test_ties_are_broken_by_document_id_descending(make_dataset: MakeDataset) -> None:
    assert first(make_dataset(["apple"] * 11, ["apple"])).doc_ids == (
        *(f"d{n}" for n in range(9, 1, -1)),
        "d10",
        "d1",
    )


def test_the_index_is_one_file_without_pickles(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(["apple pie", "plum cake"])
    index(dataset)
    folder = dataset.store.local_path(bm25_name(PLAIN, dataset.manifest.corpus)).parent
    assert [path.suffix for path in folder.iterdir()] == [".npz"]
    with np.load(
        dataset.store.local_path(bm25_name(PLAIN, dataset.manifest.corpus)), allow_pickle=False
    ) as arrays:
        assert {name: arrays[name].dtype.kind for name in arrays} == {
            "vocabulary": "u",
            "data": "f",
            "indices": "i",
            "indptr": "i",
        }


def test_an_index_is_built_once_and_named_after_its_parameters(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(["apple pie", "plum cake"])
    build_bm25(PLAIN, document_texts(dataset), dataset.store)
    path = dataset.store.local_path(bm25_name(PLAIN, dataset.manifest.corpus))
    written = path.stat().st_mtime_ns
    build_bm25(PLAIN, document_texts(dataset), dataset.store)
    assert path.stat().st_mtime_ns == written
    assert bm25_name(BM25(k1=1.2), dataset.manifest.corpus) != bm25_name(BM25(), dataset.manifest.corpus)


def test_indexes_of_earlier_versions_keep_their_names() -> None:
    """Computed before there was another tokenizer; with another name nothing would find what is stored."""
    assert bm25_name(BM25(), "c") == "indexes/c/bm25-ac8d2e73eac745cb.npz"
    assert bm25_name(BM25(1.2, 0.75, "german", "none", Chunk()), "c") == "indexes/c/bm25-9df8be034b36e15f.npz"
    assert bm25_name(BM25(tokenizer="regex"), "c") == bm25_name(BM25(), "c")
    assert bm25_name(BM25(tokenizer="icu-1"), "c") != bm25_name(BM25(), "c")


@pytest.fixture(scope="module")
def cranfield(tmp_path_factory: pytest.TempPathFactory) -> StoredDataset:
    if not CRANFIELD.is_dir():
        pytest.skip("Cranfield is not beside this repository")
    store = ArtifactStore(str(tmp_path_factory.mktemp("store")))
    return StoredDataset.open(store, import_dataset(CRANFIELD, store).fingerprint)


def test_cranfields_lists_are_those_of_bm25s(cranfield: StoredDataset) -> None:
    stemmer = Stemmer.Stemmer("english")
    model = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
    corpus = [document.content for document in cranfield.documents()]
    model.index(
        bm25s.tokenize(corpus, stopwords="english", stemmer=stemmer, show_progress=False), show_progress=False
    )
    queries = [query.text for query in cranfield.queries]
    words = bm25s.tokenize(queries, stopwords="english", stemmer=stemmer, show_progress=False)
    rows, expected = model.retrieve(words, k=10, show_progress=False)

    found = index(cranfield, BM25()).search(range(len(queries)), 10)
    assert len(found) == 225
    for ranking, theirs, scores in zip(found, rows.tolist(), expected, strict=True):
        assert ranking.scores == pytest.approx(scores, abs=1e-6)
        # Equal scores may stand in another order, and at the cut other documents of the same score.
        cut = min(ranking.scores) + 1e-6
        ours = {doc_id for doc_id, score in zip(*_lists(ranking), strict=True) if score > cut}
        assert ours <= {cranfield.doc_ids[row] for row in theirs}


@pytest.mark.parametrize(
    ("tokenizer", "expected"),
    [(None, {"nDCG@10": 0.3227, "R@100": 0.7258}), ("icu-1", {"nDCG@10": 0.3223, "R@100": 0.7255})],
)
def test_cranfields_scores(
    cranfield: StoredDataset, tokenizer: Tokenizer | None, expected: dict[str, float]
) -> None:
    """The first tokenizer's are those before there was another; docs/strategies.md has the difference."""
    queries = cranfield.queries
    rankings = index(cranfield, BM25(tokenizer=tokenizer)).search(range(len(queries)), 100)
    run = {
        query.query_id: dict(zip(*_lists(ranking), strict=True))
        for query, ranking in zip(queries, rankings, strict=True)
    }
    measures = [ir_measures.parse_measure(name) for name in expected]
    found = ir_measures.calc_aggregate(measures, cranfield.qrels, run)
    assert {str(measure): round(value, 4) for measure, value in found.items()} == expected


def _lists(ranking: Ranking) -> tuple[tuple[str, ...], tuple[float, ...]]:
    return ranking.doc_ids, ranking.scores


def test_cranfields_lists_do_not_depend_on_the_batch_or_the_run(
    cranfield: StoredDataset, tmp_path: Path
) -> None:
    rows = range(0, 225, 25)
    batched = index(cranfield, BM25()).search(rows, 100)
    again = ArtifactStore(str(tmp_path))
    other = index(StoredDataset.open(again, import_dataset(CRANFIELD, again).fingerprint), BM25())
    assert [other.search([row], 100)[0] for row in rows] == batched
