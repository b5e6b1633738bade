"""What requests cost, and experiments that their workers stop, as the store records them."""

from __future__ import annotations

from evaluator.domain.result import ExperimentStop, Spending
from evaluator.store import experiments
from evaluator.store.file.database import Database
from evaluator.store.results import Spent, record, spent
from tests.unit.store.rows import save, scored

REASON = "the budget of 0.50 USD is reached: 0.51 USD spent"


def test_spending_adds_up_and_each_request_counts_once(database: Database) -> None:
    id_ = save(database)
    assert spent(database, id_) == Spent(0, 0, 0)
    first, second = Spending(id_, "a", "api", 100, 5, 240), Spending(id_, "b", "api", 50, 0, 100)
    record(database, [first, second, first])
    record(database, [second])  # delivery is at least once
    record(database, [Spending("another experiment", "a", "api", 1, 1, 1)])
    assert spent(database, id_) == Spent(150, 5, 340)


def test_a_stop_cancels_a_running_experiment_and_says_why(database: Database) -> None:
    id_ = save(database)
    record(database, [ExperimentStop(id_, REASON)])
    row = experiments.experiment(database, id_)
    assert (row.status, row.reason) == ("cancelled", REASON)


def test_a_finished_experiment_stays_finished(database: Database) -> None:
    id_ = save(database, n_queries=1)
    record(database, [ExperimentStop(id_, REASON), scored(id_, "q0", 1.0)])
    row = experiments.experiment(database, id_)
    assert (row.status, row.reason) == ("finished", None)


def test_submitted_again_it_runs_and_the_reason_is_gone(database: Database) -> None:
    id_ = save(database)
    record(database, [ExperimentStop(id_, REASON)])
    assert save(database) == id_
    row = experiments.experiment(database, id_)
    assert (row.status, row.reason) == ("running", None)
