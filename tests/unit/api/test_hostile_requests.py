"""What strangers send to every route that there is: an answer below 500, in JSON, and nothing broken afterwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.routing import Route

from evaluator.api.routes import METHODS, routes
from evaluator.api.uploads import HEADER
from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace, serve
from tests.conftest import WriteDataset
from tests.unit.finished import finished

KNOWN = {
    "name": "tiny",
    "query": "q1",
    "id": "last",
    "kind": "svg",
    "format": "csv",
    "rest": "typo",
    "number": "1",
    "link": "x",
    "invitation": "x",
}
"""What leads each route further than to an unknown name; `{name}` of a figure or a file is unknown then."""

NAMES = (
    "%2f", "..%2f..%2fetc%2fpasswd", "%2e%2e", "tiny%00", "%ff%fe", "%ed%a0%80", "%F0%9F%92%A9", "'%20OR%201=1--",
    quote("a" * 5000), "%0d%0aX:%201", "<script>", "0" * 32,
)  # fmt: skip

PARAMETERS = ("measure", "a", "cost", "unknown")
"""For a route that takes all that there are, to tell which it does not know."""
VALUES = (
    "-1", "NaN", "1e308", "9" * 30, "%00", "%ed%a0%80", "nDCG@99999999999", "AP(rel=-1)", "٣", "a" * 3000,
)  # fmt: skip


def everywhere(text: str) -> bytes:
    """A body that says it wherever some route expects a text."""
    change = {"query_id": text, "doc_id": text, "grade": 9_999_999_999}
    fields = ("name", "description", "fingerprint", "source", "reference")
    lists = {"tags": [text], "encoders": [text], "changes": [change]}
    return json.dumps({**dict.fromkeys(fields, text), **lists, "yaml": f"name: {json.dumps(text)}"}).encode()


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "no text": b"\xff\xfe\x00",
    "nested": b"[" * 100_000,
    "nested objects": b'{"a":' * 50_000,
    "a list": b"[]",
    "a word": b'"word"',
    "null": b"null",
    "NaN": b"NaN",
    "many digits": b"9" * 10_000,
    "wrong types": b'{"name": 1, "yaml": {"a": []}, "reading": [], "changes": {}, "limit": NaN, "tags": "x"}',
    "numbers": b'{"limit": 1e400, "changes": [{"query_id": 1, "doc_id": 2, "grade": 1e400}], "reading": {"a": -1}}',
    "half a character": everywhere("\ud800"),
    "a NUL": everywhere("\0"),
    "a yaml nested": json.dumps({"yaml": "[" * 5_000}).encode(),
    "yaml that repeats itself": b'{"yaml": "a: &a [1]\\nb: &b [*a, *a]\\nc: [*b, *b]\\nname: *a"}',
}  # fmt: skip
TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "")


class Sent(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: dict[str, str] = {"content-type": "application/json", HEADER: "1"}
    body: bytes = b"{}"


@pytest.fixture
def workspace(tmp_path: Path, valkey: Settings, write_dataset: WriteDataset) -> Iterator[Workspace]:
    """A real one, with a queue, a dataset and a finished experiment; ready still after all that was sent."""
    settings = Settings(home=tmp_path / "home", redis_url=valkey.queue_url, upload_limit=10_000)
    with Workspace.open(settings) as workspace, serve(workspace):
        catalog.import_folder(workspace, write_dataset())
        finished(workspace, "tiny", {"bm25": {f"q{n}": ["d0"] for n in range(10)}, "other": {}})
        yield workspace
        (health,) = send_all([Sent("GET", "/api/health")])
        assert health.json()["ready"], health.text


TABLE = [(method, route) for route in routes() for method in sorted((route.methods or set()) - {"HEAD"})]


def path_of(route: Route, **given: str) -> str:
    path = route.path
    for name, known in {**KNOWN, **given}.items():
        path = path.replace(f"{{{name}}}", known).replace(f"{{{name}:path}}", known)
    return path


def parameters_of(route: Route) -> list[str]:
    return sorted(route.param_convertors)


def send_all(requests: Sequence[Sent]) -> list[httpx.Response]:
    """Each in turn; what a route raises is raised."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(Starlette(routes=routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return [
                await client.request(method, path, headers=headers, content=body)
                for method, path, headers, body in requests
            ]

    return asyncio.run(ask())


def require_answers(requests: Sequence[Sent]) -> None:
    for sent, answer in zip(requests, send_all(requests), strict=True):
        assert answer.status_code < 500, (sent, answer.text)
        if answer.status_code >= 400:
            assert isinstance(answer.json()["error"], str), sent


def test_every_route_with_every_name(workspace: Workspace) -> None:
    require_answers(
        [
            Sent(method, path_of(route, **{parameter: name}))
            for method, route in TABLE
            for parameter in parameters_of(route)
            for name in NAMES
        ]
    )


def test_every_route_that_reads_with_every_parameter(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that it asks for when it is asked for nothing; all at once, too, and the same one twice."""
    wanted: set[str] = set()

    def get(parameters: QueryParams, name: str, default: Any = None) -> Any:
        wanted.add(name)
        return dict.get(parameters._dict, name, default)

    def items(parameters: QueryParams) -> Any:
        wanted.update(PARAMETERS)
        return parameters._dict.items()

    for method, route in TABLE:
        if method == "GET":
            path = path_of(route, **({"name": "scores"} if "figures" in route.path else {}))
            wanted.clear()
            with monkeypatch.context() as spied:
                spied.setattr(QueryParams, "get", get)
                spied.setattr(QueryParams, "items", items)
                require_answers([Sent("GET", path)])
            queries = [f"{name}={value}" for name in sorted(wanted) for value in VALUES]
            queries += [HOSTILE_QUERY, "&".join(f"{name}={VALUES[3]}" for name in sorted(wanted))]
            require_answers([Sent("GET", f"{path}?{query}") for query in queries])


HOSTILE_QUERY = "limit=1&limit=-1&measure=RR@10&measure=x&=&%&a&&&&a=%&" + "&" * 100 + "?" * 100


def test_every_route_that_writes_with_every_body(workspace: Workspace) -> None:
    writing = [(method, path_of(route)) for method, route in TABLE if method not in {"GET", "DELETE"}]
    writing.remove(("POST", "/api/demo"))  # takes none, and begins
    require_answers([Sent(method, path, body=body) for method, path in writing for body in BODIES.values()])


def test_no_route_changes_anything_for_what_a_page_elsewhere_can_send(workspace: Workspace) -> None:
    writing = [
        (method, route) for method, route in TABLE if method != "GET" and "rest" not in route.path_format
    ]
    requests = [
        Sent(method, path_of(route), {"content-type": type_}) for method, route in writing for type_ in TYPES
    ]
    answers = send_all([sent for sent in requests if sent.path not in {"/api", "/api/typo"}])
    assert {answer.status_code for answer in answers} == {415}


def test_every_route_with_every_method(workspace: Workspace) -> None:
    taken = {(method, route.path) for method, route in TABLE}
    others = [
        Sent(method, path_of(route))
        for route in {route.path: route for _, route in TABLE}.values()
        for method in METHODS
        if (method, route.path) not in taken
    ]
    require_answers(others)


def test_no_route_is_left_out() -> None:
    unnamed = {name for route in routes() for name in route.param_convertors} - set(KNOWN)
    assert not unnamed, "say in KNOWN what leads further"
