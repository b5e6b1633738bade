"""Thousands of variants: what is asked of the queue, and what is computed, grows with their number and not faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain import experiment as experiment_module
from evaluator.domain import fingerprint as fingerprint_module
from evaluator.domain.variant import BM25, Fuse, Retrieve, Variant
from evaluator.jobs import queue as queue_module
from evaluator.jobs import submission as submission_module
from evaluator.jobs.cancellation import is_cancelled
from evaluator.jobs.pending import read_pending
from evaluator.jobs.planning import PlanningEndedError, Watch
from evaluator.jobs.queue import CHANGES, all_live_ids, cancel_experiment, enqueue
from evaluator.jobs.submission import Submission
from evaluator.settings import Settings
from tests.unit.jobs.experiments import make_dataset, make_spec

QUERIES = ("q0", "q1", "q2")
PARTS = Retrieve(bm25=BM25()), Retrieve(bm25=BM25(1.2, 0.75))

Variants = Callable[[int], Sequence[Variant]]


def alone(n: int) -> list[Variant]:
    """Variants that share nothing."""
    return [Variant(f"bm25 {k}", Retrieve(bm25=BM25(1 + k / 1000))) for k in range(n)]


def shared(n: int) -> list[Variant]:
    """Variants that share all."""
    fusions = (Fuse(PARTS, "weighted", weights=(1.0, 1 + k / 1000)) for k in range(n))
    return [Variant(f"fused {k}", Retrieve(fuse=fuse)) for k, fuse in enumerate(fusions)]


@pytest.fixture
def dataset(tmp_path: Path) -> StoredDataset:
    store = ArtifactStore(str(tmp_path / "store"))
    return make_dataset(store, ["apple pie", "plum cake", "pear tart"], ["apple", "plum", "pear"])


def submission(dataset: StoredDataset, variants: Sequence[Variant], watch: Watch | None = None) -> Submission:
    return Submission(make_spec(dataset, variants), dataset, dataset.store, Settings(attempts=1), watch)


def send(
    connection: Redis, dataset: StoredDataset, variants: Sequence[Variant], watch: Watch | None = None
) -> str:
    """Submit an experiment of which nothing is recorded; returns its id."""
    missing = {variant.name: QUERIES for variant in variants}
    submission(dataset, variants, watch).send(connection, missing, batch_size=2)
    return make_spec(dataset, variants).id


def commands(connection: Redis) -> int:
    """Commands that the queue has done."""
    return int(connection.info("stats")["total_commands_processed"])


@pytest.mark.parametrize("variants", [alone, shared])
def test_commands_grow_with_the_variants(
    connection: Redis, dataset: StoredDataset, variants: Variants
) -> None:
    asked: dict[tuple[str, int], int] = {}
    connection.config_resetstat()
    for n in (20, 200):
        connection.flushall()
        before = commands(connection)
        id_ = send(connection, dataset, variants(n))
        asked["submit", n] = commands(connection) - before
        before = commands(connection)
        assert cancel_experiment(connection, id_) >= n
        asked["cancel", n] = commands(connection) - before
        assert all_live_ids(connection) == set()
    assert asked["submit", 200] <= 10 * asked["submit", 20]
    assert asked["cancel", 200] <= 10 * asked["cancel", 20]
    assert "cmdstat_lrem" not in connection.info("commandstats")


@pytest.mark.parametrize("variants", [alone, shared])
def test_what_is_hashed_grows_with_the_variants(
    connection: Redis, dataset: StoredDataset, monkeypatch: pytest.MonkeyPatch, variants: Variants
) -> None:
    hashed = 0
    original = fingerprint_module.canonical_json

    def count(value: Any) -> str:
        nonlocal hashed
        text = original(value)
        hashed += len(text)
        return text

    monkeypatch.setattr(fingerprint_module, "canonical_json", count)
    seen = []
    for n in (20, 200):
        connection.flushall()
        hashed = 0
        send(connection, dataset, variants(n))
        seen.append(hashed)
    assert seen[1] <= 11 * seen[0]  # names and numbers have more digits


def test_variants_that_lack_the_same_queries_share_their_list(
    connection: Redis, dataset: StoredDataset
) -> None:
    id_ = send(connection, dataset, alone(50))
    assert connection.hlen(f"evaluator:pending:{id_}") == 50 + 1
    assert read_pending(connection, id_, "bm25 49") == list(QUERIES)
    assert read_pending(connection, id_, "unknown") == []


def test_the_queue_is_locked_for_some_jobs_at_a_time_and_not_while_they_are_planned(
    connection: Redis, dataset: StoredDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission_module, "AT_ONCE", 8)
    at_once: list[int] = []
    free: list[bool] = []

    def count(connection: Redis, jobs: Sequence[Any]) -> list[str]:
        at_once.append(len(jobs))
        return enqueue(connection, jobs)

    def check() -> None:
        free.append(not CHANGES.locked())

    monkeypatch.setattr(submission_module, "enqueue", count)
    send(connection, dataset, alone(10), Watch(check=check))
    assert at_once == [8, 8, 4]  # an index and a dispatch a variant
    assert len(free) >= 10
    assert all(free)


def test_who_cancels_between_two_lots_of_jobs_leaves_none(
    connection: Redis, dataset: StoredDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission_module, "AT_ONCE", 4)
    id_, asked = make_spec(dataset, alone(10)).id, 0

    def confirm() -> bool:
        """Somebody cancels it after the second lot; the first of its acts is the status that planners ask for."""
        nonlocal asked
        asked += 1
        return asked <= 2

    with pytest.raises(PlanningEndedError, match="cancelled"):
        send(connection, dataset, alone(10), Watch(confirm=confirm))
    assert len(all_live_ids(connection)) == 8
    assert cancel_experiment(connection, id_) == 8
    assert all_live_ids(connection) == set()


def test_what_is_asked_for_again_while_it_is_cancelled_keeps_its_jobs(
    connection: Redis, dataset: StoredDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "DROPPED_AT_ONCE", 4)
    id_ = send(connection, dataset, alone(10))
    over = iter([True, False, False])
    assert cancel_experiment(connection, id_, lambda: next(over)) == 4
    assert len(all_live_ids(connection)) == 16
    send(connection, dataset, alone(10))
    assert len(all_live_ids(connection)) == 20
    assert not is_cancelled(connection, id_)


def test_an_experiment_knows_its_id_once(dataset: StoredDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make_spec(dataset, alone(3))
    first = spec.id
    monkeypatch.setattr(experiment_module, "fingerprint", lambda _value: pytest.fail("computed again"))
    assert (spec.id, spec.position("bm25 2"), spec.variant("bm25 1")) == (first, 2, spec.variants[1])
