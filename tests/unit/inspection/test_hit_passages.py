"""Which passage of a document a chunked variant found it by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import EncoderSpec, ExperimentSpec
from evaluator.domain.ranking import Floats
from evaluator.domain.variant import BM25, Chunk, Dense, Retrieve, Variant
from evaluator.inspection.marking import Marker
from evaluator.inspection.passages import Passage, hit_passages
from evaluator.retrieval.search.indexes import Sources
from evaluator.retrieval.texts.encoder_texts import query_texts
from evaluator.retrieval.texts.passages import build_passages
from evaluator.retrieval.vectors.encoding import matrix_name
from tests.unit.jobs.experiments import make_dataset, make_spec

CHUNK = Chunk(size=8)
WORDS = Variant("words", Retrieve(bm25=BM25(chunk=CHUNK)))
VECTORS = Variant("vectors", Retrieve(dense=Dense("hash", chunk=CHUNK)))
ENCODER = EncoderSpec("hash", "static", "folder", "0" * 16, "hash")
LONG = "one two three four five six seven eight wings lift three four five six seven eight"


@pytest.fixture
def dataset(tmp_path: Path) -> StoredDataset:
    return make_dataset(ArtifactStore(str(tmp_path)), ["short", LONG], ["lifting wing"])


@pytest.fixture
def spec(dataset: StoredDataset) -> ExperimentSpec:
    """Passages: `short`, and two of the long document."""
    build_passages(CHUNK, None, dataset, dataset.store)
    return make_spec(dataset, [WORDS, VECTORS], ENCODER)


def put_matrix(store: ArtifactStore, name: str, matrix: Floats) -> None:
    def write(path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, matrix)

    store.put(name, write)


def test_without_vectors_the_passage_with_most_words_is_chosen(
    dataset: StoredDataset, spec: ExperimentSpec
) -> None:
    hits = hit_passages(spec, dataset, WORDS, ["d0", "d1"], Marker("lifting wing"), 0)
    assert hits["d0"] == Passage("short", 1, 1, sure=False)
    assert hits["d1"] == Passage("wings lift three four five six seven eight", 2, 2, sure=False)


def test_with_vectors_the_most_similar_passage_is_chosen(
    dataset: StoredDataset, spec: ExperimentSpec
) -> None:
    stage = VECTORS.retrieve.stage
    assert isinstance(stage, Dense)
    build_passages(CHUNK, ENCODER, dataset, dataset.store)
    passages = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
    documents = Sources(spec, dataset, dataset.store).documents(stage)
    put_matrix(dataset.store, matrix_name(ENCODER, documents), passages)
    put_matrix(dataset.store, matrix_name(ENCODER, query_texts(dataset)), passages[1:2])
    hits = hit_passages(spec, dataset, VECTORS, ["d1"], Marker("lifting wing"), 0)
    assert (hits["d1"].number, hits["d1"].sure) == (1, True)
    # A query that was typed has no stored vector.
    typed = hit_passages(spec, dataset, VECTORS, ["d1"], Marker("lifting wing"), None)
    assert (typed["d1"].number, typed["d1"].sure) == (2, False)


def test_whole_documents_have_no_passage(dataset: StoredDataset, spec: ExperimentSpec) -> None:
    whole = Variant("whole", Retrieve(bm25=BM25()))
    assert hit_passages(spec, dataset, whole, ["d1"], Marker("wing"), 0) == {}
