"""Queries that fail, and queries that kill whoever searches them: tried three times, then recorded as failed."""

from __future__ import annotations

from typing import Any

from evaluator.analysis.leaderboard import leaderboard
from evaluator.experiments import lifecycle
from evaluator.settings import Settings
from evaluator.workspace.queue_status import queue_status
from tests.integration.conftest import Cli, Row, follow, instance, json_output, stored_rows
from tests.integration.faults.conftest import Describe
from tests.integration.faults.faults import Faults, wait_until

BM25: dict[str, Any] = {"bm25": {"bm25": {}}}


def test_a_failing_query_is_tried_three_times_recorded_and_never_averaged_in(
    settings: Settings, faults: Faults, describe: Describe, cli: Cli, undisturbed_rows: list[Row]
) -> None:
    faults.fail("q3")
    with instance(settings) as workspace:
        submitted = lifecycle.submit(workspace, describe(), allow_paths=True)
        progress = follow(workspace, submitted)
        board = leaderboard(workspace, lifecycle.find(workspace, submitted.id))
    assert (progress.status, progress.queries_done, progress.failed) == ("finished", 40, 2)
    # Its job holds q2 as well, which is handed over by the first attempt.
    assert {query_id: times for (_, query_id), times in faults.searched().items() if times > 1} == {"q3": 3}
    assert board.compared == 19
    assert [(row["failed"], row["variant"]) for row in board.records] == [(1, "bm25"), (1, "dense")]
    error = "RuntimeError: the query q3 is made to fail"
    expected = [{"variant": variant, "query_id": "q3", "error": error} for variant in ("bm25", "dense")]
    assert json_output(cli("failures", "--json")) == expected

    faults.fail()
    with instance(settings) as workspace:
        resumed = lifecycle.resume(workspace, lifecycle.find(workspace))
        assert (resumed.skipped, resumed.to_evaluate) == (38, 2)
        assert follow(workspace, resumed).failed == 0
    assert {query_id: times for (_, query_id), times in faults.searched().items() if times > 1} == {"q3": 4}
    assert stored_rows(settings) == undisturbed_rows


def test_a_query_that_kills_every_worker_fails_after_three_attempts_and_the_rest_goes_on(
    settings: Settings, faults: Faults, describe: Describe, undisturbed_rows: list[Row]
) -> None:
    faults.kill("q3")
    with instance(settings) as workspace:
        submitted = lifecycle.submit(workspace, describe(BM25, queries_per_job=1), allow_paths=True)
        progress = follow(workspace, submitted)
        wait_until(lambda: [worker.state for worker in queue_status(workspace).present] == ["idle", "idle"])
    assert (progress.queries_done, progress.failed) == (20, 1)
    assert faults.searched() == {("0", f"q{n}"): 3 if n == 3 else 1 for n in range(20)}
    rows = {row[1]: row for row in stored_rows(settings)}
    assert rows.pop("q3")[-1] == "the worker died, or was cut off from the queue, at every attempt"
    assert list(rows.values()) == [row for row in undisturbed_rows if row[0] == "bm25" and row[1] != "q3"]
