"""Artifacts are compared with what was written when they are read: in a folder and in an object store."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from evaluator.artifacts import digests
from evaluator.artifacts import store as artifacts
from evaluator.artifacts.digests import DIGESTS, stamp_of
from evaluator.artifacts.store import ArtifactStore
from evaluator.errors import ArtifactLostError, ArtifactMissingError, DatasetDamagedError, EvaluatorError
from tests.unit.artifacts.test_artifacts import OpenStore, files, open_store, writing

__all__ = ["open_store"]  # a fixture

MADE, DATASET_PARTS = "indexes/ab12/bm25.npz", "corpora/ab12.parquet"
READS: dict[str, Callable[[ArtifactStore, str], object]] = {
    "local_path": lambda store, name: store.local_path(name).read_text(),
    "read_bytes": lambda store, name: store.read_bytes(name).decode(),
    "read_json": lambda store, name: str(store.read_json(name)),
}


def damage(store: ArtifactStore, name: str, content: bytes = b"7654321") -> None:
    """Write other bytes into an artifact, as no part of this software does."""
    fs, root = fsspec.core.url_to_fs(store.url)
    fs.makedirs(f"{root}/{name}".rpartition("/")[0], exist_ok=True)
    fs.pipe_file(f"{root}/{name}", content)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often a file's bytes are read to be compared."""
    seen: list[str] = []
    digest_of = digests.digest_of

    def count(file: object) -> str:
        seen.append("read")
        return digest_of(file)  # type: ignore[arg-type]

    monkeypatch.setattr("evaluator.artifacts.store.digest_of", count)
    return seen


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    "content", [b"1234567 ", b"12345", b"1234568", b""], ids=["longer", "cut off", "flipped", "empty"]
)
def test_what_can_be_made_again_is_removed_when_it_is_found_damaged(
    open_store: OpenStore, read: str, content: bytes
) -> None:
    store = open_store()
    store.put(MADE, writing("1234567"))
    assert READS[read](open_store(), MADE) == "1234567"
    damage(store, MADE, content)
    for _ in range(2):  # whoever finds it missing after that learns the same
        with pytest.raises(
            ArtifactLostError, match=f"the artifact {MADE} was damaged, and is removed; it is made again"
        ):
            READS[read](open_store(), MADE)
        assert not store.exists(MADE)
    store.put(MADE, writing("1234567"))
    assert READS[read](open_store(), MADE) == "1234567"
    store.remove(MADE)
    with pytest.raises(ArtifactMissingError, match=f"the artifact {MADE} is not in the store") as caught:
        store.local_path(MADE)
    assert not isinstance(caught.value, ArtifactLostError)
    assert files(store) == set()


@pytest.mark.parametrize("read", READS)
def test_what_people_brought_stays_as_it_is_until_it_is_brought_again(
    open_store: OpenStore, read: str
) -> None:
    store = open_store()
    store.put(DATASET_PARTS, writing("1234567"))
    damage(store, DATASET_PARTS)
    damaged = f"the file with the documents of a dataset is damaged: {DATASET_PARTS} in the store {store.url}"
    for _ in range(2):
        with pytest.raises(DatasetDamagedError) as caught:
            READS[read](open_store(), DATASET_PARTS)
        assert str(caught.value) == f"{damaged}; import the dataset again"
        assert store.exists(DATASET_PARTS)
    open_store().put(DATASET_PARTS, writing("1234567"))
    assert READS[read](open_store(), DATASET_PARTS) == "1234567"
    store.remove(DATASET_PARTS)
    with pytest.raises(DatasetDamagedError, match=f"is missing: {DATASET_PARTS} in"):
        READS[read](open_store(), DATASET_PARTS)


def test_a_folder_in_a_files_place_is_damage_and_no_readers_pipe_is_waited_for(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path))
    for name in (DATASET_PARTS, MADE):
        store.put(name, writing("1234567"))
        (tmp_path / name).unlink()
        (tmp_path / name).mkdir()
        assert store.state(name) == "damaged"
    with pytest.raises(
        DatasetDamagedError, match=f"the documents of a dataset is damaged: {DATASET_PARTS} in"
    ):
        store.local_path(DATASET_PARTS)
    with pytest.raises(IsADirectoryError, match=MADE):  # what is in it is not ours to remove
        store.local_path(MADE)
    (tmp_path / MADE).rmdir()
    os.mkfifo(tmp_path / MADE)
    assert store.state(MADE) == "damaged"
    with pytest.raises(ArtifactLostError, match="is removed; it is made again"):
        store.local_path(MADE)


def test_a_process_reads_a_file_once_and_again_when_it_has_changed(
    open_store: OpenStore, looks: list[str]
) -> None:
    writer, reader = open_store(), open_store()
    writer.put(MADE, writing("1234567"))
    assert looks == ["read"]  # what is written is read once
    for _ in range(5):
        path = reader.local_path(MADE)
    assert looks == ["read"] * 2
    stamp = reader.stamp(MADE)
    while stamp_of(path) == stamp:  # a file system's clock goes in steps of milliseconds
        path.write_text("1234567")  # the same once more: it is read again, to see that
    assert reader.stamp(MADE) != stamp
    assert reader.local_path(MADE) == path
    assert looks == ["read"] * 3


def test_who_wrote_a_file_does_not_read_it_again(tmp_path: Path, looks: list[str]) -> None:
    store = ArtifactStore(str(tmp_path))
    store.put(MADE, writing("1234567"))
    store.local_path(MADE)
    store.put(MADE, writing("never written"))
    assert looks == ["read"]


def test_a_copy_that_is_damaged_is_fetched_again(tmp_path: Path) -> None:
    url = f"memory://{uuid.uuid4().hex}"
    writer = ArtifactStore(url, cache=tmp_path)
    writer.put(MADE, writing("1234567"))
    writer.put(DATASET_PARTS, writing("1234567"))
    for name in (MADE, DATASET_PARTS):
        copy = ArtifactStore(url, cache=tmp_path).local_path(name)
        copy.write_text("1234568")
        for store in (writer, ArtifactStore(url, cache=tmp_path)):  # before, and after it was fetched again
            assert store.local_path(name).read_text() == "1234567"
        assert copy.read_text() == "1234567"


def test_a_copy_of_what_was_removed_is_not_there_any_more(tmp_path: Path) -> None:
    url = f"memory://{uuid.uuid4().hex}"
    ArtifactStore(url, cache=tmp_path).put(MADE, writing("1234567"))
    ArtifactStore(url, cache=tmp_path).local_path(MADE)
    ArtifactStore(url).remove(MADE)
    with pytest.raises(ArtifactMissingError, match="is not in the store"):
        ArtifactStore(url, cache=tmp_path).local_path(MADE)


def test_what_earlier_versions_wrote_is_read_without_a_digest(
    open_store: OpenStore, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store()
    for name in (MADE, DATASET_PARTS):
        store.put(name, writing("1234567"))
    fs, root = fsspec.core.url_to_fs(store.url)
    fs.rm(f"{root}/{DIGESTS}", recursive=True)
    damage(store, DATASET_PARTS)
    caplog.set_level("INFO")
    reader = open_store()
    for _ in range(2):
        assert [reader.local_path(name).read_text() for name in (MADE, DATASET_PARTS)] == [
            "1234567",
            "7654321",
        ]
    assert [reader.read_bytes(name) for name in (MADE, DATASET_PARTS)] == [b"1234567", b"7654321"]
    assert caplog.text.count("was written by a version without digests: damage is not noticed") == 1
    assert {name: reader.state(name) for name in reader.all_sizes()} == {
        MADE: "unknown",
        DATASET_PARTS: "unknown",
    }
    damage(store, "experiments/ab12.json", b'{"na')  # text of that time that is no JSON
    damage(store, "datasets/ab12.json", b'{"na')
    with pytest.raises(ArtifactMissingError, match="experiments/ab12"):
        open_store().read_json("experiments/ab12.json")
    with pytest.raises(DatasetDamagedError, match="the description of a dataset is damaged: datasets/ab12"):
        open_store().read_json("datasets/ab12.json")


def test_two_writers_of_different_bytes_leave_a_whole_artifact(open_store: OpenStore) -> None:
    """Each has recorded its digest before one of them wins."""
    both = threading.Barrier(2)

    def put(store: ArtifactStore, text: str) -> None:
        def write(path: Path) -> None:
            path.write_text(text)
            both.wait(10)

        store.put(MADE, write)

    writers = [threading.Thread(target=put, args=(open_store(), text)) for text in ("one", "other")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert open_store().local_path(MADE).read_text() in ("one", "other")
    assert open_store().state(MADE) == "whole"


def test_a_writer_that_dies_between_digest_and_artifact_harms_nobody(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCutError(BaseException):
        pass

    def die(*_: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as patch, pytest.raises(PowerCutError):
        patch.setattr(artifacts, "move", die)
        patch.setattr(ArtifactStore, "_upload", die)
        open_store().put(MADE, writing("1234567"))
    assert not open_store().exists(MADE)
    assert open_store().names("indexes") == set()
    open_store().put(MADE, writing("another"))
    assert open_store().local_path(MADE).read_text() == "another"


def test_who_replaces_an_artifact_while_it_is_read_damages_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(str(tmp_path))
    store.put(MADE, writing("1234567"))
    damage(store, MADE)
    digest_of = digests.digest_of

    def replaced_meanwhile(file: object) -> str:
        found = digest_of(file)  # type: ignore[arg-type]
        monkeypatch.setattr("evaluator.artifacts.store.digest_of", digest_of)
        other = ArtifactStore(str(tmp_path))
        other.put(MADE, writing("another"))
        return found

    monkeypatch.setattr("evaluator.artifacts.store.digest_of", replaced_meanwhile)
    assert ArtifactStore(str(tmp_path)).local_path(MADE).read_text() == "another"


def test_digests_are_no_artifacts(open_store: OpenStore) -> None:
    store = open_store()
    store.put("a/b", writing("1"))
    store.put("a/c/d", writing("22"))
    assert store.names("a") == {"b", "c"}
    assert store.sizes("a") == store.all_sizes() == {"a/b": 1, "a/c/d": 2}
    store.remove_folder("a/c")
    assert files(store) == {"a/b"}
    store.remove("a/b")
    assert files(store) == set()
    assert store.all_sizes() == {}


def test_everything_can_be_compared_without_changing_anything(open_store: OpenStore) -> None:
    store = open_store()
    for name in (MADE, DATASET_PARTS, "a/b"):
        store.put(name, writing("1234567"))
    for name in (MADE, DATASET_PARTS):
        damage(store, name)
    assert {name: open_store().state(name) for name in store.all_sizes()} == {
        MADE: "damaged", DATASET_PARTS: "damaged", "a/b": "whole",
    }  # fmt: skip
    assert files(store) == {MADE, DATASET_PARTS, "a/b"}
    with pytest.raises(EvaluatorError, match="is not in the store"):
        store.state("a/c")
