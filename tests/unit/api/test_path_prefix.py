"""Living below a path, whether a proxy takes the prefix off or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from evaluator.api.dashboard import dashboard
from evaluator.api.origins import guards
from evaluator.api.people.guard import Guard
from evaluator.api.people.sign_in import sign_in_routes
from evaluator.api.routes import routes
from evaluator.domain.access import COMMAND, NOBODY, Role
from evaluator.people import accounts
from evaluator.settings import Settings
from evaluator.workspace.acting import acting_as, otherwise
from evaluator.workspace.workspace import Workspace, serve
from tests.unit.people.conftest import PASSWORD, _quick_hashes

__all__ = ["_quick_hashes"]

HOST = "https://evaluator.example.org"
PREFIX = "/evaluator"


async def page(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.url.path)


async def moved(_request: Request) -> RedirectResponse:
    return RedirectResponse("/compare?a=1", 301)  # as Streamlit does for /compare/


async def stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.url.path)


@pytest.fixture
def client(home: Path, valkey: Settings) -> Iterator[TestClient]:
    Redis.from_url(valkey.queue_url).flushdb()
    settings = Settings(
        home=home,
        redis_url=valkey.queue_url,
        auth=("password",),
        allowed_hosts=("evaluator.example.org",),
        path_prefix=f"{PREFIX}/",
    )
    with Workspace.open(settings) as opened, serve(opened), otherwise(lambda: NOBODY), acting_as(COMMAND):
        accounts.add_admin(opened, "ann", PASSWORD)
        pages = [
            Route("/compare/", moved),
            Route("/{path:path}", page),
            WebSocketRoute("/_stcore/stream", stream),
        ]
        app = Starlette(
            routes=[*routes(), *dashboard(settings), *sign_in_routes(), *pages],
            middleware=[*guards(settings), Middleware(Guard, settings=settings)],
        )
        yield TestClient(app, HOST, follow_redirects=False)


@pytest.mark.parametrize("before", ["", PREFIX])
def test_people_sign_in_below_it(client: TestClient, before: str) -> None:
    away = client.get(f"{before}/compare?a=1", headers={"accept": "text/html"}).headers["location"]
    assert away == f"{PREFIX}/login?next=%2Fcompare%3Fa%3D1"
    shown = client.get(before + away.removeprefix(PREFIX)).text
    assert f'action="{PREFIX}/login"' in shown
    form = {"name": "ann", "password": PASSWORD, "next": "/compare?a=1"}
    answer = client.post(f"{before}/login", data=form)
    assert answer.headers["location"] == f"{PREFIX}/compare?a=1"
    assert "Path=/;" in answer.headers["set-cookie"]
    assert client.get(f"{before}/compare").text == "/compare"
    assert client.get(f"{before}/compare/").headers["location"] == f"{PREFIX}/compare?a=1"
    assert client.get(f"{before}/queue").headers["location"] == f"{PREFIX}/queue/"
    assert client.get(f"{before}/api/datasets").json() == []
    with client.websocket_connect(f"wss://evaluator.example.org{before}/_stcore/stream") as socket:
        assert socket.receive_text() == "/_stcore/stream"
    assert f'action="{PREFIX}/logout"' in client.get(f"{before}/logout").text
    answer = client.post(f"{before}/logout", headers={"origin": HOST})
    assert answer.headers["location"] == f"{PREFIX}/login"


def test_somebody_joins_below_it(client: TestClient) -> None:
    from evaluator.workspace.workspace import serving

    link = f"{PREFIX}/join/{accounts.invite(serving(), 'bob', Role.VIEWER).secret}"
    answer = client.post(link, data={"password": "another good phrase", "again": "another good phrase"})
    assert answer.headers["location"] == f"{PREFIX}/"


def test_only_whole_parts_of_a_path_are_the_prefix(client: TestClient) -> None:
    assert client.get(PREFIX).headers["location"] == f"{PREFIX}/"
    assert client.get(f"{PREFIX}?a=1").headers["location"] == f"{PREFIX}/?a=1"
    assert client.get("/evaluatorx/api/health/live").status_code == 401
    assert client.get(f"{PREFIX}/api/health/live").status_code == 200


@pytest.mark.parametrize("next_", ["/../elsewhere", "/a/../../elsewhere", "/%2e%2e/elsewhere"])
def test_nobody_is_led_out_of_it(client: TestClient, next_: str) -> None:
    answer = client.post("/login", data={"name": "ann", "password": PASSWORD, "next": next_})
    assert answer.headers["location"] == f"{PREFIX}/"


@pytest.mark.parametrize("prefix", ["evaluator", "/a b", "/a?b", "//evil.example", "/a/../b", "https://x"])
def test_a_prefix_is_a_path(prefix: str) -> None:
    with pytest.raises(ValueError, match="path_prefix"):
        Settings(path_prefix=prefix)
