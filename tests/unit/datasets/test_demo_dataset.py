from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.demo import write_demo_dataset
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.stored import StoredDataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "dataset"
    write_demo_dataset(folder)
    return folder


@pytest.fixture(scope="module")
def demo(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> StoredDataset:
    store = ArtifactStore(str(tmp_path_factory.mktemp("store")))
    return StoredDataset.open(store, import_dataset(folder, store).fingerprint)


def test_every_fourth_document_has_a_query(demo: StoredDataset) -> None:
    assert 1500 < demo.manifest.n_documents < 2500  # 1,886 on Python 3.11
    relevant = [doc_id for docs in demo.qrels.values() for doc_id in docs]
    assert relevant == demo.doc_ids[::4]
    assert demo.manifest.n_judgments == demo.manifest.n_queries


def test_the_import_has_no_notes(demo: StoredDataset) -> None:
    assert demo.manifest.notes == ()


def test_query_and_document_share_a_docstring(demo: StoredDataset) -> None:
    documents = {document.doc_id: document for document in demo.documents()}
    sentence_by_id = {query.query_id: query.text for query in demo.queries}
    (query_id,) = [query_id for query_id, docs in demo.qrels.items() if "abc.abstractmethod" in docs]
    assert sentence_by_id[query_id] == "A decorator indicating abstract methods."
    assert documents["abc.abstractmethod"].content.startswith(
        "abc.abstractmethod Requires that the metaclass"
    )


def test_private_and_test_modules_are_left_out(demo: StoredDataset) -> None:
    assert not [doc_id for doc_id in demo.doc_ids if doc_id.startswith(("_", "test.")) or "._" in doc_id]
    assert not [
        doc_id for doc_id in demo.doc_ids if doc_id.startswith(("unittest.test.", "idlelib.idle_test."))
    ]


def test_sentences_are_long_enough_and_unique(demo: StoredDataset) -> None:
    sentences = [query.text for query in demo.queries]
    assert len(set(sentences)) == len(sentences)
    assert min(len(sentence.split()) for sentence in sentences) >= 5
    assert min(len(document.text.split()) for document in demo.documents()) >= 15
    assert not [sentence for sentence in sentences if "\n" in sentence]


def test_writing_it_again_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    write_demo_dataset(tmp_path)
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
