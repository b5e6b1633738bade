"""Datasets and experiments by name and id."""

from __future__ import annotations

import dataclasses

import pytest

from evaluator.domain.dataset import DatasetManifest, ImportNote
from evaluator.domain.result import VariantFailure
from evaluator.errors import UnknownNameError
from evaluator.store import catalog
from evaluator.store.database import Database
from evaluator.store.results import record, recorded_counts
from tests.unit.store.rows import save, scored

MANIFEST = DatasetManifest(
    "c1", "q1", "r1", 3, 2, 4, notes=(ImportNote("empty-documents", 1, "one", ("d1",)),)
)


def test_a_dataset_comes_back(database: Database) -> None:
    catalog.save_dataset(database, "bread", MANIFEST, "/data/bread")
    (row,) = catalog.datasets(database)
    assert (row.name, row.manifest, row.manifest.notes, row.source) == (
        "bread",
        MANIFEST,
        MANIFEST.notes,
        "/data/bread",
    )


def test_a_name_moves_on_to_the_dataset_that_was_imported_last(database: Database) -> None:
    catalog.save_dataset(database, "bread", MANIFEST, "/data/bread")
    edited = dataclasses.replace(MANIFEST, qrels="r2")
    catalog.save_dataset(database, "bread", edited, "/data/bread")
    assert [row.manifest for row in catalog.datasets(database)] == [edited]


def test_an_experiment_comes_back(database: Database) -> None:
    id_ = save(database, ["bm25", "other"], n_queries=7)
    row = catalog.experiment(database, id_)
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
        catalog.experiment(database, "nowhere")


def test_the_last_submitted_is_first(database: Database) -> None:
    one, other = save(database, name="one"), save(database, name="other")
    assert [row.id for row in catalog.experiments(database)] == [other, one]
    save(database, name="one")
    assert [row.id for row in catalog.experiments(database)] == [one, other]


def test_submitting_again_keeps_the_results_and_forgets_the_failure(database: Database) -> None:
    id_ = save(database, n_queries=2)
    record(database, [scored(id_, "q1", 1.0), VariantFailure(id_, "bm25", "no such model")])
    assert catalog.experiment(database, id_).status == "finished"
    save(database, n_queries=2)
    row = catalog.experiment(database, id_)
    assert (row.status, row.finished_at) == ("running", None)
    (counts,) = recorded_counts(database, id_)
    assert (counts.recorded, counts.error) == (1, None)


def test_a_cancelled_experiment_says_so(database: Database) -> None:
    id_ = save(database)
    catalog.set_status(database, id_, "cancelled")
    assert catalog.experiment(database, id_).status == "cancelled"
