"""Workers die, stop and fail: their jobs run again, and what is recorded is what an undisturbed run records."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from evaluator.experiments import lifecycle
from evaluator.jobs.queue import all_live_ids, open_queue
from evaluator.jobs.results.stream import STREAM
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.integration.conftest import Row, follow, instance, stored_rows
from tests.integration.faults.conftest import Describe
from tests.integration.faults.faults import Call, Faults, is_running, wait_until

PROMPTLY = 15.0
"""Seconds within which a dead worker's job must run again on the same machine."""


@pytest.mark.parametrize("stage", ["encode", "index", "evaluate"])
def test_a_killed_workers_job_runs_again_elsewhere(
    stage: str, settings: Settings, faults: Faults, describe: Describe, undisturbed_rows: list[Row]
) -> None:
    with instance(settings) as workspace, faults.hold(stage):
        submitted = lifecycle.submit(workspace, describe(), allow_paths=True)
        victim = faults.wait_for(stage)[0]
        os.kill(victim.pid, signal.SIGKILL)
        killed = time.monotonic()
        faults.release(stage)
        assert follow(workspace, submitted).status == "finished"
    again = [call for call in faults.calls(stage) if call.job == victim.job and call.pid != victim.pid]
    assert len(again) == 1
    assert again[0].at - killed < PROMPTLY
    repeated = {query_id for (_, query_id), times in faults.searched().items() if times > 1}
    assert repeated == set(victim.items)  # of evaluations, those in hand; of other stages, none
    assert stored_rows(settings) == undisturbed_rows


def test_a_worker_that_dies_while_it_searches_for_several_variants_loses_and_doubles_nothing(
    settings: Settings, faults: Faults, describe: Describe, model: Path, undisturbed_rows: list[Row]
) -> None:
    shared = {
        "bm25": {"bm25": {}},
        "dense": {"dense": {"encoder": str(model)}},
        "both": {"fuse": {"of": ["bm25", "dense"]}},
    }
    with instance(settings) as workspace, faults.hold("search"):
        submitted = lifecycle.submit(workspace, describe(shared), allow_paths=True)
        victim = faults.wait_for("search")[0]
        os.kill(victim.pid, signal.SIGKILL)
        faults.release("search")
        assert follow(workspace, submitted).status == "finished"
    calls = Counter(call.job for call in faults.calls("search"))
    # Two retrievers, 20 queries in shards of two, as they are evaluated; that of the victim again.
    assert calls == Counter(dict.fromkeys(calls, 1)) + Counter([victim.job])
    assert len(calls) == 2 * 10
    rows = stored_rows(settings)
    assert [row for row in rows if row[0] != "both"] == undisturbed_rows
    assert len(rows) == 3 * 20


def test_a_worker_that_dies_during_maintenance_does_not_block_others(
    settings: Settings, faults: Faults, describe: Describe, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults.silence(2)
    # With a pause before the next attempt, it is up to whoever keeps house to enqueue it.
    monkeypatch.setenv("EVALUATOR_RETRY_INTERVALS", "[1]")
    with instance(settings) as workspace, faults.hold("evaluate"):
        submitted = lifecycle.submit(workspace, describe({"bm25": {"bm25": {}}}), allow_paths=True)
        in_hand = faults.wait_for("evaluate", 2)
        faults.die_in_housekeeping()
        victim = wait_until(lambda: next((call for call in in_hand if not is_running(call.pid)), None))
        died = time.monotonic()
        faults.release("evaluate")
        assert follow(workspace, submitted).status == "finished"
    again = [call for call in faults.calls("evaluate") if call.job == victim.job and call != victim]
    assert [call.at - died < PROMPTLY for call in again] == [True]


def test_queries_sent_to_the_recorder_are_not_searched_again(
    settings: Settings, faults: Faults, describe: Describe, undisturbed_rows: list[Row]
) -> None:
    faults.die_after_hand_over()
    with instance(settings) as workspace:
        submitted = lifecycle.submit(workspace, describe(), allow_paths=True)
        assert follow(workspace, submitted).status == "finished"
        again = wait_until(lambda: repeated(faults.calls("evaluate")))
    assert [call.items for call in again] == [()]  # it ran again, and found nothing left to do
    assert set(faults.searched().values()) == {1}
    assert stored_rows(settings) == undisturbed_rows


def repeated(calls: list[Call]) -> list[Call]:
    """Those whose job had begun before."""
    return [call for n, call in enumerate(calls) if call.job in {earlier.job for earlier in calls[:n]}]


def test_a_long_job_of_a_living_worker_is_never_abandoned(
    settings: Settings, faults: Faults, describe: Describe
) -> None:
    faults.silence(2)
    with instance(settings) as workspace, faults.hold("index"):
        submitted = lifecycle.submit(workspace, describe({"bm25": {"bm25": {}}}), allow_paths=True)
        begun = faults.wait_for("index")[0]
        # Twice as long as a silent worker would be given; the other worker keeps house meanwhile.
        wait_until(lambda: time.monotonic() - begun.at > 4.0)
        faults.release("index")
        assert follow(workspace, submitted).status == "finished"
    assert faults.calls("index") == [begun]


def test_a_worker_that_stops_without_dying_is_replaced_and_doubles_nothing_when_it_goes_on(
    settings: Settings, faults: Faults, describe: Describe, undisturbed_rows: list[Row]
) -> None:
    # To the queue, a stopped process is a machine out of reach: it lives, and sends no heartbeat.
    faults.silence(2)
    with instance(settings) as workspace, faults.hold("evaluate"):
        submitted = lifecycle.submit(workspace, describe(), allow_paths=True)
        victim = faults.wait_for("evaluate")[0]
        os.kill(victim.pid, signal.SIGSTOP)
        try:
            faults.release("evaluate")
            assert follow(workspace, submitted).status == "finished"
            handed_over = handed_over_so_far(workspace)
        finally:
            os.kill(victim.pid, signal.SIGCONT)
        # It goes on with what it had in hand, and hands it over for the second time.
        wait_until(lambda: handed_over_so_far(workspace) >= handed_over + len(victim.items))
        queue = open_queue(workspace.connection)
        wait_until(lambda: not all_live_ids(queue.connection))
        assert queue.failed_job_registry.count == 0
    again = [call.pid for call in faults.calls("evaluate") if call.job == victim.job and call != victim]
    assert len(again) == 1
    assert again[0] != victim.pid
    assert stored_rows(settings) == undisturbed_rows


def handed_over_so_far(workspace: Workspace) -> int:
    """How many results workers have handed over, recorded or not."""
    return int(workspace.connection.xinfo_stream(STREAM)["entries-added"])
