"""A connection that is cut off without a word: nothing is said any more, and nobody hangs up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from evaluator.jobs.connection import ANSWER_TIMEOUT, connect
from evaluator.jobs.processes import worker as worker_module
from evaluator.jobs.processes.worker import DEQUEUE_TIMEOUT, WarmWorker
from evaluator.jobs.queue import enqueue, job_data
from evaluator.jobs.results.stream import ResultStream
from evaluator.settings import Settings
from evaluator.store.file.database import Database
from evaluator.store.recorder import Recorder
from evaluator.store.results import recorded_queries
from tests.unit.jobs.embedded import tcp_valkey
from tests.unit.store.rows import save, scored
from tests.unit.store.test_recorder import eventually

TIMEOUT = 0.5
"""Seconds until an answer must come here."""


class Wire:
    """Forwards connections to a port of this machine, until those that there are are cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._cut: list[threading.Event] = []
        self._ends: list[socket.socket] = [self._listener]
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on nothing goes through the connections that there are; new ones are well."""
        for cut in self._cut:
            cut.set()

    def close(self) -> None:
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                cut = threading.Event()
                self._cut.append(cut)
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=(source, sink, cut), daemon=True).start()

    @staticmethod
    def _forward(source: socket.socket, sink: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while read := source.recv(1 << 16):
                if not cut.is_set():
                    sink.sendall(read)


@pytest.fixture
def valkey_port(tmp_path: Path) -> Iterator[int]:
    with tcp_valkey(tmp_path) as port:
        yield port


@pytest.fixture
def wire(valkey_port: int) -> Iterator[Wire]:
    wire = Wire(valkey_port)
    yield wire
    wire.close()


@pytest.fixture
def settings(wire: Wire, tmp_path: Path) -> Settings:
    """Settings whose queue is at the end of the wire."""
    return Settings(home=tmp_path, redis_url=f"redis://127.0.0.1:{wire.port}/0")


@pytest.fixture
def beside(valkey_port: int) -> Iterator[Redis]:
    """A connection that does not go through the wire."""
    with Redis(port=valkey_port) as client:
        yield client


def test_the_recorder_goes_on_over_a_new_connection(
    wire: Wire, settings: Settings, beside: Redis, tmp_path: Path
) -> None:
    database = Database(tmp_path / "evaluator.duckdb")
    recorder = Recorder(database, ResultStream(connect(settings, timeout=TIMEOUT)), batch=10)
    recorder.start()
    try:
        id_ = save(database)
        ResultStream(beside).append([scored(id_, "q0", 1.0)])
        eventually(lambda: recorded_queries(database, id_) == {"bm25": {"q0"}})
        for query_id in ("q1", "q2"):
            wire.cut()
            ResultStream(beside).append([scored(id_, query_id, 1.0)])
            eventually(partial(is_recorded, database, id_, query_id))
        assert recorder.trouble is None
    finally:
        recorder.stop()
        database.close()


def is_recorded(database: Database, experiment: str, query_id: str) -> bool:
    return query_id in recorded_queries(database, experiment)["bm25"]


def test_an_idle_worker_goes_on_over_a_new_connection(
    wire: Wire, settings: Settings, beside: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "ANSWER_TIMEOUT", TIMEOUT)
    monkeypatch.setattr(worker_module, "DEQUEUE_TIMEOUT", TIMEOUT / 2)
    worker = WarmWorker(connect(settings, timeout=TIMEOUT), queues=["evaluate"])
    worker.register_birth()
    pool = ThreadPoolExecutor(1)
    taken = pool.submit(worker.dequeue_job_and_maintain_ttl, worker.dequeue_timeout)
    eventually(lambda: any(client["cmd"] == "blmove" for client in beside.client_list()))
    wire.cut()
    enqueue(beside, [job_data(settings, "gather", ("e1",), f"gather-{number}") for number in range(2)])
    # One of them may have been handed to the connection that is dead; housekeeping puts that one back.
    found = taken.result(timeout=20)
    assert found is not None
    assert found[0].id in ("gather-0", "gather-1")


def test_no_answer_is_told_in_time(wire: Wire, settings: Settings) -> None:
    client = connect(settings, timeout=TIMEOUT, attempts=0)
    assert client.ping()
    wire.cut()
    with pytest.raises(RedisTimeoutError):
        client.ping()


def test_a_worker_that_only_waits_is_not_taken_for_one_that_is_cut_off(settings: Settings) -> None:
    worker = WarmWorker(connect(settings))
    assert DEQUEUE_TIMEOUT < ANSWER_TIMEOUT
    assert worker.dequeue_timeout == DEQUEUE_TIMEOUT
    # RQ would lengthen a timeout that is shorter than its own, to 55 seconds.
    assert worker.connection.connection_pool.connection_kwargs["socket_timeout"] == ANSWER_TIMEOUT
    assert worker.connection.connection_pool.connection_kwargs["socket_keepalive"]
