"""What pages from elsewhere get: nothing, before Streamlit sees them."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit import net_util
from streamlit.web.server.starlette.starlette_websocket import create_websocket_routes

from evaluator.api.origins import guards
from evaluator.api.routes import routes
from evaluator.settings import Settings

FOREIGN = [
    "http://evil.example",
    "https://evil.example:8501",
    "http://localhost:9999",
    "http://localhost:8501.evil.example",
    "http://LOCALHOST:8501",
    "http://[",
    "null",
    "",
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whenever Streamlit asks outside for this machine's address."""
    calls: list[str] = []
    monkeypatch.setattr(net_util, "get_external_ip", lambda: calls.append("outside"))
    return calls


@pytest.fixture
def client() -> TestClient:
    """Streamlit's own WebSocket, a page and the API, behind what the server puts before them."""
    pages = [
        *create_websocket_routes(Mock(), ""),
        *routes(),
        Route("/", lambda _request: HTMLResponse("a page")),
    ]
    app = Starlette(routes=pages, middleware=guards(Settings()))
    return TestClient(app, base_url="http://localhost:8501", headers={"host": "localhost:8501"})


class TestWebSockets:
    @pytest.mark.parametrize("origin", FOREIGN)
    def test_a_foreign_origin_is_refused_and_nobody_outside_is_asked(
        self, client: TestClient, asked: list[str], origin: str
    ) -> None:
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/_stcore/stream", headers={"origin": origin}),
        ):
            pass
        assert asked == []

    def test_the_page_itself_gets_through(self, client: TestClient, asked: list[str]) -> None:
        with client.websocket_connect("/_stcore/stream", headers={"origin": "http://localhost:8501"}):
            pass
        assert asked == []


class TestRequests:
    @pytest.mark.parametrize("origin", FOREIGN)
    @pytest.mark.parametrize("path", ["/", "/api/health/live"])
    def test_a_foreign_origin_is_refused(self, client: TestClient, path: str, origin: str) -> None:
        answer = client.get(path, headers={"origin": origin})
        assert (answer.status_code, "another origin" in answer.json()["error"]) == (403, True)

    @pytest.mark.parametrize("headers", [{}, {"origin": "http://localhost:8501"}])
    def test_the_page_and_programs_are_answered(self, client: TestClient, headers: dict[str, str]) -> None:
        assert client.get("/api/health/live", headers=headers).json()["live"] is True

    def test_another_host_is_refused(self, client: TestClient) -> None:
        assert client.get("/", headers={"host": "evil.example"}).status_code == 400

    def test_no_page_is_shown_inside_another(self, client: TestClient) -> None:
        assert client.get("/").headers["content-security-policy"].endswith("; frame-ancestors 'self'")


class TestUnknownRoutes:
    @pytest.mark.parametrize("path", ["/api", "/api/typo", "/api/experiments/a/typo", "/api/"])
    def test_it_is_an_error_in_json(self, client: TestClient, path: str) -> None:
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": f"there is no {path}"})

    def test_another_method_says_which_it_takes(self, client: TestClient) -> None:
        answer = client.post("/api/health/live", json={})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert answer.json() == {"error": "/api/health/live takes GET, HEAD, not POST"}
