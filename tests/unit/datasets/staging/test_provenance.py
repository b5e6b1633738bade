"""Where a dataset comes from: its files with hashes, how they were read, what was repaired, when and by what."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evaluator import __version__
from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.recognise import recognise
from evaluator.datasets.staging import provenance
from evaluator.datasets.staging.importing import import_files
from evaluator.domain.dataset import Provenance, SourceFile
from tests.unit.datasets.table_files import write

FILES = {
    "documents.csv": "id,text\nd1,a chain\nd2 ,a brake\n",
    "queries.csv": "id,query\nq1,which chain\nq1,which brake\n",
    "judgments.csv": "query_id,doc_id,grade\nq1,d1,1\n",
    "LICENSE": "not read",
}


def written(folder: Path) -> Path:
    for name, content in FILES.items():
        write(folder, name, content)
    return folder


def reading(folder: Path) -> Reading:
    found = recognise(folder).reading
    assert found
    return dataclasses.replace(found, repairs=("leave-out-rows",))


def test_it_names_what_was_read_and_what_was_done(tmp_path: Path, store: ArtifactStore) -> None:
    folder = written(tmp_path / "given")
    before = datetime.now(UTC).replace(microsecond=0)
    manifest, found = import_files(folder, store, reading=reading(folder))
    names = ("documents.csv", "judgments.csv", "queries.csv")
    digests = {name: hashlib.sha256(FILES[name].encode()).hexdigest() for name in names}
    assert found.files == tuple(SourceFile(name, len(FILES[name]), digests[name]) for name in names)
    listing = "".join(f"{digests[name]}  {name}\n" for name in names)
    assert (found.n_files, found.sha256) == (3, hashlib.sha256(listing.encode()).hexdigest())
    assert Reading.from_json(found.reading) == reading(folder)
    assert {note.code: note.count for note in found.notes} == {
        "left-out-repeated-ids": 1,
        "padded-ids": 1,
    }
    assert before <= datetime.fromisoformat(found.imported_at) <= datetime.now(UTC)
    assert (found.version, found.exclude_self) == (__version__, False)
    assert found.notes == manifest.notes


def test_no_path_of_the_machine_is_in_it(tmp_path: Path, store: ArtifactStore) -> None:
    folder = written(tmp_path / "given")
    _, found = import_files(folder, store, reading=reading(folder))
    assert str(tmp_path) not in json.dumps(found.to_json())
    for name in ("/etc/passwd", "../other"):
        with pytest.raises(ValueError, match="not a path below a folder"):
            SourceFile(name, 1, "")


def test_it_comes_back_from_json(tmp_path: Path, store: ArtifactStore) -> None:
    folder = written(tmp_path / "given")
    _, found = import_files(folder, store, reading=reading(folder))
    written_ = json.dumps(found.to_json())
    assert json.dumps(Provenance.from_json(json.loads(written_)).to_json()) == written_


def test_the_same_files_with_the_same_reading_are_the_same_dataset(
    tmp_path: Path, store: ArtifactStore
) -> None:
    first, second = written(tmp_path / "one"), written(tmp_path / "two")
    read_one, from_one = import_files(first, store, reading=reading(first))
    read_two, from_two = import_files(
        second, store, reading=Reading.from_json(json.loads(json.dumps(from_one.reading)))
    )
    assert read_one.fingerprint == read_two.fingerprint
    assert (from_one.files, from_one.sha256) == (from_two.files, from_two.sha256)


def test_many_files_are_listed_in_part(
    tmp_path: Path, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "MAX_LISTED", 2)
    for number in range(5):
        write(tmp_path, f"notes/{number}.txt", f"note {number}")
    write(tmp_path, "queries.csv", "id,query\nq1,which note\nq2,which other\n")
    _, found = import_files(tmp_path, store)
    assert [file.name for file in found.files] == ["notes/0.txt", "notes/1.txt"]
    assert found.n_files == 6
