"""A crawl by strangers of everything that the application serves, Streamlit's routes and WebSockets among it."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from unittest.mock import Mock

import pytest
from a2wsgi import WSGIMiddleware
from httpx import Response
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit.web.server.starlette.starlette_app import create_streamlit_routes
from uvicorn import Server

from evaluator.api.browsers.headers import ALWAYS, POLICY
from evaluator.api.people.guard import FOR_ALL
from evaluator.domain.access import COMMAND, NOBODY, Role
from evaluator.location import app_path
from evaluator.people import sessions, tokens
from evaluator.people.secrets import digest, new_secret, new_token
from evaluator.workspace.acting import acting_as, otherwise
from evaluator.workspace.workspace import Workspace, serve
from tests.unit.api.people.test_guard import HOST, cookie, refused_ones
from tests.unit.people.conftest import PASSWORD, _quick_hashes, shared
from tests.unit.people.test_accounts import joined

__all__ = ["_quick_hashes", "shared"]

LONG_AGO = datetime(2020, 1, 1)
SAME_FOR_ALL = {"content-type", "content-length", "www-authenticate", POLICY.lower(), *map(str.lower, ALWAYS)}
"""Headers of a refusal, and no others."""


@pytest.fixture
def app(shared: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starlette]:
    """What `app.py` makes: its middleware, its routes, and those that Streamlit adds."""
    monkeypatch.setattr(Server, "startup", Server.startup)  # app.py sets limits on every server
    monkeypatch.setenv("EVALUATOR_HOME", str(shared.settings.home_path))
    monkeypatch.setenv("EVALUATOR_AUTH", "password")
    monkeypatch.setenv("REDIS_URL", shared.settings.queue_url)
    made: Any = runpy.run_path(str(app_path()))
    routes: list[BaseRoute] = [*made["app"]._user_routes, *create_streamlit_routes(Mock())]
    middleware: list[Middleware] = made["app"]._user_middleware
    with serve(shared), otherwise(lambda: NOBODY), acting_as(COMMAND):
        yield Starlette(routes=routes, middleware=middleware)


@pytest.fixture
def client(app: Starlette) -> Iterator[TestClient]:
    with TestClient(app, HOST, follow_redirects=False, raise_server_exceptions=False) as one_loop_for_all:
        yield one_loop_for_all


def strangers(shared: Workspace) -> dict[str, dict[str, str]]:
    """Headers of whoever must not get in, by why not; more than a unit of the guard needs."""
    change = shared.database.cursor.execute
    old, idle = (sessions.sign_in(shared, "ann", PASSWORD, "") for _ in range(2))
    change("UPDATE sessions SET expires_at = ? WHERE digest = ?", [LONG_AGO, digest(old)])
    change("UPDATE sessions SET seen_at = ? WHERE digest = ?", [LONG_AGO, digest(idle)])
    with acting_as(joined(shared, "carl", Role.ADMIN)):
        dated, mistyped = tokens.create(shared, "expired"), tokens.create(shared, "mistyped")
    change("UPDATE tokens SET expires_at = ? WHERE id = ?", [LONG_AGO, dated.id])
    return refused_ones(shared) | {
        "an expired session": cookie(old),
        "an idle session": cookie(idle),
        "another instance's session": cookie(new_secret()),
        "an expired token": {"authorization": f"Bearer {dated.secret}"},
        "a mistyped token": {"authorization": f"Bearer {mistyped.secret[:-1]}"},
        "a token as a cookie": cookie(mistyped.secret),
        "a session as a token": {"authorization": f"Bearer {sessions.sign_in(shared, 'ann', PASSWORD, '')}"},
        "another instance's token": {"authorization": f"Bearer {new_token()}"},
        "another cookie": {"cookie": "evaluator=ann; _streamlit_user=ann"},
    }


def requests(routes: Iterable[BaseRoute], above: str = "") -> Iterator[tuple[str, str]]:
    """A method and an address for each method of each route of a table; `WS` for a WebSocket."""
    for route in routes:
        path = above + re.sub(r"\{[^}]*\}", "x", getattr(route, "path", ""))
        if isinstance(route, WebSocketRoute):
            yield "WS", path
        elif isinstance(route, Route):
            for method in sorted(route.methods or {"GET"}):
                yield method, path
        elif isinstance(route, Mount):
            # What is mounted is other people's code: its files, a page, and what may be below.
            assert route.routes or isinstance(route.app, (WSGIMiddleware, StaticFiles)) or callable(route.app)
            yield from requests(route.routes, path)
            yield from (
                (method, f"{path}/{below}") for method in ("GET", "POST") for below in ("", "x", "x.js")
            )
        else:
            raise AssertionError(f"{route} is of a new kind: say how it is asked")


def test_the_table_has_what_is_served(app: Starlette) -> None:
    asked = {*requests(app.routes)}
    assert {
        ("GET", "/api/experiments"), ("POST", "/login"), ("GET", "/join/x"), ("GET", "/queue/"), ("GET", "/media/x"),
        ("WS", "/_stcore/stream"), ("PUT", "/_stcore/upload_file/x/x"), ("GET", "/_stcore/health"),
    } <= asked  # fmt: skip
    assert len(asked) > 80


def test_nothing_tells_strangers_more_than_no(app: Starlette, client: TestClient, shared: Workspace) -> None:
    told: dict[object, object] = {}
    for why, headers in strangers(shared).items():
        for method, path in requests(app.routes):
            if method == "WS":
                with pytest.raises(WebSocketDisconnect) as refused:
                    client.websocket_connect(
                        f"{HOST.replace('http', 'ws')}{path}", headers=headers
                    ).__enter__()
                told[why, method, path] = (refused.value.code, refused.value.reason)
            elif not FOR_ALL.fullmatch(path):
                told[why, method, path] = answer_to(client.request(method, path, headers=headers))
    said = {*told.values()}
    assert len(told) > 1000
    assert {each[:2] for each in said if isinstance(each, tuple)} == {
        (401, '{"error":"sign in, or send a token: Authorization: Bearer ev_..."}'),
        (401, ""),  # HEAD
        (1008, "not signed in"),
    }
    assert len(said) == 3


def test_what_is_for_all_tells_nothing(app: Starlette, client: TestClient, shared: Workspace) -> None:
    """Signing in and out, joining, and whether the process answers."""
    known = {path for _, path in requests(app.routes) if FOR_ALL.fullmatch(path)}
    assert known == {
        "/login",
        "/logout",
        "/join/x",
        "/share/x",
        "/api/health/live",
        "/login/oidc/x",
        "/login/oidc/x/callback",
    }
    for headers in strangers(shared).values():
        for path in sorted(known):
            text = client.get(path, headers=headers).text
            assert not any(word in text for word in ("ann", "carl", "tiny", str(shared.settings.home_path)))


def test_every_answer_has_the_headers_that_browsers_keep_to(
    app: Starlette, client: TestClient, shared: Workspace
) -> None:
    """Answers to people who are known, too, whatever they ask for, and refusals of other hosts and origins."""
    known = cookie(sessions.sign_in(shared, "ann", PASSWORD, ""))
    lacking = {}
    for headers in ({}, known, {"host": "evil.example"}, {"origin": "https://evil.example"}):
        for method, path in requests(app.routes):
            if method == "WS" or path in {
                "/api/demo",
                "/logout",
                "/api/backup",
            }:  # slow, or the end of the session
                continue
            answer = client.request(method, path, headers=headers)
            if answer.status_code == 500:  # Streamlit's routes without Streamlit behind them
                continue
            missing = [name for name in (POLICY, *ALWAYS) if name not in answer.headers]
            if missing or "frame-ancestors" not in answer.headers[POLICY]:
                lacking[method, path, answer.status_code] = missing
    assert lacking == {}


def test_every_change_by_cookie_says_that_it_comes_from_here(
    app: Starlette, client: TestClient, shared: Workspace
) -> None:
    """Whatever the route, Streamlit's uploads and the dashboard's among them: 403 before anything is looked at."""
    known = cookie(sessions.sign_in(shared, "ann", PASSWORD, ""))
    forgeries: tuple[dict[str, str], ...] = (
        {}, {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": f"{HOST}.evil.example"},
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "none"},
        {"referer": f"{HOST}/"},
    )  # fmt: skip
    changing = [each for each in requests(app.routes) if each[0] not in {"GET", "HEAD", "OPTIONS", "WS"}]
    let_in = {
        (method, path, str(forged))
        for forged in forgeries
        for method, path in changing
        if not FOR_ALL.fullmatch(path)
        and client.request(method, path, headers=known | forged).status_code != 403
    }
    assert let_in == set()
    for path in (path for method, path in requests(app.routes) if method == "WS"):
        for origin in ("https://evil.example", "null", "", f"{HOST}.evil.example"):
            with pytest.raises(WebSocketDisconnect):
                client.websocket_connect(
                    f"{HOST.replace('http', 'ws')}{path}", headers={**known, "origin": origin}
                ).__enter__()


@pytest.mark.parametrize("path", ["/login", "/logout", "/join/x"])
def test_forms_of_other_sites_are_refused(client: TestClient, path: str) -> None:
    for origin in ("https://evil.example", "null"):
        assert client.post(path, data={"name": "ann"}, headers={"origin": origin}).status_code == 403


def answer_to(answer: Response) -> tuple[int, str, str]:
    """All that an answer tells, but for the policy, which goes by the address that was asked."""
    assert {*answer.headers} <= SAME_FOR_ALL, answer.headers
    told = {name: value for name, value in answer.headers.items() if name != POLICY.lower()}
    return answer.status_code, answer.text, str(sorted(told.items()))
