"""Experiments over REST: which one an address means, and what `last` reaches."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette

from evaluator.api.routes import routes
from evaluator.errors import InvalidInputError
from evaluator.experiments import lifecycle
from evaluator.judging.judgments import edit
from evaluator.library import catalog
from evaluator.remote.client import Client
from evaluator.workspace.workspace import Workspace, serving
from tests.conftest import WriteDataset
from tests.recorded import dataset_id
from tests.unit.api.conftest import Api
from tests.unit.finished import finished, submitted

JSON = {"content-type": "application/json"}
LISTS = {"bm25": {f"q{n}": ["d0"] for n in range(10)}}


@pytest.fixture
def workspace(api: Api, write_dataset: WriteDataset) -> Workspace:
    """The workspace that the routes serve, with the dataset `tiny`."""
    catalog.import_folder(serving(), write_dataset())
    return serving()


@pytest.fixture
def client(workspace: Workspace) -> Iterator[Client]:
    """A client of the routes behind a real server."""
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes()), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    with Client(f"http://{host}:{port}") as opened:
        yield opened
    server.should_exit = True
    thread.join()


def test_an_ambiguous_name_is_a_conflict_that_lists_the_candidates(api: Api, workspace: Workspace) -> None:
    one, other = finished(workspace, "tiny", LISTS), finished(workspace, "tiny", {**LISTS, "b": {}})
    for method, path in (("GET", ""), ("GET", "/leaderboard"), ("DELETE", "")):
        answer = api(method, f"/api/experiments/look{path}", headers=JSON)
        assert answer.status_code == 409
        assert one.id in answer.json()["error"]
        assert other.id in answer.json()["error"]
    assert len(lifecycle.all_experiments(workspace)) == 2


def test_deleting_takes_no_beginning_and_not_last(api: Api, workspace: Workspace) -> None:
    spec = finished(workspace, "tiny", LISTS)
    assert api("GET", f"/api/experiments/{spec.id[:5]}").status_code == 200
    for reference, status in ((spec.id[:5], 404), ("last", 422)):
        assert api("DELETE", f"/api/experiments/{reference}", headers=JSON).status_code == status
        assert [row.id for row in lifecycle.all_experiments(workspace)] == [spec.id]
    assert api("DELETE", f"/api/experiments/{spec.id}", headers=JSON).json() == {"deleted": spec.id}


def test_cancelling_takes_no_beginning(api: Api, workspace: Workspace) -> None:
    spec = submitted(workspace, "tiny")
    answer = api("POST", f"/api/experiments/{spec.id[:5]}/cancel", headers=JSON)
    assert answer.status_code == 404
    assert "give a whole id" in answer.json()["error"]


def test_an_experiment_called_last_is_not_the_last(workspace: Workspace, client: Client) -> None:
    """`last` in an address is the last submitted; who names one that is called so gets that one."""
    with pytest.raises(InvalidInputError, match="0 experiments are called 'last'"):
        client.progress("last")
    called = finished(workspace, "tiny", LISTS, name="last")
    newest = finished(workspace, "tiny", LISTS, name="newest")
    assert client.progress(None)["id"] == newest.id
    assert client.progress("last")["id"] == client.progress(called.id)["id"] == called.id
    other = finished(workspace, "tiny", {**LISTS, "b": {}}, name="last")
    with pytest.raises(InvalidInputError, match=f"2 experiments are called 'last'.*{other.id}"):
        client.progress("last")


def test_a_client_takes_an_ambiguous_name_for_invalid_input(workspace: Workspace, client: Client) -> None:
    finished(workspace, "tiny", LISTS)
    finished(workspace, "tiny", {**LISTS, "b": {}})
    with pytest.raises(InvalidInputError, match="2 experiments are called 'look'"):
        client.leaderboard("look")


def test_an_experiment_is_listed_once_by_the_newest_judgments(api: Api, workspace: Workspace) -> None:
    first = finished(workspace, "tiny", LISTS)
    edit(workspace, dataset_id(workspace, "tiny"), {("q0", "d3"): 1})
    (shown,) = api("GET", "/api/experiments").json()
    every = [row["id"] for row in api("GET", "/api/experiments?judgments=all").json()]
    assert every == [shown["id"], first.id]
    boards = [api("GET", f"/api/experiments/{id_}/leaderboard").json()["variants"] for id_ in every]
    assert boards[0][0]["nDCG@10"] != boards[1][0]["nDCG@10"]
