"""Whatever changes what is recorded of an experiment gives it another number, and nothing else does."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.result import Spending, VariantFailure
from evaluator.store import experiments, results
from evaluator.store.experiments import experiment
from evaluator.store.file import database as database_module
from evaluator.store.file import migrating
from evaluator.store.file.database import Database
from evaluator.store.file.migrating import migrate, migrations
from evaluator.store.rescored import save_rescored
from evaluator.store.revisions import revise
from evaluator.store.status import change_status
from evaluator.store.steps import Step
from tests.recorded import begin
from tests.unit.store.rows import failed, numbered, ranked, save, scored

MANIFEST = DatasetManifest("c", "q", "r", 1, 1, 1)
Change = Callable[[Database, str], object]


def again(database: Database, id_: str) -> None:
    begin(database, experiment(database, id_).spec, "a dataset", 3)


CHANGES: dict[str, Change] = {
    "a result": lambda database, id_: results.record(database, [scored(id_, "q1", 0.5)]),
    "a failed query": lambda database, id_: results.record(database, [failed(id_, "q1")]),
    "a variant that failed": lambda database, id_: results.record(
        database, [VariantFailure(id_, "bm25", "no")]
    ),
    "submitted again": again,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_an_experiment_gives_it_a_higher_number(database: Database, change: Change) -> None:
    id_, other = save(database), save(database, name="other")
    before, untouched = experiment(database, id_).revision, experiment(database, other).revision
    change(database, id_)
    assert experiment(database, id_).revision > max(before, untouched)
    assert experiment(database, other).revision == untouched


def test_what_is_spent_leaves_the_number(database: Database) -> None:
    id_ = save(database)
    before = experiment(database, id_).revision
    results.record(database, [Spending(id_, "1", "openai", 10, 0, 5)])
    change_status(database, id_, "cancel")
    assert experiment(database, id_).revision == before


def test_a_change_that_fails_leaves_the_number(database: Database) -> None:
    id_ = save(database)
    before = experiment(database, id_).revision
    with pytest.raises(duckdb.Error), database.transaction() as cursor:
        revise(cursor, [id_])
        cursor.execute("SELECT nonsense")
    assert experiment(database, id_).revision == before


def test_the_log_is_merged_although_somebody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB would not, if a recorded batch changed a row: the log would grow for as long as pages are open."""
    monkeypatch.setattr(database_module, "CHECKPOINT_AT", "1MB")
    database = Database(tmp_path / "evaluator.duckdb")
    id_ = save(database, n_queries=2000)

    def record() -> None:
        for start in (0, 500):  # 1.3 MB each; the log is looked at before the second is written
            results.record(database, ranked(id_, numbered(start, start + 500)))

    def look() -> None:
        experiment(database, id_)  # now the transaction reads
        writer = threading.Thread(target=record)
        writer.start()
        writer.join()

    database.frozen(look)
    assert database.path.stat().st_size > 1_000_000
    database.close()


def test_an_experiment_that_comes_back_has_no_number_it_had(database: Database) -> None:
    id_ = save(database)
    seen = [experiment(database, id_).revision]
    for _ in range(3):
        change_status(database, id_, "cancel")
        experiments.delete_experiment(database, id_)
        assert save(database) == id_
        seen.append(experiment(database, id_).revision)
    assert seen == sorted(set(seen))


def test_a_rescored_experiment_has_a_number_of_its_own(database: Database) -> None:
    id_ = save(database, n_queries=1)
    results.record(database, [scored(id_, "q1", 0.5)])
    spec = dataclasses.replace(experiment(database, id_).spec, dataset="d2", qrels="r2")
    assert save_rescored(database, Step(1, 2, MANIFEST, MANIFEST), id_, spec, {})
    assert experiment(database, spec.id).revision > experiment(database, id_).revision


def test_experiments_that_were_there_get_numbers_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = migrations()
    connection = duckdb.connect(str(tmp_path / "old.duckdb"))
    monkeypatch.setattr(migrating, "migrations", lambda: every[:6])
    migrate(connection)
    for number in range(5):
        connection.execute(
            "INSERT INTO experiments (id, name, dataset, spec, n_queries, status) VALUES (?, 'e', 'd', '{}', 1, 'x')",
            [str(number)],
        )
    monkeypatch.setattr(migrating, "migrations", lambda: every)
    assert 7 in migrate(connection)
    connection.close()
    with duckdb.connect(str(tmp_path / "old.duckdb")) as connection:
        rows = connection.execute("SELECT revision FROM revisions").fetchall()
        assert sorted(revision for (revision,) in rows) == [1, 2, 3, 4, 5]
        assert connection.execute("SELECT nextval('revision_numbers')").fetchall() == [(6,)]
