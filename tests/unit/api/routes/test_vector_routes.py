"""Vectors at rest over REST, and by the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from typer.testing import CliRunner

from evaluator.api.vectors import vector_routes
from evaluator.cli.vectors import vectors_app
from evaluator.workspace.workspace import Workspace, serve
from tests.unit.operations.test_vector_storage import NEW, OLD, keep

JSON = {"content-type": "application/json"}


@pytest.fixture
def client(library: Workspace) -> Iterator[TestClient]:
    keep(library, OLD, 400)
    keep(library, NEW, 800)
    with serve(library):
        yield TestClient(Starlette(routes=vector_routes()))


def test_list_and_prune(client: TestClient) -> None:
    assert sorted(row["bytes"] for row in client.get("/api/vectors").json()) == [400, 800]
    dropped = client.post("/api/vectors/prune", json={"encoders": [OLD.fingerprint]}).json()
    assert [row["fingerprint"] for row in dropped] == [OLD.fingerprint]
    assert [row["bytes"] for row in client.get("/api/vectors").json()] == [800]


@pytest.mark.parametrize("body", ['{"limit": -1}', '{"limit": true}', '{"encoders": "new"}', "[]", "no"])
def test_what_cannot_be_asked(client: TestClient, body: str) -> None:
    answer = client.post("/api/vectors/prune", content=body, headers=JSON)
    assert answer.status_code == 422
    assert "encoders" in answer.json()["error"]


def test_the_command_line(library: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(library, OLD, 400)
    home = str(library.settings.home_path)
    library.close()
    monkeypatch.setenv("EVALUATOR_HOME", home)
    listed = CliRunner().invoke(vectors_app, ["list", "--json"])
    assert [row["bytes"] for row in json.loads(listed.stdout)] == [400]
    assert CliRunner().invoke(vectors_app, ["prune", "--limit", "0"]).exit_code == 0
    assert json.loads(CliRunner().invoke(vectors_app, ["list", "--json"]).stdout) == []
