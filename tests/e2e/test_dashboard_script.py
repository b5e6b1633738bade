"""The queue's dashboard in a real browser, over a queue whose every text is markup."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, expect
from rq.executions import Execution
from starlette.applications import Starlette

from evaluator.api.dashboard import dashboard
from evaluator.jobs.connection import require
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.jobs.queue import open_queue
from evaluator.settings import Settings
from tests.e2e.conftest import Watch
from tests.unit.jobs.conftest import run_all
from tests.unit.jobs.embedded import embedded_valkey

MARKUP = "<img src=x onerror=\"document.title='ran'\">"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the dashboard of such a queue is."""
    with embedded_valkey(tmp_path_factory.mktemp("valkey")) as settings:
        _fill(settings)
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=dashboard(settings)), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/queue"
        server.should_exit = True
        thread.join()


def _fill(settings: Settings) -> None:
    with require(settings) as client:
        queue = open_queue(client)
        for name, task in (("done", "say_hello"), ("failed", f"missing_{MARKUP}")):
            queue.enqueue(f"tests.unit.jobs.toys.{task}", MARKUP, job_id=name, description=MARKUP)
        run_all(WarmWorker(client))
        job = queue.enqueue("tests.unit.jobs.toys.say_hello", MARKUP, job_id="busy", description=MARKUP)
        worker = WarmWorker(client, name=f"worker-{MARKUP}")
        worker.register_birth()
        with client.pipeline() as pipeline:
            Execution.create(job, ttl=600, pipeline=pipeline, worker_name=worker.name)
            pipeline.execute()
        client.sadd("rq:queues", f"rq:queue:{MARKUP}")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/", MARKUP),
        ("/0/view/workers", f"worker-{MARKUP}"),
        ("/0/view/job/done", f"hello {MARKUP}"[:20]),
        ("/0/view/job/failed", MARKUP),
        ("/0/view/job/busy", MARKUP),
        ("/0/view/jobs/evaluator/failed/8/asc/1", MARKUP),
        ("/0/view/jobs/evaluator/queued/8/asc/1", MARKUP),
    ],
)
def test_markup_is_shown_as_text(
    hostile: str, browser: Browser, tmp_path: Path, path: str, shown: str
) -> None:
    page = browser.new_page()
    watch = Watch(page)
    page.goto(hostile + path)
    expect(page.get_by_text(shown).first).to_be_visible()
    assert page.title() == "RQ dashboard"
    assert page.locator("img[src=x]").count() == 0
    assert (watch.elsewhere, watch.errors) == ([], [])
    page.close()
