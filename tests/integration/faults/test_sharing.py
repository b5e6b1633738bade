"""Several experiments at once: they take turns, share vectors, and are cancelled one by one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from evaluator.experiments import lifecycle
from evaluator.experiments.lifecycle import Submitted
from evaluator.experiments.progress import progress_reader
from evaluator.jobs.queue import all_live_ids, open_queue
from evaluator.settings import Settings
from evaluator.workspace.queue_status import queue_status
from evaluator.workspace.workspace import Workspace
from tests.integration.conftest import Row, follow, instance, stored_rows
from tests.integration.faults.conftest import Describe
from tests.integration.faults.faults import Faults, wait_until

CANCELLED_WITHIN = 5.0
"""Seconds."""


def cancel(workspace: Workspace, submitted: Submitted) -> None:
    lifecycle.cancel(workspace, lifecycle.find(workspace, submitted.id))


def resume(workspace: Workspace, submitted: Submitted) -> Submitted:
    return lifecycle.resume(workspace, lifecycle.find(workspace, submitted.id))


def test_cancelling_interrupts_what_runs_and_resuming_continues_it(
    settings: Settings, faults: Faults, describe: Describe, undisturbed_rows: list[Row]
) -> None:
    with instance(settings) as workspace, faults.hold("encode"):
        submitted = lifecycle.submit(workspace, describe(), allow_paths=True)
        faults.wait_for("encode", 2)  # both workers would encode for ever
        cancelled = time.monotonic()
        cancel(workspace, submitted)
        queue = open_queue(workspace.connection)
        wait_until(lambda: not all_live_ids(queue.connection))
        wait_until(lambda: {worker.state for worker in queue_status(workspace).workers} == {"idle"})
        assert time.monotonic() - cancelled < CANCELLED_WITHIN
        assert lifecycle.find(workspace, submitted.id).status == "cancelled"
        assert faults.encoded() == {}
        faults.release("encode")
        assert follow(workspace, resume(workspace, submitted)).status == "finished"
    assert stored_rows(settings) == undisturbed_rows


def test_cancelling_keeps_what_is_done(
    settings: Settings, faults: Faults, describe: Describe, undisturbed_rows: list[Row]
) -> None:
    faults.slow("evaluate", 0.1)
    with instance(settings) as workspace:
        submitted = lifecycle.submit(workspace, describe(), allow_paths=True)
        reader = progress_reader(workspace)
        wait_until(lambda: reader.read(submitted.id).queries_done)
        cancel(workspace, submitted)
        queue = open_queue(workspace.connection)
        wait_until(lambda: not all_live_ids(queue.connection))
        wait_until(lambda: not queue_status(workspace).unrecorded)
        kept = reader.read(submitted.id).queries_done
        assert 0 < kept < 40
        again = resume(workspace, submitted)
        assert (again.skipped, again.to_evaluate) == (kept, 40 - kept)
        assert follow(workspace, again).status == "finished"
    assert stored_rows(settings) == undisturbed_rows


def test_cancelling_does_not_stop_the_encoding_that_another_experiment_needs(
    settings: Settings, faults: Faults, describe: Describe, model: Path, undisturbed_rows: list[Row]
) -> None:
    dense = {"dense": {"dense": {"encoder": str(model)}}}
    with instance(settings) as workspace, faults.hold("encode"):
        unwanted = lifecycle.submit(workspace, describe(dense, name="unwanted"), allow_paths=True)
        in_hand = faults.wait_for("encode", 2)
        wanted = lifecycle.submit(workspace, describe(), allow_paths=True)
        cancel(workspace, unwanted)
        # A worker looks once a second whether to stop, so in two it would have.
        wait_until(lambda: time.monotonic() - in_hand[1].at > 2.0)
        faults.release("encode")
        assert follow(workspace, wanted).status == "finished"
    assert len({call.job for call in faults.calls("encode")}) == len(faults.calls("encode"))
    assert stored_rows(settings) == undisturbed_rows


def test_two_experiments_that_need_the_same_vectors_encode_them_once(
    settings: Settings, faults: Faults, describe: Describe
) -> None:
    with instance(settings) as workspace, faults.hold("encode"):
        first = lifecycle.submit(workspace, describe(name="first"), allow_paths=True)
        second = lifecycle.submit(workspace, describe(name="second"), allow_paths=True)
        faults.release("encode")
        assert follow(workspace, first).status == follow(workspace, second).status == "finished"
    encoded = faults.encoded()
    assert len(encoded) == 200 + 20  # documents and queries
    assert set(encoded.values()) == {1}


def test_a_small_experiment_does_not_wait_for_a_large_one(
    settings: Settings, faults: Faults, describe: Describe
) -> None:
    faults.slow("evaluate", 0.02)
    variants: dict[str, Any] = {f"k1 {n}": {"bm25": {"k1": 1.0 + n / 10}} for n in range(6)}
    with instance(settings) as workspace:
        with faults.hold("evaluate"):
            large = lifecycle.submit(workspace, describe(variants, name="large"), allow_paths=True)
            faults.wait_for("evaluate", 2)
            small = lifecycle.submit(
                workspace, describe({"bm25": {"bm25": {}}}, name="small"), allow_paths=True
            )
        assert follow(workspace, small).status == "finished"
        assert lifecycle.find(workspace, large.id).status == "running"
        cancel(workspace, large)
    jobs = [call.job.split("-")[1] for call in faults.calls("evaluate")]
    last_of_small = len(jobs) - jobs[::-1].index(small.id) - 1
    # 6 variants x 10 jobs; both workers had one in hand already.
    assert jobs[:last_of_small].count(large.id) < 60 / 2
