"""Experiments while people and machines act at the same time."""

from __future__ import annotations

import dataclasses
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from evaluator.analysis.costs import measure_finished, to_measure
from evaluator.domain.variant import BM25, Retrieve
from evaluator.errors import ConflictError, InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.experiments.progress import progress_reader
from evaluator.jobs import planning as planning_module
from evaluator.jobs import submission as submission_module
from evaluator.jobs.cancellation import mark_cancelled, marked_cancelled
from evaluator.jobs.pending import read_pending
from evaluator.jobs.planning import turn
from evaluator.jobs.queue import all_live_ids, experiments_with_jobs
from evaluator.jobs.results.stream import ResultStream
from evaluator.library import catalog
from evaluator.operations import upkeep
from evaluator.operations.keeper import Keeper
from evaluator.operations.vector_storage import prune, vectors
from evaluator.retrieval.candidates import Candidates, experiments_with_candidates
from evaluator.store import experiments, results
from evaluator.store.costs import costs
from evaluator.store.status import replan_experiment
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.working import vectors_of, wait_for, wait_for_status, words, work


def status(workspace: Workspace, experiment: str) -> str:
    return experiments.experiment(workspace.database, experiment).status


@pytest.fixture
def keeper(queued: Workspace) -> Keeper:
    """A keeper that looks when it is told to."""
    return Keeper(queued, measures=True)


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, function: str = "plan_encoding") -> Iterator[threading.Event]:
    """Planning stands still at what `submission` calls until the context is left; the event: it has come so far."""
    original: Callable[..., Any] = getattr(submission_module, function)
    reached, release = threading.Event(), threading.Event()

    def wait(*args: Any, **options: Any) -> Any:
        reached.set()
        assert release.wait(20)
        return original(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(submission_module, function, wait)
        try:
            yield reached
        finally:
            release.set()


def slowly(monkeypatch: pytest.MonkeyPatch, module: Any, function: str) -> None:
    """What a module calls takes as long as on a machine with a slow disk: others come in between."""
    original = getattr(module, function)

    def wait(*args: Any, **options: Any) -> Any:
        time.sleep(0.02)
        return original(*args, **options)

    monkeypatch.setattr(module, function, wait)


def rows(workspace: Workspace, experiment: str) -> dict[tuple[str, str | None], int]:
    """How many queries are recorded, by variant and error."""
    found = workspace.database.cursor.execute(
        "SELECT variant, error, count(*) FROM results WHERE experiment = ? GROUP BY ALL", [experiment]
    ).fetchall()
    return {(variant, error): n for variant, error, n in found}


def evaluations(job_ids: Sequence[str]) -> list[str]:
    """Those of some jobs that evaluate queries."""
    return [id_ for id_ in job_ids if id_.startswith("evaluate-")]


def tolerant(act: Callable[[], object]) -> None:
    """Do what others may have made impossible."""
    with suppress(InvalidInputError):
        act()


class TestCancelling:
    def test_what_is_finished_cannot_be_cancelled(self, queued: Workspace) -> None:
        id_ = lifecycle.submit(queued, words()).id
        work(queued)
        wait_for_status(queued, id_, "finished")
        with pytest.raises(ConflictError, match="finished already"):
            lifecycle.cancel(queued, lifecycle.find(queued, id_))
        assert status(queued, id_) == "finished"
        assert marked_cancelled(queued.connection) == set()

    def test_costs_are_measured_also_after_a_mark_was_left(self, queued: Workspace, keeper: Keeper) -> None:
        """Before, a mark that outlived the cancellation made measuring start over every few seconds, for ever."""
        id_ = lifecycle.submit(queued, words()).id
        other = lifecycle.submit(queued, words("other")).id
        work(queued)
        for experiment in (id_, other):
            wait_for_status(queued, experiment, "finished")
        mark_cancelled(queued.connection, id_, ())
        for _ in range(4):
            keeper.look()
            work(queued)
            wait_for(lambda: not len(ResultStream(queued.connection)))
        assert marked_cancelled(queued.connection) == set()
        for experiment in (id_, other):
            assert to_measure(queued, lifecycle.find(queued, experiment)) == []
            assert costs(queued.database, experiment)["bm25"] is not None

    def test_resuming_clears_the_mark_also_where_nothing_is_missing(self, queued: Workspace) -> None:
        id_ = lifecycle.submit(queued, words()).id
        lifecycle.cancel(queued, lifecycle.find(queued, id_))
        assert marked_cancelled(queued.connection) == {id_}
        lifecycle.resume(queued, lifecycle.find(queued, id_))
        assert marked_cancelled(queued.connection) == set()
        work(queued)
        wait_for_status(queued, id_, "finished")

    def test_a_cancelled_plan_enqueues_nothing(
        self, queued: Workspace, static_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before, what was cancelled while it was planned ran all the same."""
        with held(monkeypatch) as reached:
            submitted = lifecycle.submit(queued, vectors_of(static_model), allow_paths=True, patience=0)
            assert submitted.planning
            assert reached.wait(20)
            lifecycle.cancel(queued, lifecycle.find(queued, submitted.id))
        wait_for(lambda: queued.plannings.of(submitted.id) is None)
        assert status(queued, submitted.id) == "cancelled"
        assert all_live_ids(queued.connection) == set()
        lifecycle.resume(queued, lifecycle.find(queued, submitted.id), allow_paths=True)
        work(queued)
        wait_for_status(queued, submitted.id, "finished")

    def test_cancelling_while_it_is_resumed_always_ends_in_one_of_the_two(
        self, queued: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before, 22 of 60 ended as cancelled with jobs that ran, or as running with a mark that they are cancelled."""
        slowly(monkeypatch, submission_module, "index_names")
        chance = random.Random(1)
        for number in range(20):
            id_ = lifecycle.submit(queued, words(f"look {number}")).id
            row = lifecycle.find(queued, id_)
            lifecycle.cancel(queued, row)
            resuming = threading.Thread(target=lifecycle.resume, args=(queued, row))
            resuming.start()
            time.sleep(chance.uniform(0, 0.05))
            lifecycle.cancel(queued, row)
            resuming.join()
            with_jobs = id_ in experiments_with_jobs(queued.connection)
            assert (status(queued, id_), with_jobs) in (("running", True), ("cancelled", False))
            assert (id_ in marked_cancelled(queued.connection)) == (status(queued, id_) == "cancelled")
            if status(queued, id_) == "cancelled":
                lifecycle.resume(queued, row)
        work(queued)
        for row in lifecycle.all_experiments(queued):
            wait_for_status(queued, row.id, "finished")


class TestPlanning:
    def test_a_plan_in_progress_is_a_state_and_not_lost_jobs(
        self,
        queued: Workspace,
        keeper: Keeper,
        static_model: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Before, a plan that took over five seconds was enqueued twice, with `the experiment's jobs were lost`."""
        with held(monkeypatch) as reached:
            submitted = lifecycle.submit(queued, vectors_of(static_model), allow_paths=True, patience=0)
            assert reached.wait(20)
            with caplog.at_level(logging.WARNING):
                keeper.look()
                keeper.look()
            progress = progress_reader(queued).read(submitted.id)
            assert progress.status == "planning"
            assert progress.planning is not None
            assert (progress.planning.texts, progress.planning.total) == (0, 20)
            attempt = lifecycle.find(queued, submitted.id).attempt
        wait_for_status(queued, submitted.id, "running")
        assert lifecycle.find(queued, submitted.id).attempt == attempt
        assert caplog.records == []

    def test_submitting_twice_at_once_plans_once(
        self, queued: Workspace, static_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with held(monkeypatch) as reached:
            first = lifecycle.submit(queued, vectors_of(static_model), allow_paths=True, patience=0)
            assert reached.wait(20)
            second = lifecycle.submit(queued, vectors_of(static_model), allow_paths=True, patience=0)
        assert (first.already_running, second.already_running) == (False, True)
        wait_for_status(queued, first.id, "running")
        work(queued)
        wait_for_status(queued, first.id, "finished")

    def test_a_plan_that_cannot_be_made_ends_the_experiment_with_its_reason(
        self, queued: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_args: object) -> None:
            raise OSError("no such device")

        with monkeypatch.context() as patch:
            patch.setattr(submission_module, "index_names", fail)
            with pytest.raises(OSError, match="no such device"):
                lifecycle.submit(queued, words())
        (row,) = lifecycle.all_experiments(queued)
        assert (row.status, row.reason) == ("cancelled", "it could not be planned: OSError: no such device")
        lifecycle.resume(queued, row)
        assert status(queued, row.id) == "running"

    def test_a_plan_whose_process_ended_is_made_by_the_next_one(
        self, queued: Workspace, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(lifecycle, "start_planning", lambda *_args: None)
            lifecycle.submit(queued, words())
        (row,) = lifecycle.all_experiments(queued)
        assert row.status == "planning"
        keeper.look()
        wait_for_status(queued, row.id, "running")

    def test_planning_ends_with_the_process(
        self, queued: Workspace, static_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with held(monkeypatch, "turn") as reached:
            submitted = lifecycle.submit(queued, vectors_of(static_model), allow_paths=True, patience=0)
            assert reached.wait(20)
            stopping = threading.Thread(target=queued.plannings.stop)
            stopping.start()
        stopping.join()
        assert status(queued, submitted.id) == "planning"
        assert all_live_ids(queued.connection) == set()

    def test_a_turn_lasts_as_long_as_its_holder_lives(
        self, queued: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before, the lock ran out, another planned as well, and letting go of it said `no Redis answers`."""
        monkeypatch.setattr(planning_module, "TURN_TTL", 0.3)
        inside = threading.Event()
        with turn(queued.connection, lambda: None):

            def take() -> None:
                with turn(queued.connection, lambda: None):
                    inside.set()

            other = threading.Thread(target=take)
            other.start()
            assert not inside.wait(1.0)  # more than three times the time after which it would have run out
        other.join(20)
        assert inside.is_set()


class TestDatasets:
    def test_an_experiment_stays_with_its_dataset_whatever_that_is_called(
        self, queued: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before, the experiment kept the old name, nobody used the dataset, and it could be deleted beneath it."""
        resolve = lifecycle.resolve_spec

        def rename_meanwhile(*args: Any, **options: Any) -> Any:
            catalog.rename(queued, "tiny", "small")
            return resolve(*args, **options)

        with monkeypatch.context() as patch:
            patch.setattr(lifecycle, "resolve_spec", rename_meanwhile)
            id_ = lifecycle.submit(queued, words()).id
        row = catalog.find(queued, "small")
        assert lifecycle.find(queued, id_).dataset == "small"
        assert [user.id for user in catalog.used_by(queued, row.id)] == [id_]
        with pytest.raises(Exception, match="experiments use it"):
            catalog.remove(queued, "small")
        work(queued)
        wait_for_status(queued, id_, "finished")

    def test_a_dataset_that_is_deleted_meanwhile_takes_no_experiment(
        self, queued: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolve = lifecycle.resolve_spec

        def delete_meanwhile(*args: Any, **options: Any) -> Any:
            catalog.remove(queued, "tiny")
            return resolve(*args, **options)

        monkeypatch.setattr(lifecycle, "resolve_spec", delete_meanwhile)
        with pytest.raises(UnknownNameError):
            lifecycle.submit(queued, words())
        assert lifecycle.all_experiments(queued) == []

    def test_renaming_and_deleting_while_it_is_submitted(
        self, queued: Workspace, write_dataset: WriteDataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before, 38 of 40 experiments were left with a dataset that was gone."""
        slowly(monkeypatch, lifecycle, "resolve_spec")
        chance = random.Random(1)
        for number in range(15):
            name = f"made-{number}"
            catalog.import_folder(queued, write_dataset(name))
            submitting = threading.Thread(
                target=tolerant, args=(partial(lifecycle.submit, queued, words(name, name)),)
            )
            submitting.start()
            time.sleep(chance.uniform(0, 0.03))
            tolerant(partial(catalog.rename, queued, name, f"{name} renamed"))
            tolerant(partial(catalog.remove, queued, f"{name} renamed"))
            submitting.join()
            for row in lifecycle.all_experiments(queued):
                assert catalog.load(queued, catalog.by_id(queued, row.dataset_id)).queries
        work(queued)
        for row in lifecycle.all_experiments(queued):
            wait_for_status(queued, row.id, "finished")


class TestPruning:
    def test_vectors_that_a_plan_counts_on_stay(
        self, queued: Workspace, static_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before, they were removed, and the experiment failed: `no plan holds 10 of the dataset's texts`."""
        first = lifecycle.submit(queued, vectors_of(static_model), allow_paths=True).id
        work(queued)
        wait_for_status(queued, first, "finished")
        with held(monkeypatch, "turn") as reached:
            second = lifecycle.submit(queued, vectors_of(static_model, "again"), allow_paths=True, patience=0)
            assert reached.wait(20)
            assert prune(queued, limit=0) == []
        wait_for_status(queued, second.id, "running")
        work(queued)
        wait_for_status(queued, second.id, "finished")
        (kept,) = vectors(queued)
        assert [row.fingerprint for row in prune(queued, limit=0)] == [kept.fingerprint]

    def test_a_plan_waits_for_what_is_being_removed(
        self, queued: Workspace, static_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = lifecycle.submit(queued, vectors_of(static_model), allow_paths=True).id
        work(queued)
        wait_for_status(queued, first, "finished")
        removing, release = threading.Event(), threading.Event()
        remove = queued.store.remove

        def slowly(name: str) -> None:
            removing.set()
            assert release.wait(20)
            remove(name)

        monkeypatch.setattr(queued.store, "remove", slowly)
        pruning = threading.Thread(target=prune, args=(queued, 0))
        pruning.start()
        assert removing.wait(20)
        submitting = threading.Thread(
            target=lifecycle.submit,
            args=(queued, vectors_of(static_model, "again")),
            kwargs={"allow_paths": True},
        )
        submitting.start()
        assert len(lifecycle.all_experiments(queued)) == 1
        release.set()
        pruning.join()
        submitting.join()
        work(queued)
        for row in lifecycle.all_experiments(queued):
            wait_for_status(queued, row.id, "finished")


class TestKeeping:
    def test_one_broken_experiment_keeps_nobody_else_waiting(
        self, queued: Workspace, keeper: Keeper, write_dataset: WriteDataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before, the first error ended the look: no other experiment was continued, dropped, measured or pruned."""
        catalog.import_folder(queued, write_dataset("other"))
        ids = [
            lifecycle.submit(queued, words(name, name_of)).id
            for name, name_of in (("a", "tiny"), ("b", "other"))
        ]
        queued.connection.flushdb()
        broken = ids[1]

        def fail(database: Any, experiment: str) -> int | None:
            if experiment == broken:
                raise RuntimeError("no such thing")
            return replan_experiment(database, experiment)

        monkeypatch.setattr("evaluator.operations.upkeep.replan_experiment", fail)
        keeper.look()
        wait_for(lambda: ids[0] in experiments_with_jobs(queued.connection))
        work(queued)
        wait_for_status(queued, ids[0], "finished")
        keeper.look()
        assert all_live_ids(queued.connection)  # the finished one is measured

    def test_waiting_jobs_of_an_earlier_version_are_planned_again(
        self, queued: Workspace, keeper: Keeper
    ) -> None:
        """Their lists of queries lie under keys that this version does not read, one a variant."""
        described = words().variants[0]
        other = dataclasses.replace(described, name="other", retrieve=Retrieve(bm25=BM25(k1=2.0)))
        id_ = lifecycle.submit(queued, dataclasses.replace(words(), variants=(described, other))).id
        connection = queued.connection
        for variant in ("bm25", "other"):
            written = orjson.dumps(read_pending(connection, id_, variant))
            connection.set(f"evaluator:pending:{id_}:{variant}", written)
        connection.hdel(
            f"evaluator:pending:{id_}", "variant other"
        )  # as if it was enqueued before the upgrade
        evaluated = evaluations(work(queued))
        wait_for(lambda: not len(ResultStream(connection)))
        assert status(queued, id_) == "running"
        assert rows(queued, id_) == {("bm25", None): 10}
        keeper.look()
        wait_for(lambda: queued.plannings.of(id_) is None)
        evaluated += evaluations(work(queued))
        wait_for_status(queued, id_, "finished")
        assert rows(queued, id_) == {("bm25", None): 10, ("other", None): 10}
        assert len(evaluated) == len(set(evaluated))  # none of what was done is done again
        assert [count.error for count in results.recorded_counts(queued.database, id_)] == [None, None]

    def test_jobs_that_always_end_without_a_result_end_the_experiment(
        self, queued: Workspace, keeper: Keeper
    ) -> None:
        id_ = lifecycle.submit(queued, words()).id
        for _ in range(upkeep.FRUITLESS_ATTEMPTS + 1):
            assert status(queued, id_) == "running"
            queued.connection.flushdb()
            keeper.look()
            wait_for(lambda: queued.plannings.of(id_) is None)
        row = lifecycle.find(queued, id_)
        assert row.status == "cancelled"
        assert "without a result that could be recorded" in str(row.reason)

    def test_jobs_of_what_is_cancelled_go(self, queued: Workspace, keeper: Keeper) -> None:
        id_ = lifecycle.submit(queued, words()).id
        queued.database.cursor.execute("UPDATE experiments SET status = 'cancelled' WHERE id = ?", [id_])
        keeper.look()
        assert all_live_ids(queued.connection) == set()

    def test_lists_that_variants_share_stay_until_the_experiment_is_finished(
        self, queued: Workspace, keeper: Keeper
    ) -> None:
        """Before, cancelling dropped them, and resuming searched for all of them again."""
        id_ = lifecycle.submit(queued, words()).id
        Candidates(id_, queued.store).begin(10)
        lifecycle.cancel(queued, lifecycle.find(queued, id_))
        keeper.look()
        assert experiments_with_candidates(queued.store) == {id_}
        lifecycle.resume(queued, lifecycle.find(queued, id_))
        work(queued)
        wait_for_status(queued, id_, "finished")
        keeper.look()
        assert experiments_with_candidates(queued.store) == set()

    def test_deleting_drops_what_measures_it(self, queued: Workspace, keeper: Keeper) -> None:
        id_ = lifecycle.submit(queued, words()).id
        work(queued)
        wait_for_status(queued, id_, "finished")
        assert measure_finished(queued) != []
        lifecycle.delete(queued, lifecycle.find(queued, id_))
        assert all_live_ids(queued.connection) == set()
        keeper.look()
        assert marked_cancelled(queued.connection) == set()
