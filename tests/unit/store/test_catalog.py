"""Datasets and experiments by name and id."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import duckdb
import pytest

from evaluator.domain.access import MAIN
from evaluator.domain.dataset import DatasetManifest, ImportNote, Provenance, SourceFile
from evaluator.domain.records import DatasetRow
from evaluator.domain.result import VariantFailure
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.store import datasets, experiments
from evaluator.store.file import condition, migrating
from evaluator.store.file.database import Database
from evaluator.store.file.migrating import migrations
from evaluator.store.ratings import Rating, guidelines, ratings
from evaluator.store.results import record, recorded_counts
from evaluator.store.status import change_status
from tests.unit.store.rows import save, scored, spec_of

MANIFEST = DatasetManifest(
    "c1", "q1", "r1", 3, 2, 4, notes=(ImportNote("empty-documents", 1, "one", ("d1",)),)
)


def test_a_dataset_comes_back(database: Database) -> None:
    datasets.save_dataset(database, MAIN, "bread", MANIFEST, "/data/bread")
    (row,) = datasets.all_datasets(database)
    assert (row.name, row.manifest, row.manifest.notes, row.source) == (
        "bread",
        MANIFEST,
        MANIFEST.notes,
        "/data/bread",
    )


EDITED = dataclasses.replace(MANIFEST, qrels="r2")


def test_the_same_name_with_other_content_is_its_next_version(database: Database) -> None:
    id_ = datasets.save_dataset(database, MAIN, "bread", MANIFEST, "/data/bread")
    assert datasets.save_dataset(database, MAIN, "bread", EDITED, "/elsewhere") == id_
    (row,) = datasets.all_datasets(database)
    assert (row.manifest, row.source, row.version) == (EDITED, "/elsewhere", 2)
    newest, first = datasets.versions(database, id_)
    assert (newest.version, newest.manifest, newest.change) == (
        2,
        EDITED,
        "imported again, with other judgments",
    )
    assert (first.version, first.manifest, first.change) == (1, MANIFEST, "imported")


def test_the_same_content_under_the_same_name_changes_nothing(database: Database) -> None:
    datasets.save_dataset(database, MAIN, "bread", MANIFEST, "/data/bread", "About bread.", ("food",))
    before = datasets.all_datasets(database)
    datasets.save_dataset(database, MAIN, "bread", MANIFEST, "/elsewhere")
    assert datasets.all_datasets(database) == before


PROVENANCE = Provenance(
    (SourceFile("a.csv", 7, "ab"),), 1, "cd", {"corpus": {}}, False, (), "2026-01-02", "1.0"
)


def test_provenance_belongs_to_a_version(database: Database) -> None:
    id_ = datasets.save_dataset(database, MAIN, "bread", MANIFEST, "a", provenance=PROVENANCE)
    datasets.save_dataset(database, MAIN, "bread", EDITED, "b")
    assert datasets.provenance_by_version(database, id_) == {1: PROVENANCE}
    later = dataclasses.replace(PROVENANCE, imported_at="2026-01-03")
    datasets.save_dataset(database, MAIN, "bread", EDITED, "b", provenance=later)
    assert datasets.provenance_by_version(database, id_) == {1: PROVENANCE, 2: later}


def test_the_same_content_again_replaces_the_provenance_without_a_new_version(database: Database) -> None:
    id_ = datasets.save_dataset(database, MAIN, "bread", MANIFEST, "a", provenance=PROVENANCE)
    again = dataclasses.replace(PROVENANCE, version="1.1")
    assert datasets.save_dataset(database, MAIN, "bread", MANIFEST, "a", provenance=again) == id_
    assert [version.version for version in datasets.versions(database, id_)] == [1]
    assert datasets.provenance_by_version(database, id_) == {1: again}
    datasets.save_dataset(database, MAIN, "bread", MANIFEST, "a")  # nothing is known: nothing is forgotten
    assert datasets.provenance_by_version(database, id_) == {1: again}


def test_provenance_goes_with_its_dataset(database: Database) -> None:
    id_ = datasets.save_dataset(database, MAIN, "bread", MANIFEST, "a", provenance=PROVENANCE)
    datasets.remove_dataset(database, id_)
    assert datasets.provenance_by_version(database, id_) == {}


def test_content_that_comes_back_is_a_new_version(database: Database) -> None:
    for manifest in (MANIFEST, EDITED, MANIFEST):
        datasets.save_dataset(database, MAIN, "bread", manifest, "/data/bread")
    assert [version.manifest.qrels for version in datasets.versions(database)] == ["r1", "r2", "r1"]


def test_a_dataset_is_described_and_a_later_import_leaves_that(database: Database) -> None:
    datasets.save_dataset(database, MAIN, "bread", MANIFEST, "/data/bread", "About bread.", ("food", "small"))
    datasets.save_dataset(database, MAIN, "bread", EDITED, "/data/bread")
    (row,) = datasets.all_datasets(database)
    assert (row.description, row.tags) == ("About bread.", ("food", "small"))
    datasets.describe_dataset(database, row.id, "", ())
    (row,) = datasets.all_datasets(database)
    assert (row.description, row.tags) == ("", ())


def test_a_new_name_is_also_what_experiments_say(database: Database) -> None:
    dataset = datasets.save_dataset(database, MAIN, "a dataset", MANIFEST, "/data/bread")
    datasets.save_dataset(database, MAIN, "a dataset", EDITED, "/data/bread")
    id_ = save(database)
    datasets.rename_dataset(database, dataset, "bread")
    assert [row.name for row in datasets.all_datasets(database)] == ["bread"]
    assert [version.name for version in datasets.versions(database)] == ["bread", "bread"]
    assert experiments.experiment(database, id_).dataset == "bread"


def test_two_datasets_never_have_one_name(database: Database) -> None:
    bread = datasets.save_dataset(database, MAIN, "bread", MANIFEST, "/data/bread")
    datasets.save_dataset(database, MAIN, "cake", EDITED, "/data/cake")
    with pytest.raises(InvalidInputError, match="another dataset is called 'cake'"):
        datasets.rename_dataset(database, bread, "cake")
    assert {row.name for row in datasets.all_datasets(database)} == {"bread", "cake"}


def test_a_dataset_in_use_is_not_removed(database: Database) -> None:
    dataset = datasets.save_dataset(database, MAIN, "a dataset", MANIFEST, "/data/bread")
    id_ = save(database)
    with pytest.raises(InvalidInputError, match="Delete them first: toy"):
        datasets.remove_dataset(database, dataset)
    assert len(datasets.versions(database)) == 1
    change_status(database, id_, "cancel")
    experiments.delete_experiment(database, id_)
    datasets.remove_dataset(database, dataset)
    assert (datasets.all_datasets(database), datasets.versions(database)) == ([], [])


def test_an_older_database_keeps_its_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "evaluator.duckdb"
    first_only = migrations()[:1]
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "migrations", lambda: first_only)
        patch.setattr(condition, "COLUMNS", {})  # those of the newest version
        Database(path).close()
    with duckdb.connect(str(path)) as old:
        old.execute(
            "INSERT INTO datasets (name, fingerprint, manifest, source) VALUES ('bread', ?, ?, '/data/bread')",
            [MANIFEST.fingerprint, json.dumps(MANIFEST.to_json())],
        )
        (imported_at,) = old.execute("SELECT imported_at FROM datasets").fetchall()[0]
    database = Database(path)
    assert datasets.all_datasets(database) == [
        DatasetRow(1, "bread", MANIFEST, "/data/bread", imported_at, "", (), 1)
    ]
    datasets.save_dataset(database, MAIN, "bread", EDITED, "/data/bread", tags=["food"])
    database.close()
    again = Database(path)
    assert [(row.version, row.tags) for row in datasets.all_datasets(again)] == [(2, ("food",))]
    again.close()


def test_an_older_database_knows_its_datasets_by_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to migration 6, experiments and ratings named their dataset; one could be gone."""
    path = tmp_path / "evaluator.duckdb"
    before = migrations()[:6]
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "migrations", lambda: before)
        patch.setattr(condition, "COLUMNS", {})  # those of the newest version
        Database(path).close()
    with duckdb.connect(str(path)) as old:
        for name, description in (("bread", "About bread."), ("cake", "")):
            old.execute(
                "INSERT INTO datasets (name, description, tags, guidelines) VALUES (?, ?, ['food'], 'by taste')",
                [name, description],
            )
            old.execute(
                """
                INSERT INTO dataset_versions (name, version, fingerprint, manifest, source, change)
                VALUES (?, 1, ?, ?, '/data', 'imported')
                """,
                [name, MANIFEST.fingerprint, json.dumps(MANIFEST.to_json())],
            )
        old.execute(
            "INSERT INTO ratings (dataset, rater, query_id, doc_id, grade) VALUES ('cake', 'Anna', 'q', 'd', 2)"
        )
        spec = json.dumps(spec_of("toy").to_json())
        for id_, dataset in (("e1", "cake"), ("e2", "gone")):
            old.execute(
                """
                INSERT INTO experiments (id, name, dataset, spec, n_queries, status)
                VALUES (?, 'toy', ?, ?, 3, 'running')
                """,
                [id_, dataset, spec],
            )
            old.execute("INSERT INTO submissions (experiment) VALUES (?)", [id_])
    database = Database(path)
    rows = {row.name: row for row in datasets.all_datasets(database)}
    assert {name: (row.description, row.tags, row.version) for name, row in rows.items()} == {
        "bread": ("About bread.", ("food",), 1),
        "cake": ("", ("food",), 1),
    }
    assert {row.id: row.dataset for row in experiments.all_experiments(database)} == {
        "e1": "cake",
        "e2": "gone",
    }
    assert experiments.experiment(database, "e1").dataset_id == rows["cake"].id
    assert [row.id for _, row in experiments.submissions(database, rows["cake"].id)] == ["e1"]
    assert ratings(database, rows["cake"].id) == [Rating("Anna", "q", "d", 2)]
    assert guidelines(database, rows["cake"].id) == "by taste"
    with pytest.raises(InvalidInputError, match="experiments use it"):
        datasets.remove_dataset(database, rows["cake"].id)
    database.close()


def test_an_experiment_comes_back(database: Database) -> None:
    id_ = save(database, ["bm25", "other"], n_queries=7)
    row = experiments.experiment(database, id_)
    assert (row.id, row.name, row.dataset, row.n_queries, row.status) == (
        id_,
        "toy",
        "a dataset",
        7,
        "running",
    )
    assert [variant.name for variant in row.spec.variants] == ["bm25", "other"]
    assert row.spec.id == id_
    assert row.finished_at is None


def test_an_unknown_experiment(database: Database) -> None:
    with pytest.raises(UnknownNameError, match="'nowhere'"):
        experiments.experiment(database, "nowhere")


def test_the_last_submitted_is_first(database: Database) -> None:
    one, other = save(database, name="one"), save(database, name="other")
    assert [row.id for row in experiments.all_experiments(database)] == [other, one]
    save(database, name="one")
    assert [row.id for row in experiments.all_experiments(database)] == [one, other]


def test_submitting_again_keeps_the_results_and_forgets_the_failure(database: Database) -> None:
    id_ = save(database, n_queries=2)
    record(database, [scored(id_, "q1", 1.0), VariantFailure(id_, "bm25", "no such model")])
    assert experiments.experiment(database, id_).status == "finished"
    save(database, n_queries=2)
    row = experiments.experiment(database, id_)
    assert (row.status, row.finished_at) == ("running", None)
    (counts,) = recorded_counts(database, id_)
    assert (counts.recorded, counts.error) == (1, None)


def test_a_cancelled_experiment_says_so(database: Database) -> None:
    id_ = save(database)
    change_status(database, id_, "cancel")
    assert experiments.experiment(database, id_).status == "cancelled"


def test_a_deleted_experiment_leaves_nothing_and_can_be_run_again(database: Database) -> None:
    id_, other = save(database, n_queries=1), save(database, n_queries=1, name="other")
    with pytest.raises(InvalidInputError, match="'toy' is running; cancel it"):
        experiments.delete_experiment(database, id_)
    record(database, [scored(id_, "q1", 1.0), scored(other, "q1", 1.0)])
    experiments.delete_experiment(database, id_)
    assert [row.id for row in experiments.all_experiments(database)] == [other]
    record(database, [scored(id_, "q2", 1.0)])  # what a worker was still at
    counts = database.cursor.execute("SELECT experiment, count(*) FROM results GROUP BY 1").fetchall()
    assert counts == [(other, 1)]
    assert save(database, n_queries=1) == id_
    record(database, [scored(id_, "q1", 1.0)])
    assert experiments.experiment(database, id_).status == "finished"
