"""What waits is put into fair order, however often jobs are added to it, in time that grows with it."""

from __future__ import annotations

from typing import cast

import pytest
from redis import Redis
from rq import Queue
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from evaluator.jobs import fair_order
from evaluator.jobs.fair_order import OWNER, set_project
from evaluator.jobs.processes.worker import tidy
from evaluator.jobs.queue import QUEUES, enqueue, job_data, open_queue
from evaluator.settings import Settings

SETTINGS = Settings(attempts=1)
LARGE, SMALL = "aa", "bb"


def add(connection: Redis, experiment: str, first: int, n: int = 1) -> None:
    """Enqueue evaluations of an experiment."""
    enqueue(
        connection,
        [
            job_data(SETTINGS, "evaluate", (experiment,), f"evaluate-{experiment}-{number}")
            for number in range(first, first + n)
        ],
    )


def owners(queue: Queue) -> str:
    """Whose evaluations wait, from the front: a and b."""
    return "".join(id_.split("-")[1][0] for id_ in queue.get_job_ids())


def housekeeping(connection: Redis) -> None:
    """A round of it."""
    tidy(RQScheduler([*QUEUES.values()], connection=connection, serializer=JSONSerializer), {})


def test_two_experiments_take_turns_of_eight(connection: Redis, queue: Queue) -> None:
    add(connection, LARGE, 0, 20)
    add(connection, SMALL, 0, 10)
    assert owners(queue) == 8 * "a" + 8 * "b" + 8 * "a" + 2 * "b" + 4 * "a"


def test_projects_take_turns_whatever_they_ask_for(connection: Redis, queue: Queue) -> None:
    """The project of a and b gets no more of the workers than that of c."""
    set_project(connection, "cc", "web")
    for experiment in (LARGE, SMALL):
        add(connection, experiment, 0, 12)
    add(connection, "cc", 0, 20)
    assert owners(queue) == 8 * "a" + 8 * "c" + 8 * "b" + 8 * "c" + 4 * "a" + 4 * "c" + 4 * "b"


def owner(connection: Redis) -> bytes | None:
    return cast("bytes | None", connection.get(f"{OWNER}encode-ab-document-9f"))


def test_what_projects_share_counts_for_the_one_that_asked_first(connection: Redis, queue: Queue) -> None:
    set_project(connection, "cc", "web")
    shared = [f"encode-ab-document-9f-{number}" for number in range(2)]
    for experiment in ("cc", LARGE):
        enqueue(connection, [job_data(SETTINGS, "encode", (experiment,), id_) for id_ in shared])
    assert owner(connection) == b"web"


def test_a_group_that_is_asked_for_anew_counts_for_whoever_asks_now(connection: Redis) -> None:
    set_project(connection, "cc", "web")
    for experiment, owned_by in (("cc", b"web"), (LARGE, None)):
        enqueue(connection, [job_data(SETTINGS, "encode", (experiment,), "encode-ab-document-9f-0")])
        assert owner(connection) == owned_by
        open_queue(connection, "encode").empty()


def test_a_long_list_is_not_read_each_time_and_housekeeping_does_the_rest(
    connection: Redis, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair_order, "JOBS_PER_MILLISECOND", 0.001)  # 20 jobs: a pause of 20 s
    add(connection, LARGE, 0, 20)
    connection.config_resetstat()
    for number in range(10):
        add(connection, SMALL, number)
    assert "cmdstat_lrange" not in connection.info("commandstats")
    assert owners(queue) == 20 * "a" + 10 * "b"
    housekeeping(connection)
    assert owners(queue) == 20 * "a" + 10 * "b"
    connection.delete(f"evaluator:pause:{queue.key}")  # it is over
    housekeeping(connection)
    assert owners(queue) == 8 * "a" + 8 * "b" + 8 * "a" + 2 * "b" + 4 * "a"


def test_housekeeping_leaves_a_list_that_is_in_order(connection: Redis, queue: Queue) -> None:
    add(connection, LARGE, 0, 20)
    connection.config_resetstat()
    for _ in range(3):
        housekeeping(connection)
    statistics = connection.info("commandstats")
    assert statistics["cmdstat_eval"]["calls"] >= 3
    assert statistics.get("cmdstat_lrange", {"calls": 0})["calls"] <= 3 * len(QUEUES)  # what workers hold
    assert "cmdstat_rpush" not in statistics
    assert connection.ttl(f"evaluator:unordered:{queue.key}") == -2  # nothing is left to be done
