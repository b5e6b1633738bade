"""Experiments follow each edit of judgments once, whatever fails, and whoever is killed, in between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from evaluator.analysis.history import history
from evaluator.errors import EvaluatorError, StoreUnavailableError
from evaluator.experiments import lifecycle
from evaluator.judging import judgments, rescore_after_edits
from evaluator.judging.judgments import Changes, edit
from evaluator.judging.ratings import judge
from evaluator.library import catalog
from evaluator.operations.keeper import Keeper
from evaluator.store import experiments
from evaluator.store.ratings import Rating, ratings
from evaluator.store.rescored import save_rescored
from evaluator.store.status import change_status
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.recorded import dataset_id
from tests.unit.finished import finished, submitted
from tests.unit.judging.shared_runs import LISTS, every_score_is_right, rows_in

NAMES = ("one", "two", "three")
"""Experiments over `tiny`, in the order in which they follow."""
FIRST: Changes = {("q0", "d3"): 1}
SECOND: Changes = {("q1", "d3"): 2}
BACK: Changes = {("q0", "d3"): None}


class KilledError(BaseException):
    """The end of a process, as far as its own code can tell."""


@pytest.fixture
def three(workspace: Workspace) -> Workspace:
    """Three finished experiments over `tiny`."""
    for name in NAMES:
        finished(workspace, "tiny", LISTS, name=name)
    return workspace


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets recording fail for some experiments: `fail(error, name, ...)`; for none any more without a name."""

    def failing(error: BaseException, *names: str, committed: bool = False) -> None:
        def saves(*args: Any) -> bool:
            (spec,) = (arg for arg in args if hasattr(arg, "variants"))
            if spec.name in names and not committed:
                raise error
            saved = save_rescored(*args)
            if spec.name in names:
                raise error
            return saved

        monkeypatch.setattr("evaluator.judging.rescore.save_rescored", saves)

    return failing


def reopened(workspace: Workspace) -> Workspace:
    """The workspace as the next process opens it."""
    workspace.database.close()
    return Workspace.open_local(workspace.settings)


def look(workspace: Workspace) -> None:
    """Let a keeper look once."""
    Keeper(workspace).look()


def over(workspace: Workspace, version: int, dataset: str = "tiny") -> list[str]:
    """Names of the experiments over a version of a dataset."""
    id_ = dataset_id(workspace, dataset)
    (manifest,) = (v.manifest for v in catalog.versions(workspace, id_) if v.version == version)
    return sorted(
        row.name for row in experiments.experiments_over(workspace.database, id_, manifest.fingerprint)
    )


def left(workspace: Workspace) -> list[int]:
    """What is kept of edits that experiments have yet to follow: how many, and how many experiments have."""
    return [rows_in(workspace, table) for table in ("steps", "followed")]


def edit_and_be_killed(workspace: Workspace, change: Changes) -> None:
    with pytest.raises(KilledError):
        edit(workspace, dataset_id(workspace, "tiny"), change)


@pytest.mark.parametrize("committed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", NAMES)
def test_a_process_killed_in_between_leaves_the_rest_to_the_next_keeper(
    three: Workspace, fail: Callable[..., None], name: str, committed: bool
) -> None:
    fail(KilledError(), name, committed=committed)
    edit_and_be_killed(three, FIRST)
    fail(KilledError())
    with reopened(three) as again:
        assert len(over(again, 2)) == NAMES.index(name) + committed
        look(again)
        assert over(again, 2) == sorted(NAMES)
        assert rows_in(again, "submissions") == 2 * len(NAMES)  # each was asked for, and rescored, once
        every_score_is_right(again)
        assert left(again) == [0, 0]


def test_a_process_killed_before_rescoring_leaves_everything_to_the_keeper(
    three: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(judgments, "follow", lambda *_: (_ for _ in ()).throw(KilledError()))
        edit_and_be_killed(three, FIRST)
        edit_and_be_killed(three, SECOND)
    with reopened(three) as again:
        assert (over(again, 2), over(again, 3)) == ([], [])
        look(again)
        assert over(again, 2) == over(again, 3) == sorted(NAMES)
        every_score_is_right(again)


def test_nothing_is_rescored_twice_and_deleted_experiments_stay_deleted(
    three: Workspace, fail: Callable[..., None]
) -> None:
    fail(KilledError(), "two")
    edit_and_be_killed(three, FIRST)
    fail(KilledError())
    with reopened(three) as again:
        (rescored,) = (row for row in lifecycle.listed(again) if row.name == "one")
        assert rescored.place == 1
        lifecycle.delete(again, rescored)
        look(again)
        look(again)
        assert over(again, 2) == ["three", "two"]
        assert rows_in(again, "submissions") == 3 + 2
        every_score_is_right(again)


def test_restored_judgments_are_followed_once(three: Workspace, fail: Callable[..., None]) -> None:
    edit(three, dataset_id(three, "tiny"), FIRST)
    fail(KilledError(), "two")
    edit_and_be_killed(three, BACK)
    fail(KilledError())
    places = {row.id: row.place for row in lifecycle.listed(three) if row.name == "one"}
    look(three)
    assert {row.id: row.place for row in lifecycle.listed(three) if row.name == "one"} == places
    assert over(three, 3) == sorted(NAMES)
    assert len(lifecycle.all_experiments(three)) == 2 * len(NAMES)
    assert rows_in(three, "submissions") == 3 * len(NAMES)
    every_score_is_right(three)


def test_an_edit_behind_one_that_was_cut_short_finishes_that_first(
    three: Workspace, fail: Callable[..., None]
) -> None:
    fail(KilledError(), "two")
    edit_and_be_killed(three, FIRST)
    fail(KilledError())
    edit(three, dataset_id(three, "tiny"), SECOND)
    assert over(three, 2) == over(three, 3) == sorted(NAMES)
    points = [point for point in history(three, "tiny").points if point.variant == "second"]
    assert [point.version for point in points] == [1, 2, 3]
    every_score_is_right(three)
    assert left(three) == [0, 0]


def test_an_import_in_between_is_no_edit(
    three: Workspace, fail: Callable[..., None], write_dataset: WriteDataset
) -> None:
    fail(KilledError(), *NAMES)
    edit_and_be_killed(three, FIRST)
    fail(KilledError())
    folder = write_dataset("other", qrels={0: {5: 1}, 1: {1: 1}})
    catalog.import_folder(three, folder, "tiny")
    look(three)
    assert (over(three, 2), over(three, 3)) == (sorted(NAMES), [])
    every_score_is_right(three)


def test_experiments_deleted_started_again_or_finished_in_between(
    three: Workspace, fail: Callable[..., None]
) -> None:
    late = submitted(three, "tiny", name="late")
    fail(KilledError(), "one")
    edit_and_be_killed(three, FIRST)
    fail(KilledError())
    one, two = (lifecycle.find(three, name) for name in ("one", "two"))
    lifecycle.delete(three, one)
    three.database.cursor.execute("UPDATE experiments SET status = 'planning' WHERE id = ?", [two.id])
    change_status(three.database, late.id, "complete")
    look(three)
    assert over(three, 2) == ["late", "three"]
    change_status(three.database, two.id, "complete")
    look(three)
    assert over(three, 2) == ["late", "three"]  # as whatever finishes behind the edit
    assert left(three) == [0, 0]


def test_a_dataset_that_is_deleted_in_between_takes_its_edits_along(
    three: Workspace, fail: Callable[..., None]
) -> None:
    fail(KilledError(), "two")
    edit_and_be_killed(three, FIRST)
    fail(KilledError())
    for row in lifecycle.all_experiments(three):
        lifecycle.delete(three, row)
    catalog.remove(three, "tiny")
    assert left(three) == [0, 0]
    look(three)
    assert lifecycle.all_experiments(three) == []


def test_an_error_says_that_the_judgments_are_saved_and_the_keeper_tries_again(
    three: Workspace, fail: Callable[..., None]
) -> None:
    fail(StoreUnavailableError("the disk is full; make room there"), "two")
    said = (
        r"the judgments are saved; experiments over 'tiny' are not yet rescored by its version 2, which is tried again "
        r"every few seconds: the disk is full; make room there"
    )
    with pytest.raises(EvaluatorError, match=said):
        judge(three, dataset_id(three, "tiny"), "Anna", "q0", {"d3": 2})
    assert ratings(three.database, dataset_id(three, "tiny")) == [Rating("Anna", "q0", "d3", 2)]
    assert catalog.find(three, "tiny").version == 2
    look(three)
    assert over(three, 2) == ["one", "three"]  # who fails keeps no other waiting
    with pytest.raises(EvaluatorError, match=said):  # said again: nothing changes, and it still fails
        judge(three, dataset_id(three, "tiny"), "Anna", "q0", {"d3": 2})
    fail(KilledError())
    look(three)
    assert over(three, 2) == sorted(NAMES)
    assert rows_in(three, "submissions") == 2 * len(NAMES)
    every_score_is_right(three)


def test_a_broken_step_holds_up_its_own_dataset_alone(
    three: Workspace, fail: Callable[..., None], write_dataset: WriteDataset, caplog: pytest.LogCaptureFixture
) -> None:
    catalog.import_folder(three, write_dataset("twin", qrels={n: {n: 1, 5: 1} for n in range(10)}))
    finished(three, "twin", LISTS, name="elsewhere")
    fail(KeyError("broken"), "two", "elsewhere")
    for change in (FIRST, SECOND):
        for dataset in ("tiny", "twin"):
            with pytest.raises(EvaluatorError, match="'broken'"):
                edit(three, dataset_id(three, dataset), change)
    fail(KeyError("broken"), "two")
    with caplog.at_level(logging.WARNING):
        look(three)
    assert over(three, 2, "twin") == over(three, 3, "twin") == ["elsewhere"]
    assert (over(three, 2), over(three, 3)) == (["one", "three"], [])  # one edit after the other
    two = lifecycle.find(three, "two")
    assert two.id in {getattr(record, "experiment", None) for record in caplog.records}
    edit(three, dataset_id(three, "twin"), {("q4", "d3"): 1})  # nothing is said of the other dataset
    fail(KilledError())
    look(three)
    assert over(three, 3) == sorted(NAMES)
    every_score_is_right(three)


def test_a_keeper_does_not_wait_for_another_thread_that_rescores(
    three: Workspace, fail: Callable[..., None]
) -> None:
    fail(KilledError(), "one")
    edit_and_be_killed(three, FIRST)
    fail(KilledError())
    with rescore_after_edits.FOLLOWING:
        looked = threading.Thread(target=look, args=(three,))
        looked.start()
        looked.join(20)
        assert not looked.is_alive()
    assert over(three, 2) == []


def test_a_stopped_keeper_leaves_the_rest_to_the_next(three: Workspace, fail: Callable[..., None]) -> None:
    fail(KilledError(), "one")
    edit_and_be_killed(three, FIRST)
    fail(KilledError())
    rescore_after_edits.follow_left(three, lambda duty, _: duty(), stopped=lambda: len(over(three, 2)) == 2)
    assert over(three, 2) == ["one", "two"]
    look(three)
    assert over(three, 2) == sorted(NAMES)


def test_a_keeper_has_other_duties_too(
    three: Workspace, fail: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(KilledError(), "one")
    edit_and_be_killed(three, FIRST)
    fail(KeyError("broken"), "one")
    monkeypatch.setattr(rescore_after_edits, "SECONDS_PER_DATASET", 0.0)
    for followed in (["two"], ["three", "two"]):
        look(three)  # each look lets one follow, however long it takes, and whoever fails
        assert over(three, 2) == followed
