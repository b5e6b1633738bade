"""Strangers who name models that the hub does not give keep nobody else waiting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio import to_thread
from starlette.applications import Starlette

from evaluator.api import handling
from evaluator.api import routes as module
from evaluator.api.routes import routes
from evaluator.experiments import lifecycle
from evaluator.library import catalog
from evaluator.retrieval.encoders.lookups import AT_ONCE
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace, serve
from tests.conftest import WriteDataset
from tests.hub_server import SilentHub, silent_hub, use_hub
from tests.unit.jobs.embedded import embedded_valkey

STRANGERS = 45
"""More than the threads that all requests share."""
DEADLINE = 30.0
"""Seconds after which something hangs."""


@pytest.fixture
def workspace(tmp_path: Path, write_dataset: WriteDataset) -> Iterator[Workspace]:
    """What the routes serve: a workspace with a queue, without workers, with the dataset `tiny`."""
    with embedded_valkey(tmp_path / "valkey") as valkey:
        settings = Settings(home=tmp_path / "home", redis_url=valkey.queue_url)
        with Workspace.open(settings) as opened, serve(opened):
            catalog.import_folder(opened, write_dataset())
            yield opened


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SilentHub]:
    """A hub that takes connections and never answers."""
    with silent_hub() as opened:
        use_hub(monkeypatch, opened.url, tmp_path / "hub")
        yield opened


def asking(retrieve: dict[str, Any], name: str = "asking") -> dict[str, Any]:
    """A request's body: one variant over the dataset `tiny`."""
    variants = [{"name": "a", "retrieve": retrieve}]
    described = {"name": name, "dataset": "tiny", "measures": ["RR"], "variants": variants}
    return {"json": {"yaml": json.dumps(described)}}


def unknown(number: int) -> dict[str, Any]:
    """A request that names a model of its own."""
    return asking({"dense": {"encoder": f"stranger/model-{number}"}})


def client() -> httpx.AsyncClient:
    """Asks the routes in this process; as in a server, all requests share one pool of threads."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(Starlette(routes=routes())), base_url="http://here", timeout=DEADLINE
    )


@pytest.mark.parametrize("path", ["/api/experiments", "/api/experiments/plan"])
def test_nobody_waits_for_models_that_others_name(workspace: Workspace, hub: SilentHub, path: str) -> None:
    """Before, three of them kept an honest submission waiting for 69 s, and 45 all of the server for minutes."""

    async def ask() -> None:
        async with client() as http:
            strangers = [asyncio.create_task(http.post(path, **unknown(n))) for n in range(STRANGERS)]
            assert await asyncio.to_thread(hub.asked.wait, DEADLINE)
            honest = await http.post("/api/experiments", **asking({"bm25": {}}, "honest"))
            ready = await http.get("/api/health/ready")
            board = await http.get("/api/experiments")
            assert not any(stranger.done() for stranger in strangers)
            hub.release()
            refused = await asyncio.gather(*strangers)
        assert honest.status_code == 200
        assert ready.status_code in (200, 503)  # no workers here
        assert [row["name"] for row in board.json()] == ["honest"]
        assert {answer.status_code for answer in refused} == {503}
        assert all("the hub d" in answer.json()["error"] for answer in refused)

    asyncio.run(asyncio.wait_for(ask(), DEADLINE))
    assert hub.connections <= AT_ONCE  # a hub that does not answer is not asked again for a moment
    assert [row.name for row in lifecycle.all_experiments(workspace)] == ["honest"]


def test_a_long_look_up_is_answered_with_retry_after(
    workspace: Workspace, hub: SilentHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)

    async def ask() -> httpx.Response:
        async with client() as http:
            return await http.post("/api/experiments", **unknown(1))

    answer = asyncio.run(ask())
    assert answer.status_code == 503
    assert "'stranger/model-1' is still being looked up on the hub; try again" in answer.json()["error"]
    assert answer.headers["retry-after"] == str(handling.RETRY_AFTER)


def test_a_plan_that_takes_long_keeps_no_thread(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More may be planned at once than there are threads for all requests, and others are answered meanwhile."""
    release = asyncio.Event()
    waited = asyncio.Semaphore(0)

    async def held(future: Any, patience: float) -> bool:
        waited.release()
        await release.wait()
        return bool(future.done())

    monkeypatch.setattr(module, "ended", held)

    async def ask() -> None:
        to_thread.current_default_thread_limiter().total_tokens = 2
        async with client() as http:
            asked = [asking({"bm25": {"k1": 1 + n / 100}}, f"e{n}") for n in range(4)]
            planned = [asyncio.create_task(http.post("/api/experiments", **body)) for body in asked]
            for _ in planned:
                await waited.acquire()
            assert (await http.get("/api/experiments")).status_code == 200
            assert not any(answer.done() for answer in planned)
            release.set()
            assert {answer.status_code for answer in await asyncio.gather(*planned)} == {200}

    asyncio.run(asyncio.wait_for(ask(), DEADLINE))
