"""Rows of results: each query once per variant, and the numbers that come from them."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pandas as pd
import pytest

from evaluator.domain.records import VariantCounts
from evaluator.domain.result import QueryResult, Record, VariantFailure
from evaluator.store import experiments, results
from evaluator.store.file.database import Database
from evaluator.store.results import record
from evaluator.store.status import change_status
from tests.unit.store.rows import failed, save, scored, unscored


def rows(database: Database) -> list[tuple[str, str, float | None, str | None]]:
    return database.cursor.execute(
        "SELECT variant, query_id, measures['nDCG@10'], error FROM results ORDER BY ALL"
    ).fetchall()


def runs(database: Database, experiment: str) -> list[tuple[str, list[str], list[float]]]:
    """The run of the variant `bm25`."""
    batches = [batch for _, batch in results.rankings(database, experiment, ["bm25"])]
    return [tuple(row.values())[1:] for batch in batches for row in batch.to_pylist()]


def status(database: Database, experiment: str) -> str:
    return experiments.experiment(database, experiment).status


def test_a_result_comes_back(database: Database) -> None:
    id_ = save(database)
    record(database, [scored(id_, "q1", 0.5)])
    assert rows(database) == [("bm25", "q1", 0.5, None)]
    assert runs(database, id_) == [("q1", ["d2", "d1"], [2.0, 0.5])]


def test_nothing_to_record(database: Database) -> None:
    record(database, [])
    assert rows(database) == []


def test_the_same_record_twice_is_one_row(database: Database) -> None:
    id_ = save(database)
    record(database, [scored(id_, "q1", 0.5), scored(id_, "q1", 0.5)])
    record(database, [scored(id_, "q1", 0.5)])
    assert rows(database) == [("bm25", "q1", 0.5, None)]


def test_the_first_success_stays(database: Database) -> None:
    id_ = save(database)
    record(database, [scored(id_, "q1", 0.5), scored(id_, "q1", 0.6)])
    record(database, [scored(id_, "q1", 0.7)])
    assert rows(database) == [("bm25", "q1", 0.5, None)]


ORDERS = pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])


def deliver(database: Database, records: list[Record], together: bool) -> None:
    for batch in [records] if together else [[single] for single in records]:
        record(database, batch)


@ORDERS
def test_a_success_after_a_failure_counts(database: Database, together: bool) -> None:
    id_ = save(database)
    deliver(database, [failed(id_, "q1"), scored(id_, "q1", 0.5)], together)
    assert rows(database) == [("bm25", "q1", 0.5, None)]


@ORDERS
def test_a_failure_after_a_success_does_not(database: Database, together: bool) -> None:
    """A worker that was taken for dead delivered after all, and so did the one that was given its job."""
    id_ = save(database)
    deliver(database, [scored(id_, "q1", 0.5), failed(id_, "q1")], together)
    assert rows(database) == [("bm25", "q1", 0.5, None)]


@ORDERS
def test_the_first_failure_stays(database: Database, together: bool) -> None:
    id_ = save(database)
    deliver(database, [failed(id_, "q1", error="first"), failed(id_, "q1", error="second")], together)
    assert rows(database) == [("bm25", "q1", None, "first")]


def test_results_of_what_is_unknown_are_dropped(database: Database) -> None:
    id_ = save(database)
    record(database, [scored("deleted", "q1", 1.0), scored(id_, "q1", 0.5, variant="unknown")])
    record(database, [VariantFailure("deleted", "bm25", "broken")])
    assert rows(database) == []


def test_an_experiment_is_finished_when_no_query_is_left(database: Database) -> None:
    id_ = save(database, ["bm25", "other"], n_queries=2)
    record(database, [scored(id_, "q1", 1.0), failed(id_, "q2"), scored(id_, "q1", 1.0, "other")])
    assert status(database, id_) == "running"
    record(database, [unscored(id_, "q2", "other")])
    assert status(database, id_) == "finished"
    assert experiments.experiment(database, id_).finished_at is not None


def test_a_variant_that_failed_is_not_waited_for(database: Database) -> None:
    id_ = save(database, ["bm25", "dense"], n_queries=1)
    record(database, [VariantFailure(id_, "dense", "no such model")])
    assert status(database, id_) == "running"
    record(database, [scored(id_, "q1", 1.0)])
    assert status(database, id_) == "finished"


def test_an_experiment_of_which_no_variant_works_is_finished(database: Database) -> None:
    id_ = save(database, ["dense"])
    record(database, [VariantFailure(id_, "dense", "no such model")])
    assert status(database, id_) == "finished"


def test_a_cancelled_experiment_stays_cancelled(database: Database) -> None:
    id_ = save(database, n_queries=1)
    change_status(database, id_, "cancel")
    record(database, [scored(id_, "q1", 1.0)])
    assert status(database, id_) == "cancelled"
    assert len(rows(database)) == 1  # what was under way when it was cancelled is kept


def test_one_experiment_finishes_without_the_other(database: Database) -> None:
    one, other = save(database, n_queries=1, name="one"), save(database, n_queries=1, name="other")
    record(database, [scored(one, "q1", 1.0)])
    assert (status(database, one), status(database, other)) == ("finished", "running")


def test_finished_is_noticed_when_nothing_is_left_to_submit(database: Database) -> None:
    id_ = save(database, n_queries=1)
    record(database, [scored(id_, "q1", 1.0)])
    assert status(database, id_) == "finished"
    save(database, n_queries=1)
    assert status(database, id_) == "finished"


def test_recorded_queries_are_those_with_a_row(database: Database) -> None:
    id_ = save(database, ["bm25", "other"])
    record(database, [scored(id_, "q1", 1.0), failed(id_, "q2"), scored(id_, "q1", 1.0, "other")])
    assert results.recorded_queries(database, id_) == {"bm25": {"q1", "q2"}, "other": {"q1"}}


def test_counts_tell_scored_unscored_and_failed_apart(database: Database) -> None:
    id_ = save(database, ["other", "bm25", "dense"], n_queries=4)
    record(
        database,
        [
            scored(id_, "q1", 1.0),
            unscored(id_, "q2"),
            failed(id_, "q3"),
            VariantFailure(id_, "dense", "no such model"),
        ],
    )
    assert results.recorded_counts(database, id_) == [
        VariantCounts("other", None, 0, 0, 0),
        VariantCounts("bm25", None, 3, 1, 1),
        VariantCounts("dense", "no such model", 0, 0, 0),
    ]


def per_query(database: Database, id_: str, folder: Path) -> pd.DataFrame:
    """Every query's measures, as they are written."""
    results.write_per_query(database, id_, folder / "table.parquet")
    return pd.read_parquet(folder / "table.parquet")


def test_measures_by_query(database: Database, tmp_path: Path) -> None:
    id_ = save(database, ["other", "bm25"])
    record(
        database,
        [scored(id_, "q1", 0.5), unscored(id_, "q2"), failed(id_, "q3"), scored(id_, "q1", 1.0, "other")],
    )
    table = per_query(database, id_, tmp_path)
    assert table[["variant", "query_id", "measure", "value", "error"]].astype(object).where(
        table.notna(), None
    ).to_numpy().tolist() == [
        ["other", "q1", "Judged@10", 0.5, None],
        ["other", "q1", "nDCG@10", 1.0, None],
        ["bm25", "q1", "Judged@10", 0.5, None],
        ["bm25", "q1", "nDCG@10", 0.5, None],
        ["bm25", "q2", None, None, None],
        ["bm25", "q3", None, None, "broken"],
    ]


def test_a_measure_without_a_value_is_missing(database: Database, tmp_path: Path) -> None:
    id_ = save(database)
    nothing: float = None  # type: ignore[assignment]  # what is no number travels as null
    record(database, [dataclasses.replace(scored(id_, "q1", 1.0), measures={"nDCG@10": nothing})])
    table = per_query(database, id_, tmp_path)
    assert table["measure"].tolist() == ["nDCG@10"]
    assert math.isnan(table["value"].item())


def test_runs_have_no_failed_queries(database: Database) -> None:
    id_ = save(database)
    record(database, [failed(id_, "q1"), unscored(id_, "q2"), QueryResult(id_, "bm25", "q3")])
    assert runs(database, id_) == [("q2", ["d1"], [1.0]), ("q3", [], [])]


def test_failures_are_listed(database: Database) -> None:
    id_ = save(database)
    record(
        database, [failed(id_, "q2", error="two"), scored(id_, "q1", 1.0), failed(id_, "q3", error="three")]
    )
    assert results.failures(database, id_).to_numpy().tolist() == [
        ["bm25", "q2", "two"],
        ["bm25", "q3", "three"],
    ]
