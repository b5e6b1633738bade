from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.layout import manifest_artifact
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Document, Query
from evaluator.domain.fingerprint import text_key
from evaluator.errors import DatasetDamagedError, UnknownNameError

BREAD = Path(__file__).parents[3] / "data/beir"


@pytest.fixture
def bread(store: ArtifactStore) -> StoredDataset:
    return StoredDataset.open(store, import_dataset(BREAD, store).fingerprint)


def test_rows_keep_the_order_of_the_file(bread: StoredDataset) -> None:
    assert bread.doc_ids[:3] == ["starter-feeding", "starter-hooch", "starter-mold"]
    assert [document.doc_id for document in bread.documents()] == bread.doc_ids
    assert bread.queries[0] == Query("q01", "how often do I have to feed my starter", ("starter",))


def test_grades_by_query_and_document(bread: StoredDataset) -> None:
    assert bread.qrels["q02"] == {"starter-hooch": 2, "starter-mold": 0}


def test_keys_are_those_of_the_encoded_texts(bread: StoredDataset) -> None:
    assert bread.document_keys() == [text_key(document.content) for document in bread.documents()]
    assert bread.query_keys == [text_key(query.text) for query in bread.queries]


def test_batches_have_the_requested_columns_and_size(bread: StoredDataset) -> None:
    batches = list(bread.corpus_batches(columns=("key", "doc_id"), batch_size=4))
    assert [batch.num_rows for batch in batches] == [4, 4, 2]
    assert batches[0].schema.names == ["key", "doc_id"]


def test_a_title_is_part_of_the_key(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d1", "title": "Title", "text": "and text"}')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "a query"}')
    dataset = StoredDataset.open(store, import_dataset(tmp_path, store).fingerprint)
    assert list(dataset.documents()) == [Document("d1", "Title", "and text")]
    assert dataset.document_keys() == [text_key("Title and text")]


def test_the_manifest_comes_back_with_its_notes(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d1", "text": ""}')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "a query"}')
    manifest = import_dataset(tmp_path, store)
    dataset = StoredDataset.open(store, manifest.fingerprint)
    assert dataset.manifest == manifest
    assert dataset.manifest.notes == manifest.notes
    assert [note.code for note in manifest.notes] == ["no-judgments", "empty-documents"]


@pytest.mark.parametrize("fingerprint", ["0123456789abcdef", "nonsense", "../corpora/x", ""])
def test_a_dataset_that_is_not_stored_is_unknown(bread: StoredDataset, fingerprint: str) -> None:
    with pytest.raises(UnknownNameError, match=f"there are: {bread.manifest.fingerprint}"):
        StoredDataset.open(bread.store, fingerprint)


def test_an_empty_store_has_no_dataset(store: ArtifactStore) -> None:
    with pytest.raises(UnknownNameError, match="there are: none"):
        StoredDataset.open(store, "0123456789abcdef")


def test_datasets_are_read_from_a_remote_store(tmp_path: Path) -> None:
    store = ArtifactStore("memory://datasets", cache=tmp_path)
    manifest = import_dataset(BREAD, store)
    assert len(list(StoredDataset.open(store, manifest.fingerprint).documents())) == 10


@pytest.mark.parametrize("record", ['{"corpus": 1', '{"corpsu": "ab12"}', "[1]", "7", "null"])
def test_a_damaged_description_of_an_earlier_version_is_one_sentence(
    bread: StoredDataset, record: str
) -> None:
    """It has no digest, so what it says has to tell."""
    artifact = manifest_artifact(bread.manifest.fingerprint)
    bread.store.remove(artifact)
    (Path(bread.store.url) / artifact).write_text(record)
    with pytest.raises(
        DatasetDamagedError, match=f"^the file with the description of a dataset is damaged: {artifact} in"
    ):
        StoredDataset.open(bread.store, bread.manifest.fingerprint)
