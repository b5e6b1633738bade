"""Files that add queries and judgments to a stored dataset."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.recognition.recognise import Recognised, recognise
from evaluator.datasets.recognition.stored_tables import CORPUS, QUERIES
from evaluator.datasets.staging.extending import link_stored, open_extended
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.staging.stage import Staged, publish, stage
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import DatasetManifest
from evaluator.errors import DatasetError
from tests.conftest import BEGINNINGS, TOPICS, write_beir
from tests.unit.datasets.recognition.recognising import write

RUN = "".join(f"q{n} Q0 d{n} 1 0.5 x\nq{n} Q0 d{9 - n} 2 0.25 x\n" for n in range(3))


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(f"file://{tmp_path}/artifacts", tmp_path / "cache")


@pytest.fixture
def documents_alone(tmp_path: Path, store: ArtifactStore) -> DatasetManifest:
    """Ten documents without queries."""
    folder = tmp_path / "alone"
    folder.mkdir()
    write(folder, {"notes.csv": "id,text\n" + "".join(f"d{n},{text}\n" for n, text in enumerate(TOPICS))})
    reading = recognise(folder).reading
    return import_dataset(folder, store, reading=reading)


@pytest.fixture
def judged(tmp_path: Path, store: ArtifactStore) -> DatasetManifest:
    """Ten documents, ten queries, ten judgments and a run."""
    folder = write_beir(tmp_path / "judged")
    (folder / "theirs.run").write_text(RUN)
    return import_dataset(folder, store)


def recognised(tmp_path: Path, store: ArtifactStore, before: DatasetManifest, **files: str) -> Recognised:
    """How new files are read beside those of a dataset; `_` in a name is a dot."""
    folder = write(tmp_path / "new", {name.replace("_", "."): text for name, text in files.items()})
    link_stored(store, before, folder)
    return recognise(folder, adds=True)


def extended(tmp_path: Path, store: ArtifactStore, before: DatasetManifest, **files: str) -> Staged:
    """A dataset with what new files add to it."""
    found = recognised(tmp_path, store, before, **files)
    assert (found.problems, found.doubts) == ((), ())
    assert found.reading is not None
    return stage(open_extended(tmp_path / "new", found.reading), tmp_path / "staged")


def test_documents_alone_are_a_dataset(store: ArtifactStore, documents_alone: DatasetManifest) -> None:
    sizes = (documents_alone.n_documents, documents_alone.n_queries, documents_alone.n_judgments)
    assert sizes == (10, 0, 0)
    stored = StoredDataset.open(store, documents_alone.fingerprint)
    assert (stored.queries, stored.qrels, len(stored.doc_ids)) == ((), {}, 10)


def test_a_file_of_questions_and_expected_documents_completes_it(
    tmp_path: Path, store: ArtifactStore, documents_alone: DatasetManifest
) -> None:
    rows = "".join(f"{text}?,d{n}\n" for n, text in enumerate(BEGINNINGS))
    staged = extended(tmp_path, store, documents_alone, golden_csv=f"question,expected\n{rows}")
    assert staged.defects == ()
    manifest = publish(staged, store)
    assert (manifest.n_documents, manifest.n_queries, manifest.n_judgments) == (10, 10, 10)
    assert manifest.corpus == documents_alone.corpus


def test_judgments_alone_belong_to_the_queries_that_are_there(
    tmp_path: Path, store: ArtifactStore, judged: DatasetManifest
) -> None:
    rows = "".join(f"q{n},d{(n + 1) % 10},{n % 2}\n" for n in range(10))
    found = recognised(tmp_path, store, judged, grades_csv=f"query_id,doc_id,relevance\n{rows}")
    assert found.reading is not None
    assert found.reading.queries == QUERIES
    manifest = publish(stage(open_extended(tmp_path / "new", found.reading), tmp_path / "staged"), store)
    assert (manifest.corpus, manifest.queries) == (judged.corpus, judged.queries)
    assert StoredDataset.open(store, manifest.fingerprint).qrels["q1"] == {"d1": 1, "d2": 1}


def test_queries_documents_and_runs_stay_as_they_were(
    tmp_path: Path, store: ArtifactStore, judged: DatasetManifest
) -> None:
    manifest = publish(
        extended(tmp_path, store, judged, more_csv="id,question\nn1,what is new here\n"), store
    )
    assert manifest == dataclasses.replace(judged, queries=manifest.queries, n_queries=11)
    assert StoredDataset.open(store, manifest.fingerprint).queries[-1].text == "what is new here"


def test_a_query_that_is_there_already_stays_one(
    tmp_path: Path, store: ArtifactStore, judged: DatasetManifest
) -> None:
    """The file has no ids: its first question has the text of q0, and is q0."""
    golden = f"question,expected\n{BEGINNINGS[0]},d5\nsomething else,d6\n"
    manifest = publish(extended(tmp_path, store, judged, golden_csv=golden), store)
    stored = StoredDataset.open(store, manifest.fingerprint)
    assert len(stored.queries) == 11
    assert stored.qrels["q0"] == {"d0": 1, "d5": 1}
    assert [note.message for note in manifest.notes if note.code == "known-queries"] == [
        "queries of the new files are in the dataset already, and stay as they are"
    ]


def test_an_id_of_another_query_is_a_defect(
    tmp_path: Path, store: ArtifactStore, judged: DatasetManifest
) -> None:
    staged = extended(tmp_path, store, judged, more_csv="id,question\nq0,another text\nn1,a new one\n")
    (defect,) = staged.defects
    assert defect.code == "repeated-ids"
    assert "the query id 'q0' is already at stored dataset/queries.parquet:1" in defect.examples[0]


def test_another_grade_than_the_stored_one_is_a_defect(
    tmp_path: Path, store: ArtifactStore, judged: DatasetManifest
) -> None:
    rows = "q0,d0,0\nq1,d2,1\nq2,d3,1\n"
    staged = extended(tmp_path, store, judged, grades_csv=f"query_id,doc_id,relevance\n{rows}")
    (defect,) = staged.defects
    assert "gives 'd0' the grade 0, but 1 at stored dataset/qrels.parquet:1" in defect.examples[0]


def test_files_with_neither_queries_nor_judgments_add_nothing(
    tmp_path: Path, store: ArtifactStore, judged: DatasetManifest
) -> None:
    found = recognised(tmp_path, store, judged, prices_csv="item,price\na,1\nb,2\n")
    assert found.reading is None
    assert found.problems[-1].startswith("neither queries nor judgments were found")


def test_documents_of_new_files_are_not_taken_in_silence(
    tmp_path: Path, store: ArtifactStore, judged: DatasetManifest
) -> None:
    """The stored corpus stays; what a file of documents beside the queries is for is asked, or it is named unused."""
    found = recognised(
        tmp_path,
        store,
        judged,
        questions_csv="id,question\nn1,what is new here\n",
        articles_csv="id,title,text\nx1,new,a long text about something that nobody has searched for so far\n",
    )
    assert found.reading is not None
    assert found.reading.corpus == CORPUS
    assert found.reading.ignored == ("articles.csv",)


def test_files_may_not_lie_where_the_datasets_own_go(
    tmp_path: Path, store: ArtifactStore, judged: DatasetManifest
) -> None:
    with pytest.raises(DatasetError, match=r"the files hold 'stored dataset'.*rename it"):
        recognised(tmp_path, store, judged, **{"stored dataset/corpus_parquet": "mine"})
