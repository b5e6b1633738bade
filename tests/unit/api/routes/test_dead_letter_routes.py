"""Dead letters over REST."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from evaluator.api.routes import routes
from evaluator.jobs.connection import require
from evaluator.jobs.results.stream import FIELD, STREAM
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace, serve
from tests.unit.jobs.embedded import embedded_valkey

JSON = {"content-type": "application/json"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """The routes of an instance in whose stream two entries waited that are no records."""
    with embedded_valkey(tmp_path / "valkey") as valkey:
        with require(valkey) as connection:
            connection.xadd(STREAM, {FIELD: b"not JSON"})
            connection.xadd(STREAM, {FIELD: b'{"version": 7}'})
        settings = Settings(home=tmp_path / "home", redis_url=valkey.queue_url)
        with Workspace.open(settings) as workspace, serve(workspace):
            yield TestClient(Starlette(routes=routes()))


def test_they_are_listed_named_in_health_and_dropped(client: TestClient) -> None:
    listed = client.get("/api/dead-letters").json()
    assert (listed["kept"], listed["total"]) == (2, 2)
    newest, oldest = listed["dead_letters"]
    assert newest["reason"].startswith("it has version 7, and this server reads up to version 1")
    assert (oldest["content"], oldest["bytes"]) == ("not JSON", 8)
    assert newest["at"] >= oldest["at"]

    for path in ("/api/health", "/api/health/ready"):
        health = client.get(path)
        assert (health.status_code, health.json()["ready"], health.json()["reasons"]) == (200, True, [])
        assert health.json()["warnings"] == [
            "2 results could not be read or recorded; `evaluator dead-letters list` says why"
        ]
    assert client.get("/api/health").json()["trouble"] is None
    assert "evaluator_dead_letters_total 2.0" in client.get("/api/metrics").text

    assert client.delete("/api/dead-letters").status_code == 415  # a page elsewhere cannot do that
    assert client.request("DELETE", "/api/dead-letters", headers=JSON).json() == {"dropped": 2}
    assert client.get("/api/dead-letters").json() == {"kept": 0, "total": 2, "dead_letters": []}
    assert client.get("/api/health").json()["warnings"] == []
