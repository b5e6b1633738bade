"""Datasets by name: versions, names, descriptions, deleting, and what deleting leaves."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.exported import says_exclude_self
from evaluator.datasets.staging.importing import import_dataset
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.judging.judgments import edit
from evaluator.library import catalog
from evaluator.library.registration import register
from evaluator.workspace.workspace import Workspace
from tests.conftest import TOPICS, WriteDataset
from tests.recorded import dataset_id
from tests.unit.finished import finished, submitted

RANKED = {"bm25": {f"q{n}": ["d0", "d1"] for n in range(10)}}


def kept(store: ArtifactStore) -> dict[str, int]:
    """How many files of each kind of part the store holds."""
    return {folder: len(store.names(folder)) for folder in ("datasets", "corpora", "queries", "qrels")}


def test_importing_other_content_under_the_same_name_makes_a_version(
    library: Workspace, write_dataset: WriteDataset
) -> None:
    catalog.import_folder(library, write_dataset("tiny"))
    again = catalog.import_folder(library, write_dataset("more", queries=TOPICS), "tiny")
    assert again.version == 2
    assert [version.change for version in catalog.versions(library, dataset_id(library, "tiny"))] == [
        "imported again, with other queries",
        "imported",
    ]


def test_names_that_look_the_same_are_the_same(library: Workspace, write_dataset: WriteDataset) -> None:
    """`café` with one character for the accented letter, and with two."""
    first, second = "caf\u00e9", "cafe\u0301"
    catalog.import_folder(library, write_dataset(), second)
    again = catalog.import_folder(library, write_dataset("more", queries=TOPICS), first)
    assert ([row.name for row in catalog.all_datasets(library)], again.version) == ([first], 2)
    assert catalog.find(library, second) == catalog.resolve(library, second, allow_paths=False) == again
    catalog.import_folder(library, write_dataset("other"), "other")
    with pytest.raises(InvalidInputError, match="another dataset is called"):
        catalog.rename(library, "other", second)


def test_a_name_that_was_stored_in_another_form_stays_one_dataset(
    library: Workspace, write_dataset: WriteDataset
) -> None:
    """Earlier versions stored names as they were given."""
    row = catalog.import_folder(library, write_dataset(), "cafe")
    with library.database.transaction() as cursor:
        cursor.execute("UPDATE datasets SET name = ?", ["cafe\u0301"])
    again = catalog.import_folder(library, write_dataset("more", queries=TOPICS), "caf\u00e9")
    assert (again.id, again.version) == (row.id, 2)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "needs a name"),
        (" \t", "needs a name"),
        (".", "stands for a folder in addresses"),
        (" .. ", "stands for a folder in addresses"),
        ("a/b", "holds a slash"),
        ("a\\b", "holds a slash"),
        ("a\nb", "cannot be printed"),
        ("x" * 121, "longer than 120"),
    ],
)
def test_invalid_names_of_datasets(
    library: Workspace, write_dataset: WriteDataset, name: str, reason: str
) -> None:
    catalog.import_folder(library, write_dataset())
    with pytest.raises(InvalidInputError, match=reason):
        catalog.rename(library, "tiny", name)
    assert [row.name for row in catalog.all_datasets(library)] == ["tiny"]


def test_a_dataset_is_renamed_and_described_or_neither(
    library: Workspace, write_dataset: WriteDataset
) -> None:
    catalog.import_folder(library, write_dataset())
    row = catalog.change(library, "tiny", " Ærø ", " Small. ", ["aero", "aero ", ""])
    assert (row.name, row.description, row.tags) == ("Ærø", "Small.", ("aero",))
    with pytest.raises(InvalidInputError, match="no word of 40 characters"):
        catalog.change(library, "Ærø", "other", "", ["x" * 41])
    with pytest.raises(InvalidInputError, match="more than the 20"):
        catalog.describe(library, "Ærø", "", [str(n) for n in range(21)])
    with pytest.raises(InvalidInputError, match="4,001 characters"):
        catalog.describe(library, "Ærø", "x" * 4001, [])
    assert catalog.find(library, "Ærø") == row


def test_the_experiments_and_siblings_of_a_dataset(library: Workspace, write_dataset: WriteDataset) -> None:
    row = catalog.import_folder(library, write_dataset())
    other = catalog.import_folder(library, write_dataset("other-people", qrels={0: {1: 1}}))
    catalog.import_folder(library, write_dataset("elsewhere", documents=TOPICS[:9]))
    assert catalog.siblings(library, row) == [other]
    spec = submitted(library, "tiny")
    edit(library, dataset_id(library, "tiny"), {("q0", "d1"): 1})
    assert [experiment.id for experiment in catalog.used_by(library, dataset_id(library, "tiny"))] == [
        spec.id
    ]
    assert catalog.used_by(library, dataset_id(library, "other-people")) == []


def test_a_dataset_in_use_stays_until_its_experiments_are_deleted(
    library: Workspace, write_dataset: WriteDataset
) -> None:
    catalog.import_folder(library, write_dataset())
    spec = finished(library, "tiny", RANKED, name="first look")
    edit(library, dataset_id(library, "tiny"), {("q0", "d1"): 1})
    with pytest.raises(InvalidInputError, match="Delete them first: first look"):
        catalog.remove(library, "tiny")
    assert kept(library.store) == {"datasets": 2, "corpora": 1, "queries": 1, "qrels": 2}
    for experiment in catalog.used_by(library, dataset_id(library, "tiny")):
        lifecycle.delete(library, experiment)
    assert spec.id not in {row.id for row in lifecycle.all_experiments(library)}
    catalog.remove(library, "tiny")
    assert catalog.all_datasets(library) == []
    assert kept(library.store) == {"datasets": 0, "corpora": 0, "queries": 0, "qrels": 0}
    with pytest.raises(UnknownNameError):
        catalog.remove(library, "tiny")


def test_files_shared_with_another_dataset_stay(library: Workspace, write_dataset: WriteDataset) -> None:
    catalog.import_folder(library, write_dataset())
    other = catalog.import_folder(library, write_dataset("other-people", qrels={0: {1: 1}}))
    twin = catalog.import_folder(library, write_dataset("twin"))
    catalog.remove(library, "tiny")
    assert kept(library.store) == {"datasets": 2, "corpora": 1, "queries": 1, "qrels": 2}
    catalog.remove(library, "twin")
    assert kept(library.store) == {"datasets": 1, "corpora": 1, "queries": 1, "qrels": 1}
    assert catalog.load(library, other).qrels == {"q0": {"d1": 1}}
    assert len(catalog.load(library, other).doc_ids) == twin.manifest.n_documents


def test_files_used_by_an_older_experiment_stay(library: Workspace, write_dataset: WriteDataset) -> None:
    """Once, a dataset could be deleted beneath an experiment; migration 8 gave it a dataset without versions."""
    old = catalog.import_folder(library, write_dataset())
    submitted(library, "tiny")
    library.database.cursor.execute("INSERT INTO datasets (name) VALUES ('gone')")
    library.database.cursor.execute(
        "UPDATE experiments SET dataset = (SELECT id FROM datasets WHERE name = 'gone')"
    )
    catalog.remove(library, "tiny")
    assert catalog.load(library, old).qrels["q0"] == {"d0": 1}


def test_deleting_and_importing_the_same_at_once_never_leaves_a_name_without_files(
    library: Workspace, write_dataset: WriteDataset
) -> None:
    folders: list[Path] = [write_dataset("one"), write_dataset("other")]
    catalog.import_folder(library, folders[0])

    def import_again() -> None:
        for _ in range(5):
            catalog.import_folder(library, folders[1])
            catalog.remove(library, "other")
        catalog.import_folder(library, folders[1])

    thread = threading.Thread(target=import_again)
    thread.start()
    for _ in range(5):
        catalog.remove(library, "one")
        catalog.import_folder(library, folders[0])
    catalog.remove(library, "one")
    thread.join()
    (row,) = catalog.all_datasets(library)
    assert len(catalog.load(library, row).queries) == 10


RUN = """
name: theirs
dataset: tiny
measures: [nDCG@10]
variants: [{name: theirs, retrieve: {run: {name: theirs}}}]
"""


def test_a_run_that_comes_with_a_known_dataset_is_a_new_version(
    library: Workspace, write_dataset: WriteDataset
) -> None:
    """Also if it arrives as commands and REST bring it: by the fingerprint of what is in the store."""
    folder = write_dataset()
    before = catalog.import_folder(library, folder)
    with pytest.raises(InvalidInputError, match="the dataset has: none"):
        lifecycle.resolve_spec(library, parse_experiment(RUN), before, allow_paths=False)
    (folder / "theirs.run").write_text("q0 Q0 d0 1 2.5 x\n")
    stored = import_dataset(folder, library.store)
    row = register(library, "tiny", stored.fingerprint, "", "", ())
    assert (row.version, [run.name for run in row.manifest.runs]) == (2, ["theirs"])
    assert (
        catalog.versions(library, dataset_id(library, "tiny"))[0].change == "imported again, with other runs"
    )
    spec = lifecycle.resolve_spec(library, parse_experiment(RUN), row, allow_paths=False)

    (folder / "theirs.run").write_text("q0 Q0 d1 1 2.5 x\n")
    replaced = catalog.import_folder(library, folder)
    assert replaced.version == 3
    again = lifecycle.resolve_spec(library, parse_experiment(RUN), replaced, allow_paths=False)
    assert spec.id != again.id
    assert catalog.import_folder(library, folder).version == 3  # nothing is new


def test_edited_judgments_keep_the_runs_and_experiments_are_rescored(
    library: Workspace, write_dataset: WriteDataset
) -> None:
    folder = write_dataset()
    (folder / "theirs.run").write_text("q0 Q0 d0 1 2.5 x\n")
    before = catalog.import_folder(library, folder)
    spec = finished(library, "tiny", RANKED)
    after = edit(library, dataset_id(library, "tiny"), {("q0", "d1"): 1})
    assert after.manifest.runs == before.manifest.runs
    assert catalog.load(library, after).manifest.runs == before.manifest.runs
    ids = {row.id: row.spec.dataset for row in lifecycle.all_experiments(library)}
    assert set(ids.values()) == {before.manifest.fingerprint, after.manifest.fingerprint}
    assert spec.id in ids


def test_deleting_a_dataset_removes_runs_that_nobody_needs(
    library: Workspace, write_dataset: WriteDataset
) -> None:
    one, other = write_dataset("one"), write_dataset("other")
    for folder in (one, other):
        (folder / "theirs.run").write_text("q0 Q0 d0 1 2.5 x\n")
    (one / "ours.run").write_text("q0 Q0 d1 1 2.5 x\n")
    catalog.import_folder(library, one)
    catalog.import_folder(library, other)
    assert len(library.store.names("runs")) == 2
    catalog.remove(library, "one")
    assert len(library.store.names("runs")) == 1
    catalog.remove(library, "other")
    assert library.store.names("runs") == set()
    assert not any(kept(library.store).values())


@pytest.mark.parametrize("about", ["[" * 90_000, '{"exclude_self": 1}', "\ud800", "{"])
def test_other_files_called_dataset_json_are_ignored(tmp_path: Path, about: str) -> None:
    """Among files from outside there may be any `dataset.json`."""
    (tmp_path / "dataset.json").write_bytes(about.encode(errors="surrogatepass"))
    assert not says_exclude_self(tmp_path)


def test_a_folder_is_read_again_whenever_an_experiment_names_it(library: Workspace, tmp_path: Path) -> None:
    """A run that was replaced, or any other file, is seen; judgments that people edited since are kept."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text('{"_id": "a", "text": "a text"}\n{"_id": "b", "text": "b text"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "a query"}\n')
    (folder / "theirs.run").write_text("1 Q0 a 1 2 x\n")
    first = catalog.resolve(library, str(folder), allow_paths=True)
    (folder / "theirs.run").write_text("1 Q0 b 1 2 x\n")
    second = catalog.resolve(library, str(folder), allow_paths=True)
    assert second.version == first.version + 1
    assert second.manifest.runs != first.manifest.runs
    edit(library, second.id, {("1", "a"): 1})
    again = catalog.resolve(library, str(folder), allow_paths=True)
    assert (again.version, again.manifest.n_judgments) == (3, 1)
