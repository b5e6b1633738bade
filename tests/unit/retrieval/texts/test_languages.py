"""The language of a corpus, and what BM25 takes from it."""

from __future__ import annotations

import random

import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import Experiment
from evaluator.domain.variant import BM25, Dense, Fuse, Retrieve, Variant
from evaluator.retrieval.texts.languages import CorpusLanguage, corpus_language, with_language
from tests.unit.retrieval.conftest import MakeDataset

GERMAN = [
    "Springende Ketten deuten auf verschlissene Kassetten hin.",
    "Laufräder werden zentriert.",
    "Höhe 12",
]
ENGLISH = [
    "A slipping chain usually means that the chain is worn.",
    "Clean the rotor with alcohol, and sand the pads of the brake until they are even.",
]
THAI = ["โซ่จักรยานลื่นเพราะโซ่หรือเฟืองสึก", "ดิสก์เบรกมีเสียงดังเพราะเปื้อนน้ำมัน"]


@pytest.mark.parametrize(
    ("documents", "code", "stemmer", "stop_words"),
    [
        (GERMAN, "de", "german", "german"),
        (ENGLISH, "en", "english", "english"),
        (THAI, "th", "none", "none"),
        (["साइकिल की चेन फिसलती है", "ब्रेक से आवाज़ आती है"], "hi", "hindi", "none"),
        (["4711 0815 1234", "12"], None, "none", "none"),
    ],
)
def test_a_corpus_has_the_language_of_most_of_its_text(
    make_dataset: MakeDataset, documents: list[str], code: str | None, stemmer: str, stop_words: str
) -> None:
    language = corpus_language(make_dataset(documents))
    assert (language.code, language.stemmer, language.stop_words) == (code, stemmer, stop_words)


def test_a_corpus_of_several_languages_has_none(make_dataset: MakeDataset) -> None:
    # Each document is longer than a piece: two of four pieces are German, which is not more than half.
    texts = [" ".join(part * 20) for part in (GERMAN, GERMAN[::-1], ENGLISH, THAI * 2)]
    language = corpus_language(make_dataset(texts))
    assert language == CorpusLanguage(None, 0.5)
    assert language.name == "unknown"


def test_the_language_does_not_depend_on_the_order_of_documents(make_dataset: MakeDataset) -> None:
    texts = [f"{n} {text}" for n in range(60) for text in (*GERMAN, *ENGLISH)]
    found = set()
    for seed in range(3):
        random.Random(seed).shuffle(texts)
        found.add(corpus_language(make_dataset(texts)))
    assert len(found) == 1


def test_a_language_is_identified_once(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(GERMAN)
    name = f"languages/{dataset.manifest.corpus}.json"
    dataset.store.put_json(name, {"code": "fr", "share": 0.75})
    assert corpus_language(dataset) == CorpusLanguage("fr", 0.75)
    dataset.store.remove(name)
    assert corpus_language(dataset).code == "de"


def experiment(*leaves: BM25) -> Experiment:
    return Experiment("x", "d", tuple(Variant(str(n), Retrieve(bm25=leaf)) for n, leaf in enumerate(leaves)))


def test_auto_becomes_the_language_of_the_corpus_wherever_it_stands(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(GERMAN)
    alone = with_language(experiment(BM25.written(), BM25.written(stemmer="none", k1=2.0)), dataset)
    assert [variant.retrieve.stage for variant in alone.variants] == [
        BM25(stemmer="german", stop_words="german", tokenizer="icu-1"),
        BM25(2.0, stemmer="none", stop_words="german", tokenizer="icu-1"),
    ]
    vectors = Retrieve(dense=Dense("m"))
    fused = Variant("f", Retrieve(fuse=Fuse(of=(Retrieve(bm25=BM25.written()), vectors))))
    resolved = with_language(Experiment("x", "d", (fused,)), dataset).variants[0]
    assert list(resolved.retrieve.leaves()) == [alone.variants[0].retrieve.stage, Dense("m")]


def test_what_is_written_stays_and_needs_no_language(make_dataset: MakeDataset) -> None:
    gone = StoredDataset(ArtifactStore("memory://nothing-is-here"), make_dataset(GERMAN).manifest)
    written = experiment(BM25(), BM25(stemmer="none", stop_words="none", tokenizer="icu-1"))
    assert with_language(written, gone) == written
