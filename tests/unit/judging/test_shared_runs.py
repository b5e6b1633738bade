"""Experiments that differ in their judgments alone share one run: nothing is copied, and each has its own scores."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from evaluator.analysis.history import history
from evaluator.analysis.leaderboard import leaderboard
from evaluator.domain.access import MAIN
from evaluator.domain.records import ExperimentRow
from evaluator.experiments import lifecycle
from evaluator.judging.judgments import Changes, edit
from evaluator.judging.rescore import Rescoring
from evaluator.library import catalog
from evaluator.store import datasets
from evaluator.store.status import change_status, submit_experiment
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.recorded import dataset_id
from tests.unit.finished import finished
from tests.unit.judging.shared_runs import LISTS, every_score_is_right, rows_in, scores


def judged(workspace: Workspace, *changes: Changes) -> None:
    """Edit the judgments of `tiny`, once a time."""
    for change in changes:
        edit(workspace, dataset_id(workspace, "tiny"), change)


def by_version(workspace: Workspace) -> list[ExperimentRow]:
    """All experiments, the oldest judgments at first."""
    return sorted(lifecycle.all_experiments(workspace), key=lambda row: row.place)


def test_edits_write_only_changes_and_no_lists(workspace: Workspace) -> None:
    for name in ("one", "other"):
        finished(workspace, "tiny", LISTS, name=name)
    lists = rows_in(workspace, "results")
    for number in range(6):
        judged(workspace, {("q0", "d3"): number + 1})
        assert rows_in(workspace, "rescored") == (number + 1) * 2 * len(LISTS)  # a query's score, a list
    assert (rows_in(workspace, "results"), rows_in(workspace, "variants")) == (lists, 4)
    assert [row.name for row in lifecycle.listed(workspace)] == ["other", "one"]
    newest = catalog.find(workspace, "tiny").manifest
    assert {row.spec.dataset for row in lifecycle.listed(workspace)} == {newest.fingerprint}
    every_score_is_right(workspace)


def test_each_version_keeps_its_leaderboard_and_its_place_in_the_history(workspace: Workspace) -> None:
    finished(workspace, "tiny", LISTS)
    judged(workspace, {("q0", "d3"): 1}, {("q0", "d0"): None, ("q1", "d3"): 2})
    boards = [leaderboard(workspace, row) for row in by_version(workspace)]
    assert len({board.rows[0].score for board in boards}) == 3
    points = [point for point in history(workspace, "tiny").points if point.variant == "second"]
    assert [(point.version, point.experiment.id) for point in points] == [
        (version, row.id) for version, row in enumerate(by_version(workspace), 1)
    ]


def test_going_back_is_no_new_experiment_and_what_comes_next_is_right(workspace: Workspace) -> None:
    spec = finished(workspace, "tiny", LISTS)
    judged(workspace, {("q0", "d3"): 1}, {("q0", "d3"): None})
    assert len(lifecycle.all_experiments(workspace)) == 2
    assert [row.id for row in lifecycle.listed(workspace)] == [spec.id]  # of its run the newest again
    judged(workspace, {("q1", "d3"): 1})
    every_score_is_right(workspace)


def test_an_import_between_two_edits_is_seen(workspace: Workspace, write_dataset: WriteDataset) -> None:
    """Version 4 is imported, and is what version 2 was: what version 3 changed is no longer so."""
    finished(workspace, "tiny", LISTS)
    judged(workspace, {("q0", "d3"): 1})
    second = catalog.find(workspace, "tiny").manifest
    judged(workspace, {("q1", "d3"): 1})
    datasets.save_dataset(workspace.database, MAIN, "tiny", second, "again")
    judged(workspace, {("q2", "d3"): 1})
    assert len(lifecycle.all_experiments(workspace)) == 4
    every_score_is_right(workspace)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_edited_deleted_and_run_again_every_score_is_right(
    workspace: Workspace, seed: int
) -> None:
    chance = random.Random(seed)
    finished(workspace, "tiny", LISTS)
    for _ in range(10):
        change = {(f"q{chance.randrange(4)}", f"d{chance.randrange(4)}"): chance.choice([None, 0, 1, 2])}
        judged(workspace, {**change, ("q9", "d9"): 1})
        rows = lifecycle.all_experiments(workspace)
        if chance.random() < 0.3 and len(rows) > 1:
            lifecycle.delete(workspace, chance.choice(rows))
        if chance.random() < 0.3:
            again = chance.choice(lifecycle.all_experiments(workspace))
            submit_experiment(workspace.database, again.spec, again.dataset_id, again.n_queries)
            change_status(workspace.database, again.id, "complete")
        every_score_is_right(workspace)
    for row in lifecycle.all_experiments(workspace):
        lifecycle.delete(workspace, row)
    tables = ("results", "variants", "rescored", "rescorings", "revisions", "submissions")
    assert [rows_in(workspace, table) for table in tables] == [0] * len(tables)


def test_repeating_failed_queries_does_not_change_other_experiments(workspace: Workspace) -> None:
    lists = {variant: {q: docs for q, docs in found.items() if q != "q5"} for variant, found in LISTS.items()}
    first = finished(workspace, "tiny", lists, failed=("q5",))
    judged(workspace, {("q0", "d3"): 1})
    (after,) = lifecycle.listed(workspace)
    before = scores(workspace, first.id)
    submit_experiment(workspace.database, after.spec, after.dataset_id, after.n_queries)  # drops what failed
    assert len(scores(workspace, after.id)) == 2 * 9
    assert scores(workspace, first.id) == before
    assert len(before) == 2 * 10


def test_datasets_can_be_changed_while_experiments_are_rescored(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(workspace, "tiny", LISTS)
    taken = threading.Event()

    def other() -> None:
        with catalog.CHANGES:
            taken.set()

    follow = Rescoring.follow

    def wait(*args: Any) -> None:
        threading.Thread(target=other).start()
        assert taken.wait(10), "the lock of all changes is held"
        follow(*args)

    monkeypatch.setattr(Rescoring, "follow", wait)
    judged(workspace, {("q0", "d3"): 1})
    assert len(lifecycle.all_experiments(workspace)) == 2


def test_simultaneous_edits_are_followed_in_order(workspace: Workspace) -> None:
    finished(workspace, "tiny", LISTS)
    changes: list[Changes] = [{(f"q{n}", "d3"): 1} for n in (0, 1, 2, 4)]
    threads = [threading.Thread(target=judged, args=(workspace, change)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lifecycle.all_experiments(workspace)) == 5
    every_score_is_right(workspace)
