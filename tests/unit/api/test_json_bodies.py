"""JSON that no route can do anything with is refused by every route that takes some, before anything is done."""

from __future__ import annotations

import json

import pytest
from starlette.routing import Route

from evaluator.api.routes import routes
from tests.unit.api.conftest import Api

TAKING = sorted(
    {
        (method, route.path.replace("{id}", "last").replace("{name}", "tiny"))
        for route in routes()
        if isinstance(route, Route) and ":path" not in route.path
        for method in set(route.methods or ()) & {"POST", "PATCH"}
        if route.path not in ("/api", "/api/uploads", "/api/demo", "/api/dead-letters")
        and not route.path.endswith(("/cancel", "/resume", "/recognise"))
    }
)
"""Routes that read their body."""

HALF = {
    "yaml": "\ud800",
    "name": "\ud800",
    "note": "\ud800",
    "reference": "hf:\ud800/x",
    "encoders": ["\ud800"],
}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"name":' * 100_000,
        json.dumps(HALF).encode(),
        json.dumps(HALF, ensure_ascii=False).encode("utf-16", "surrogatepass"),
        b"\xff",
        b"1" * 10_000,
        b"null",
    ],
    ids=["lists", "objects", "half a pair", "half a pair in UTF-16", "no text", "a number", "null"],
)
def test_it_is_refused(api: Api, body: bytes) -> None:
    for method, path in TAKING:
        answer = api(method, path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (404, 422), (path, answer.text)
        assert answer.json()["error"]


def test_routes_that_read_a_body_are_tried() -> None:
    assert ("POST", "/api/experiments") in TAKING
    assert ("PATCH", "/api/datasets/tiny") in TAKING
    assert len(TAKING) >= 8
