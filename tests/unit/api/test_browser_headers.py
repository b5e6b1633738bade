"""What answers tell browsers to keep to; that all of them do is crawled in people/test_crawl.py."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from evaluator.api.browsers.headers import POLICY
from evaluator.api.origins import guards
from evaluator.settings import Settings

OWN = "default-src 'none'; frame-ancestors 'none'"
NAME = "evaluator.example.org"


def answering(policy: str | None = None) -> Starlette:
    headers = {} if policy is None else {POLICY: policy}
    pages = [Route("/{path:path}", lambda _request: HTMLResponse("text", headers=headers))]
    return Starlette(routes=pages, middleware=guards(Settings(allowed_hosts=(NAME,))))


def policy_of(path: str, policy: str | None = None) -> str:
    return str(TestClient(answering(policy), "http://localhost").get(path).headers[POLICY])


def test_scripts_are_the_servers_own() -> None:
    pages = policy_of("/")
    scripts = next(part for part in pages.split("; ") if part.startswith("script-src"))
    assert "unsafe" not in scripts
    assert scripts.startswith("script-src 'self' 'sha256-")
    assert pages.startswith("default-src 'none'; ")


@pytest.mark.parametrize("path", ["/api", "/api/health", "/api/experiments/x/figures/y"])
def test_answers_of_the_api_run_none(path: str) -> None:
    assert "script-src" not in policy_of(path)
    assert policy_of(path).startswith("default-src 'none'; ")


def test_a_page_is_no_api() -> None:
    assert policy_of("/apiary") == policy_of("/")


def test_a_routes_own_policy_stays_but_for_frames() -> None:
    assert policy_of("/", OWN) == OWN
    assert policy_of("/", "default-src 'self'") == "default-src 'self'; frame-ancestors 'self'"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (f"https://{NAME}", "max-age=31536000"),
        (f"https://{NAME}:8443", "max-age=31536000"),
        (f"http://{NAME}", None),
        ("https://localhost", None),
        ("https://localhost:8443", None),
        ("https://127.0.0.1", None),
        ("https://[::1]:8443", None),
    ],
)
def test_who_came_by_tls_comes_back_by_tls_but_not_to_loopback(address: str, told: str | None) -> None:
    """Other servers of this machine have the same name."""
    assert TestClient(answering(), address).get("/").headers.get("strict-transport-security") == told
