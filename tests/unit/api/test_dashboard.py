"""The queue's dashboard, given what an attacker could write into the queue."""

from __future__ import annotations

import asyncio
import os
import pickle
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from redis import Redis
from rq import Queue, serializers
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_dashboard import web
from starlette.applications import Starlette

from evaluator.api.dashboard import dashboard
from evaluator.jobs.connection import connect
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.jobs.queue import open_queue
from evaluator.settings import Settings
from tests.unit.jobs.conftest import run_all
from tests.unit.jobs.embedded import embedded_valkey
from tests.unit.jobs.processes.test_socket_folder import NOBODY, as_root

MARKUP = "<img src=x onerror='window.ran=1'>"


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.witness}'",)


class Pages:
    """The dashboard as a browser asks for it."""

    def __init__(self, settings: Settings) -> None:
        self._transport = httpx.ASGITransport(
            Starlette(routes=dashboard(settings)), raise_app_exceptions=False
        )

    def __call__(self, path: str, method: str = "GET") -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://here") as client:
                return await client.request(method, f"/queue{path}")

        return asyncio.run(ask())


@pytest.fixture
def queue(connection: Redis) -> Queue:
    return open_queue(connection)


@pytest.fixture
def pages(valkey: Settings, monkeypatch: pytest.MonkeyPatch) -> Pages:
    monkeypatch.setattr(serializers, "PickleSerializer", serializers.PickleSerializer)  # put back afterwards
    return Pages(valkey)


@pytest.fixture
def busy(connection: Redis, queue: Queue) -> Job:
    """A worker's record that says that it runs this job."""
    job = queue.enqueue("tests.unit.jobs.toys.say_hello", MARKUP, job_id="busy", description=MARKUP)
    worker = WarmWorker(connection, name="busy-worker")
    worker.register_birth()
    with connection.pipeline() as pipeline:
        Execution.create(job, ttl=60, pipeline=pipeline, worker_name=worker.name)
        pipeline.execute()
    worker.set_state("busy")
    return job


PATHS = (
    "/",
    "/0/view/queues",
    "/0/view/jobs",
    "/0/view/jobs/evaluate/failed/8/asc/1",
    "/0/view/workers",
    "/0/view/job/{id}",
    "/0/data/queues.json",
    "/0/data/workers.json",
    "/0/data/job/{id}.json",
    *(
        f"/0/data/jobs/{{queue}}/{registry}/8/{order}/1.json"
        for registry in ("queued", "started", "failed", "finished", "deferred", "scheduled", "canceled")
        for order in ("asc", "dsc")
    ),
)


class TestPickles:
    @pytest.mark.parametrize("field", ["data", "meta", "result"])
    @pytest.mark.parametrize("path", PATHS)
    def test_a_forged_pickle_is_not_loaded(
        self, pages: Pages, connection: Redis, queue: Queue, busy: Job, tmp_path: Path, path: str, field: str
    ) -> None:
        witness = tmp_path / "ran"
        forged = pickle.dumps(Evil(witness))
        connection.hset(busy.key, field, forged)
        connection.hdel(busy.key, "description")
        for registry in (queue.failed_job_registry, queue.finished_job_registry, queue.started_job_registry):
            connection.zadd(registry.key, {busy.id: 9e9})
        pages(path.format(id=busy.id, queue=queue.name))
        assert not witness.exists()

    def test_invalid_json_is_reported(self, pages: Pages, connection: Redis, busy: Job) -> None:
        connection.hset(busy.key, "data", pickle.dumps("anything"))
        answer = pages("/0/data/workers.json")
        assert (answer.status_code, "not JSON" in answer.text) == (422, True)


class TestAnswers:
    def test_workers_are_listed_while_one_is_busy(self, pages: Pages, busy: Job) -> None:
        answer = pages("/0/data/workers.json")
        assert answer.status_code == 200
        (worker,) = answer.json()["workers"]
        assert (worker["name"], worker["current_job"]["job_id"]) == ("busy-worker", busy.id)

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/0/view/job/none", 404),
            ("/0/data/job/none.json", 404),
            ("/7/view/queues", 404),
            ("/0/data/jobs/evaluate/nonsense/8/asc/1.json", 404),
            ("/0/data/jobs/evaluate/queued/0/asc/1.json", 422),
            ("/0/data/jobs/evaluate/queued/many/asc/1.json", 422),
            ("/0/data/jobs/evaluate/queued/999999999999999999999/asc/1.json", 422),
        ],
    )
    def test_what_is_not_there_is_no_failure_of_the_server(
        self, pages: Pages, connection: Redis, path: str, status: int
    ) -> None:
        assert pages(path).status_code == status

    def test_nothing_is_changed_through_it(self, pages: Pages, busy: Job) -> None:
        assert pages("/queue/evaluate/queued/empty", "POST").status_code == 405
        assert pages("/requeue/evaluate").status_code == 405


class TestScript:
    """`<%=` prints as it is in the browser, `<%-` escapes; a real browser is asked in tests/e2e."""

    @pytest.mark.parametrize("path", PATHS)
    def test_every_answer_forbids_scripts_of_others(
        self, pages: Pages, queue: Queue, busy: Job, path: str
    ) -> None:
        answer = pages(path.format(id=busy.id, queue=queue.name))
        policy = answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert re.search(r"default-src 'none'; script-src 'nonce-[\w-]{20,}' 'unsafe-eval';", policy)
        assert "frame-ancestors 'none'" in policy
        if answer.is_redirect:
            assert answer.headers["location"].endswith("/queue/")
        elif answer.headers["content-type"].startswith("text/html"):
            assert "<%=" not in answer.text
            assert MARKUP not in answer.text
            nonce = re.search(r"'nonce-([\w-]+)'", policy)
            assert nonce
            scripts = re.findall(r"<script ([^>]*)>", answer.text)
            own = [attributes for attributes in scripts if "text/template" not in attributes]
            assert len(own) == 5
            assert all(attributes.startswith(f'nonce="{nonce[1]}"') for attributes in own)
        else:
            assert answer.headers["content-type"] == "application/json"

    def test_a_nonce_serves_once(self, pages: Pages, connection: Redis) -> None:
        assert pages("/").headers["content-security-policy"] != pages("/").headers["content-security-policy"]

    @pytest.mark.parametrize("name", ["');window.ran=1;//", "\\", "</script><script>window.ran=1<!--"])
    def test_a_name_in_the_address_stays_a_string(self, pages: Pages, connection: Redis, name: str) -> None:
        address = httpx.URL(f"http://here/{name}".replace("\\", "%5C")).raw_path.decode().replace("/", "", 1)
        answer = pages(f"/0/view/jobs/{address.replace('/', '%2F')}/queued/8/asc/1")
        scripts = re.findall(r"<script nonce[^>]*>(.*?)</script>", answer.text, flags=re.DOTALL)
        assert f"val('{name}')" not in answer.text
        assert "window.ran=1<!--" not in "".join(scripts)

    def test_results_reach_the_page_as_data(self, pages: Pages, connection: Redis, queue: Queue) -> None:
        queue.enqueue("tests.unit.jobs.toys.say_hello", MARKUP, job_id="told")
        run_all(WarmWorker(connection))
        answer = pages("/0/data/job/told.json")
        assert answer.json()["result"] == f"hello {MARKUP}"
        assert answer.headers["content-type"] == "application/json"
        assert JSONSerializer.loads(answer.content)["id"] == "told"


@as_root
def test_each_connection_is_made_to_this_users_own_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, each answer connected anew without a look at whose folder the socket is in."""
    monkeypatch.setattr(serializers, "PickleSerializer", serializers.PickleSerializer)
    with embedded_valkey(tmp_path / "home") as settings:
        pages = Pages(settings)
        assert pages("/0/data/queues.json").status_code == 200
        os.chown(settings.valkey_socket.parent, NOBODY, NOBODY)
        connections = connect(settings.model_copy(update={"redis_url": SecretStr(settings.queue_url)}))
        connections.client_kill_filter(_type="normal", skipme=True)  # as if the other user's queue had begun
        for path in ("/0/data/queues.json", "/0/view/workers"):
            assert pages(path).status_code == 503
        os.chown(settings.valkey_socket.parent, 0, 0)
        assert pages("/0/data/queues.json").status_code == 200


def test_the_queues_address_is_shown_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """rq-dashboard hides one before the host, and shows `?password=` as it is."""
    monkeypatch.setattr(web, "escape_format_instance_list", web.escape_format_instance_list)
    monkeypatch.setattr(serializers, "PickleSerializer", serializers.PickleSerializer)
    url = "redis://queue:6379/0?password="
    Pages(Settings(redis_url=f"{url}geheim"))
    assert web.escape_format_instance_list((f"{url}geheim",)) == [f"{url}***"]
