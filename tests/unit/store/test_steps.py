"""An edit of judgments is kept until experiments have followed it: with its version, and not without it."""

from __future__ import annotations

import dataclasses

import pytest

from evaluator.domain.access import MAIN
from evaluator.domain.dataset import DatasetManifest
from evaluator.store import datasets, experiments, rescored
from evaluator.store.file.database import Database
from evaluator.store.rescored import save_rescored
from evaluator.store.status import change_status
from evaluator.store.steps import Step, edited_datasets, end_step, first_step, followers
from tests.unit.store.rows import save

FIRST = DatasetManifest("c1", "q1", "r1", 3, 2, 4)
SECOND = dataclasses.replace(FIRST, qrels="r2")
THIRD = dataclasses.replace(FIRST, qrels="r3")


@pytest.fixture
def dataset(database: Database) -> int:
    """The id of `a dataset`, in its first version."""
    return datasets.save_dataset(database, MAIN, "a dataset", FIRST, "here")


def test_edits_are_kept_in_their_order_and_imports_are_none(database: Database, dataset: int) -> None:
    datasets.add_version(database, dataset, SECOND, "here", "edited")
    datasets.save_dataset(database, MAIN, "a dataset", THIRD, "here")
    datasets.add_version(database, dataset, THIRD, "here", "nothing changed")
    datasets.add_version(database, dataset, FIRST, "here", "edited")
    assert edited_datasets(database) == [dataset]
    steps = [Step(dataset, 2, FIRST, SECOND), Step(dataset, 4, THIRD, FIRST)]
    for step in steps:
        assert first_step(database, dataset) == step
        end_step(database, step)
    assert (first_step(database, dataset), edited_datasets(database)) == (None, [])


def test_there_is_no_version_without_its_step(
    database: Database, dataset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(datasets, "note_step", killed)
        with pytest.raises(KeyboardInterrupt):
            datasets.add_version(database, dataset, SECOND, "here", "edited")
    assert [version.version for version in datasets.versions(database)] == [1]


def test_who_follows_is_noted_with_what_comes_of_it(
    database: Database, dataset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = save(database)
    change_status(database, id_, "complete")
    spec = dataclasses.replace(
        experiments.experiment(database, id_).spec, qrels="r2", dataset=SECOND.fingerprint
    )
    datasets.add_version(database, dataset, SECOND, "here", "edited")
    step = Step(dataset, 2, FIRST, SECOND)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rescored, "revise", killed)  # the last of all
        with pytest.raises(KeyboardInterrupt):
            save_rescored(database, step, id_, spec, {})
    assert (followers(database, step), experiments.known_experiment(database, spec.id)) == (set(), None)
    assert save_rescored(database, step, id_, spec, {})
    assert followers(database, step) == {id_}
    end_step(database, step)
    assert followers(database, step) == set()
