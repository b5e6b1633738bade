"""The status in the database: changed by events alone, also by several threads at once."""

from __future__ import annotations

import threading
from typing import get_args

import pytest

from evaluator.domain.result import ExperimentStop, VariantFailure
from evaluator.domain.status import STATUSES, Event, Status, after
from evaluator.errors import ConflictError, UnknownNameError
from evaluator.store import experiments
from evaluator.store.file.database import Database
from evaluator.store.results import record, recorded_counts
from evaluator.store.status import (
    change_status,
    enqueued_experiment,
    is_current,
    replan_experiment,
    stop_attempt,
    submit_experiment,
)
from tests.unit.store.rows import save, scored

TO: dict[Status, tuple[Event, ...]] = {
    "planning": ("submit",), "running": ("enqueue",), "finished": ("complete",), "cancelled": ("cancel",),
}  # fmt: skip
"""Events that bring an experiment that runs into each status."""


def status_of(database: Database, id_: str) -> Status:
    return experiments.experiment(database, id_).status


@pytest.mark.parametrize("event", get_args(Event))
@pytest.mark.parametrize("status", STATUSES)
def test_the_database_follows_the_table(database: Database, event: Event, status: Status) -> None:
    id_ = save(database)
    for earlier in TO[status]:
        change_status(database, id_, earlier)
    assert status_of(database, id_) == status
    try:
        expected = after(status, event, "toy") or status
    except ConflictError:
        with pytest.raises(ConflictError):
            change_status(database, id_, event)
        expected = status
    else:
        assert change_status(database, id_, event, "a reason") == expected
    row = experiments.experiment(database, id_)
    assert row.status == expected
    assert row.finished_at is not None or expected != "finished"
    assert (row.reason == "a reason") == (event == "stop" and expected != status)


def test_nobody_changes_what_is_not_there(database: Database) -> None:
    with pytest.raises(UnknownNameError):
        change_status(database, "nowhere", "cancel")
    record(database, [ExperimentStop("nowhere", "too dear"), VariantFailure("nowhere", "bm25", "broken")])
    assert replan_experiment(database, "nowhere") is None


def test_an_attempt_that_was_overtaken_changes_nothing(database: Database) -> None:
    id_ = save(database)
    spec, dataset = (
        experiments.experiment(database, id_).spec,
        experiments.experiment(database, id_).dataset_id,
    )
    first = submit_experiment(database, spec, dataset, 3)
    second = submit_experiment(database, spec, dataset, 3)
    assert not is_current(database, id_, first)
    enqueued_experiment(database, id_, first)
    stop_attempt(database, id_, first, "it could not be planned")
    assert status_of(database, id_) == "planning"
    assert is_current(database, id_, second)
    enqueued_experiment(database, id_, second)
    assert status_of(database, id_) == "running"


def test_a_dataset_that_is_gone_takes_no_experiment(database: Database) -> None:
    id_ = save(database)
    spec = experiments.experiment(database, id_).spec
    change_status(database, id_, "cancel")
    experiments.delete_experiment(database, id_)
    with pytest.raises(UnknownNameError, match="deleted meanwhile"):
        submit_experiment(database, spec, 999, 3)
    assert experiments.all_experiments(database) == []


def test_a_failure_of_an_attempt_before_does_not_outlive_all_rows(database: Database) -> None:
    """It was in the stream when the experiment was cancelled, and is recorded after it was resumed."""
    id_ = save(database, n_queries=2)
    record(database, [VariantFailure(id_, "bm25", "the job index-1 was stopped")])
    record(database, [scored(id_, "q1", 1.0), scored(id_, "q2", 1.0)])
    (counts,) = recorded_counts(database, id_)
    assert (counts.recorded, counts.error) == (2, None)


def test_cancelling_and_finishing_at_once_end_in_one_of_the_two(database: Database) -> None:
    """Before, 50 of 50 that had finished became cancelled when somebody cancelled them."""
    for number in range(50):
        id_ = save(database, n_queries=1, name=f"toy {number}")
        barrier, refused = threading.Barrier(2), threading.Event()

        def cancel(
            id_: str = id_, barrier: threading.Barrier = barrier, refused: threading.Event = refused
        ) -> None:
            barrier.wait()
            try:
                change_status(database, id_, "cancel")
            except ConflictError:
                refused.set()

        thread = threading.Thread(target=cancel)
        thread.start()
        barrier.wait()
        record(database, [scored(id_, "q1", 1.0)])
        thread.join()
        assert status_of(database, id_) == ("finished" if refused.is_set() else "cancelled")
