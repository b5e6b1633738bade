"""Importing as a whole: recognition, fingerprints, round trips, memory."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.canonical import ROW_GROUP_CHARACTERS, ROW_GROUP_ROWS, row_groups
from evaluator.datasets.reading import CorpusPart, QueriesPart, Reading, Table
from evaluator.datasets.staging.importing import import_dataset, import_files
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Document, Query
from evaluator.errors import DatasetError
from tests.unit.datasets.folders import WRITERS, WriteDataset, stored_files, write_objects

REPOSITORY = Path(__file__).parents[4]
CRANFIELD = REPOSITORY.parent / "shared/data/cranfield"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ids = texts.filter(lambda text: text.split() == [text] and "\0" not in text)
documents = st.dictionaries(ids, texts, min_size=1, max_size=8)
queries = st.dictionaries(ids, texts.filter(str.strip), min_size=1, max_size=8)


class TestRecognition:
    def test_a_folder_of_something_else(self, tmp_path: Path, store: ArtifactStore) -> None:
        (tmp_path / "folder/images").mkdir(parents=True)
        (tmp_path / "folder/corpus.csv").touch()
        with pytest.raises(DatasetError, match=r"corpus\.csv is empty"):
            import_dataset(tmp_path / "folder", store)
        (tmp_path / "folder/corpus.csv").rename(tmp_path / "folder/notes.bin")
        with pytest.raises(
            DatasetError, match=r"Found: images/, notes\.bin\. Expected .*BEIR: corpus\.jsonl"
        ):
            import_dataset(tmp_path / "folder", store)

    def test_an_empty_folder(self, tmp_path: Path, store: ArtifactStore) -> None:
        (tmp_path / "folder").mkdir()
        with pytest.raises(DatasetError, match="Found: nothing"):
            import_dataset(tmp_path / "folder", store)

    def test_no_folder(self, tmp_path: Path, store: ArtifactStore) -> None:
        with pytest.raises(DatasetError, match=r"there is no file or folder .*gone; give one"):
            import_dataset(tmp_path / "gone", store)

    def test_a_broken_archive(self, tmp_path: Path, store: ArtifactStore) -> None:
        (tmp_path / "dataset.zip").touch()
        with pytest.raises(DatasetError, match=r"dataset\.zip: it cannot be unpacked"):
            import_dataset(tmp_path / "dataset.zip", store)


class TestArchives:
    @pytest.mark.parametrize("inside", [False, True], ids=["the archive", "its folder"])
    def test_archives_are_unpacked_into_another_folder(
        self, beir: WriteDataset, tmp_path: Path, store: ArtifactStore, inside: bool
    ) -> None:
        plain = import_dataset(beir(), store)
        archive = Path(shutil.make_archive(str(tmp_path / "packed/dataset"), "zip", tmp_path / "beir"))
        before = archive.read_bytes()
        assert import_dataset(archive.parent if inside else archive, store) == plain
        assert [path.name for path in archive.parent.iterdir()] == ["dataset.zip"]
        assert archive.read_bytes() == before

    def test_a_single_file_may_be_the_dataset(self, tmp_path: Path, store: ArtifactStore) -> None:
        table = tmp_path / "faq.csv"
        table.write_text("question,answer\nhow long,an hour\nhow hot,as hot as it gets\n")
        (tmp_path / "corpus.jsonl").write_text("it lies beside, and is not asked for")
        manifest = import_dataset(table, store)
        assert (manifest.n_documents, manifest.n_queries, manifest.n_judgments) == (2, 2, 2)


def test_a_reading_replaces_the_guess(tmp_path: Path, store: ArtifactStore) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,first text\n2,second text\n")
    (tmp_path / "b.csv").write_text("z\nwhat is first\n")
    reading = Reading(
        CorpusPart(Table("a.csv", "csv"), ("y",), id="x"), QueriesPart(Table("b.csv", "csv"), "z")
    )
    dataset = StoredDataset.open(store, import_dataset(tmp_path, store, reading=reading).fingerprint)
    assert dataset.doc_ids == ["1", "2"]
    assert [query.text for query in dataset.queries] == ["what is first"]


class TestFingerprints:
    def test_the_same_tables_are_the_same_dataset_in_every_format(self, store: ArtifactStore) -> None:
        formats = ("beir", "csv", "decision-record", "excel", "json", "parquet", "tsv")
        manifests = [import_dataset(REPOSITORY / "data" / name, store) for name in formats]
        assert {manifest.fingerprint for manifest in manifests} == {"28492612e96328be"}
        assert (manifests[0].n_documents, manifests[0].n_queries, manifests[0].notes) == (10, 10, ())

    def test_importing_again_rewrites_nothing(
        self, write_dataset: WriteDataset, store: ArtifactStore
    ) -> None:
        folder = write_dataset()
        first = import_dataset(folder, store)
        times = {name: (Path(store.url) / name).stat().st_mtime_ns for name in stored_files(store)}
        assert import_dataset(folder, store) == first
        assert times == {name: (Path(store.url) / name).stat().st_mtime_ns for name in stored_files(store)}

    def test_editing_judgments_leaves_the_other_parts(self, beir: WriteDataset, store: ArtifactStore) -> None:
        folder = beir()
        before = import_dataset(folder, store)
        (folder / "qrels/test.tsv").write_text("q1\td1\t2\n")
        after = import_dataset(folder, store)
        assert (after.corpus, after.queries) == (before.corpus, before.queries)
        assert after.qrels != before.qrels
        assert len(store.names("corpora")) == 1
        assert len(store.names("datasets")) == 2

    def test_excluding_self_is_another_dataset_of_the_same_parts(
        self, beir: WriteDataset, store: ArtifactStore
    ) -> None:
        folder = beir()
        including, excluding = import_dataset(folder, store), import_dataset(folder, store, exclude_self=True)
        assert including.fingerprint != excluding.fingerprint
        assert len(store.names("qrels")) == 1

    @given(documents, queries, st.randoms(use_true_random=False))
    @settings(max_examples=20, deadline=None)
    def test_the_order_of_rows_does_not_matter(
        self, documents: dict[str, str], queries: dict[str, str], shuffling: random.Random
    ) -> None:
        judgments = [(query_id, doc_id, 1) for query_id in queries for doc_id in documents]
        parts: list[list[Any]] = [list(documents.items()), list(queries.items()), judgments]
        with tempfile.TemporaryDirectory() as name:
            store = ArtifactStore(f"{name}/store")
            first = import_dataset(WRITERS["beir"](Path(name) / "sorted", *parts), store)
            for part in parts:
                shuffling.shuffle(part)
            second = import_dataset(WRITERS["beir"](Path(name) / "shuffled", *parts), store)
        assert second.fingerprint == first.fingerprint


class TestRoundTrip:
    @pytest.mark.parametrize("name", sorted(WRITERS))
    @given(documents, queries, st.integers(-(2**31), 2**31 - 1))
    @settings(max_examples=20, deadline=None)
    def test_any_text_comes_back_as_it_was(
        self, name: str, documents: dict[str, str], queries: dict[str, str], grade: int
    ) -> None:
        grades = {doc_id: grade if row else 1 for row, doc_id in enumerate(documents)}  # one is relevant
        judgments = [(query_id, doc_id, grades[doc_id]) for query_id in queries for doc_id in documents]
        with tempfile.TemporaryDirectory() as temporary:
            store = ArtifactStore(f"{temporary}/store")
            folder = WRITERS[name](
                Path(temporary) / "dataset", list(documents.items()), list(queries.items()), judgments
            )
            dataset = StoredDataset.open(store, import_dataset(folder, store).fingerprint)
            assert list(dataset.documents()) == [Document(i, "", text) for i, text in documents.items()]
            assert dataset.queries == tuple(Query(i, text) for i, text in queries.items())
            assert dataset.qrels == dict.fromkeys(queries, grades)

    @given(st.binary(max_size=60))
    @settings(max_examples=50, deadline=None)
    def test_any_bytes_are_imported_or_refused(self, line: bytes) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            store = ArtifactStore(f"{temporary}/store")
            folder = WRITERS["beir"](Path(temporary) / "dataset")
            with (folder / "qrels/test.tsv").open("ab") as file:
                file.write(line)
            try:
                import_dataset(folder, store)
            except DatasetError:
                assert stored_files(store) == set()
            else:
                assert len(stored_files(store)) == 4


def test_progress_counts_documents(beir: WriteDataset, store: ArtifactStore) -> None:
    reports: list[int] = []
    folder = beir(documents=[(n, "text") for n in range(2500)], judgments=[("q1", 7, 1)])
    import_files(folder, store, on_progress=reports.append)
    assert reports == [1000, 2000, 2500]


def test_row_groups_are_bounded_by_rows_and_by_characters() -> None:
    short = [("d", "text")] * (ROW_GROUP_ROWS + 1)
    assert [len(group) for group in row_groups(short)] == [ROW_GROUP_ROWS, 1]
    long = [("d", "x" * (ROW_GROUP_CHARACTERS // 2))] * 5
    assert [len(group) for group in row_groups(long)] == [2, 2, 1]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's account of peak memory")
def test_a_large_corpus_needs_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    folders = []
    for n_documents in (1500, 8000):
        folder = WRITERS["beir"](tmp_path / str(n_documents), judgments=[("q1", 7, 1)])
        rows = [{"_id": n, "text": f"{n} " + "words of a document " * 500} for n in range(n_documents)]
        write_objects(folder / "corpus.jsonl", rows)
        folders.append(str(folder))
    assert Path(folders[1], "corpus.jsonl").stat().st_size > 80_000_000
    program = f"""
from pathlib import Path
from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.staging.importing import import_dataset, import_files

for folder in {folders!r}:
    import_dataset(Path(folder), ArtifactStore({str(tmp_path / "store")!r}))
    print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])  # peak so far, kB
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    after_small, after_large = map(int, run.stdout.split())
    assert after_large - after_small < 20_000  # kB, of the 65,000 more that were read


@pytest.mark.skipif(not CRANFIELD.is_dir(), reason="the Cranfield collection is not here")
def test_cranfield(store: ArtifactStore) -> None:
    manifest = import_dataset(CRANFIELD, store)
    assert (manifest.n_documents, manifest.n_queries, manifest.n_judgments) == (1400, 225, 1837)
    notes = {note.code: note for note in manifest.notes}
    assert set(notes) == {"empty-documents", "self-ids"}
    assert notes["empty-documents"].examples == ("471", "995")
    grades = [
        grade
        for docs in StoredDataset.open(store, manifest.fingerprint).qrels.values()
        for grade in docs.values()
    ]
    assert (min(grades), grades.count(-1)) == (-1, 225)
