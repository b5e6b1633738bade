"""Encoding has a queue of its own: who serves which, in what order, and nothing is lost between them."""

from __future__ import annotations

import time

import pytest
from redis import Redis
from rq.exceptions import DequeueTimeout
from rq.serializers import JSONSerializer

from evaluator.errors import InvalidInputError
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.jobs.queue import CarefulQueue, enqueue, job_data, open_queue, open_queues
from evaluator.settings import Settings
from tests.unit.jobs.conftest import run_all

pytestmark = pytest.mark.usefixtures("toys")

SETTINGS = Settings(attempts=1)


def add(connection: Redis, *ids: str) -> None:
    enqueue(connection, [job_data(SETTINGS, "say_hello", (id_,), id_) for id_ in ids])


def test_what_needs_a_model_is_apart(connection: Redis) -> None:
    add(
        connection,
        "encode-a1-document-p-0",
        "prepare-static",
        "index-x",
        "dispatch-e-0",
        "evaluate-e-0-b",
    )
    encode, evaluate = (queue.get_job_ids() for queue in open_queues(connection))
    assert encode == ["prepare-static", "encode-a1-document-p-0"]
    assert evaluate == ["index-x", "dispatch-e-0", "evaluate-e-0-b"]


def test_a_worker_prefers_evaluation_but_encoding_gets_its_turn(connection: Redis) -> None:
    """After eight evaluations one job to encode."""
    add(connection, *(f"encode-a-query-p-{n}" for n in range(2)), *(f"evaluate-e-0-{n:x}" for n in range(10)))
    stages = [id_.partition("-")[0] for id_ in run_all(WarmWorker(connection))]
    assert stages == [*["evaluate"] * 8, "encode", "evaluate", "evaluate", "encode"]


@pytest.mark.parametrize(("name", "id_"), [("encode", "encode-a-query-p-0"), ("evaluate", "evaluate-e-0-0")])
def test_a_worker_of_one_queue_leaves_the_other(connection: Redis, name: str, id_: str) -> None:
    add(connection, "encode-a-query-p-0", "evaluate-e-0-0")
    assert run_all(WarmWorker(connection, queues=(name,))) == [id_]  # type: ignore[arg-type]


def test_what_is_taken_is_noted_until_it_begins(connection: Redis) -> None:
    """A worker that dies in between leaves the note, from which the job is put back."""
    add(connection, "encode-a-query-p-0")
    worker, queue = WarmWorker(connection), open_queue(connection, "encode")
    found = CarefulQueue.dequeue_any(worker.queues, 1, connection, serializer=JSONSerializer)
    assert found is not None
    assert queue.intermediate_queue.get_job_ids() == ["encode-a-query-p-0"]
    worker.execute_job(*found)
    assert queue.intermediate_queue.get_job_ids() == []


def test_a_worker_waits_for_either_queue(connection: Redis) -> None:
    started = time.monotonic()
    with pytest.raises(DequeueTimeout):
        CarefulQueue.dequeue_any(open_queues(connection), 0.2, connection, serializer=JSONSerializer)
    assert time.monotonic() - started >= 0.2


class TestWorkersOfAMachine:
    def test_all_serve_both(self) -> None:
        assert [Settings(workers=2).queues_of(n) for n in (1, 2)] == [("encode", "evaluate")] * 2

    def test_some_only_evaluate(self) -> None:
        settings = Settings(workers=3, encode_workers=1)
        assert [settings.queues_of(n) for n in (1, 2)] == [("encode", "evaluate"), ("evaluate",)]

    def test_a_machine_may_only_encode(self) -> None:
        assert Settings(workers=1, evaluate_workers=0).queues_of(1) == ("encode",)

    def test_none_is_idle(self) -> None:
        with pytest.raises(InvalidInputError, match="worker 3 would have nothing to do"):
            Settings(workers=3, encode_workers=1, evaluate_workers=2).queues_of(3)
