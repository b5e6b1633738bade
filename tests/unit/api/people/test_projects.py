"""Projects are apart: who has no role in one sees and changes nothing of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from evaluator.domain.access import MAIN, Person, Role, Way
from evaluator.domain.experiment import Experiment
from evaluator.domain.records import ExperimentRow
from evaluator.domain.variant import BM25, Retrieve, Variant
from evaluator.errors import ConflictError, ForbiddenError, InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.library import catalog
from evaluator.people import accounts, projects, tokens
from evaluator.workspace.acting import acting_as, in_project
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.api.people.test_guard import (
    BODIES,
    HOST,
    JSON,
    NEEDED,
    OWN,
    _quick_hashes,
    addresses,
    app,
    client,
    shared,
    signed_in,
)
from tests.unit.people.test_accounts import joined

__all__ = ["_quick_hashes", "app", "client", "shared"]

CHANGE = {**JSON, "origin": HOST, "x-evaluator-upload": "1"}
ELSEWHERE = {("GET", "/api/whoami"), ("GET", "/api/projects"), ("GET", "/api/health/live"), *OWN}
"""Routes that tell of whoever asks, not of a project."""


@pytest.fixture
def both(shared: Workspace, write_dataset: WriteDataset) -> Workspace:
    """Two projects with the same dataset under the same name: main, and web, where bob is an administrator."""
    projects.add(shared, "web")
    folder = write_dataset("tiny")
    catalog.import_folder(shared, folder)
    with in_project("web"):
        catalog.import_folder(shared, folder)
        joined(shared, "bob", Role.ADMIN)
    return shared


def submitted(shared: Workspace) -> ExperimentRow:
    variants = (Variant("bm25", Retrieve(bm25=BM25.written())),)
    begun = lifecycle.begin(shared, Experiment("secret plan", "tiny", variants))
    return lifecycle.find(shared, begun.id)


def bob(shared: Workspace) -> Person:
    return accounts.person_of(accounts.known(shared, "bob"), Way.PASSWORD)


@pytest.mark.parametrize("way", ["session", "token"])
def test_no_route_tells_anything_of_a_project_where_one_has_no_role(
    client: TestClient, both: Workspace, way: str
) -> None:
    row = submitted(both)
    with acting_as(bob(both)):
        token = tokens.create(both, "CI").secret
    who = signed_in(both, "bob") if way == "session" else {"authorization": f"Bearer {token}"}
    told: dict[tuple[str, str], Any] = {}
    for method, path in addresses():
        named = path.replace("/experiments/id", f"/experiments/{row.id}").replace(
            "/datasets/name", "/datasets/tiny"
        )
        for project in (f"?project={MAIN}", "?project=nowhere"):
            answer = client.request(
                method, named + project, headers={**CHANGE, **who}, json=BODIES.get((method, path), {})
            )
            if answer.status_code != 403 and (method, path) not in ELSEWHERE:
                told[method, path] = answer.text
            assert "secret plan" not in answer.text
        # By its id an experiment is found in other projects, too: not for those who have no role there.
        if "experiments/id" in path:
            answer = client.request(
                method, named, headers={**CHANGE, **who}, json=BODIES.get((method, path), {})
            )
            assert answer.status_code in (403, 404), (method, path)
            assert "secret plan" not in answer.text
    assert told == {}


def test_an_unknown_project_is_told_from_one_that_is_not_ones_own_by_nobody(
    client: TestClient, both: Workspace
) -> None:
    who = signed_in(both, "bob")
    answers = [client.get(f"/api/datasets?project={name}", headers=who) for name in (MAIN, "nowhere")]
    texts = {answer.text.replace(MAIN, "*").replace("nowhere", "*") for answer in answers}
    assert ({answer.status_code for answer in answers}, len(texts)) == ({403}, 1)


def test_each_project_lists_its_own_and_names_are_unique_within_one(
    client: TestClient, both: Workspace
) -> None:
    with in_project("web"):
        catalog.rename(both, "tiny", "small")
    ann = signed_in(both, "ann", "correct horse battery")
    lists = [client.get(f"/api/datasets{query}", headers=ann).json() for query in ("", "?project=web")]
    assert [[row["name"] for row in rows] for rows in lists] == [["tiny"], ["small"]]
    assert [row["name"] for row in client.get("/api/datasets", headers=signed_in(both, "bob")).json()] == [
        "small"
    ]


def test_cached_answers_are_of_those_who_may_see_them(client: TestClient, both: Workspace) -> None:
    row = submitted(both)
    ann = signed_in(both, "ann", "correct horse battery")
    assert client.get(f"/api/experiments/{row.id}/leaderboard", headers=ann).status_code == 200
    assert (
        client.get(f"/api/experiments/{row.id}/leaderboard", headers=signed_in(both, "bob")).status_code
        == 404
    )
    assert [each["id"] for each in client.get("/api/experiments", headers=ann).json()] == [row.id]
    assert client.get("/api/experiments?project=web", headers=ann).json() == []
    assert client.get("/api/experiments", headers=signed_in(both, "bob")).json() == []


def test_the_same_work_in_two_projects_is_two_experiments(both: Workspace) -> None:
    here = submitted(both)
    with in_project("web"):
        there = submitted(both)
        assert lifecycle.find(both).id == there.id
    assert (here.project, there.project) == (MAIN, "web")
    assert here.id != there.id
    assert [row.id for row in lifecycle.listed(both)] == [here.id]


def test_a_role_in_one_project_does_nothing_in_another(both: Workspace) -> None:
    row, dataset = submitted(both), catalog.find(both, "tiny")
    with acting_as(bob(both)):
        for act in (
            lambda: lifecycle.cancel(both, row),
            lambda: lifecycle.delete(both, row),
            lambda: lifecycle.begin_again(both, row),
        ):
            with pytest.raises(ForbiddenError, match="in the project 'main', where bob has no role"):
                act()
        assert catalog.find(both, "tiny").id != dataset.id
        assert accounts.invite(both, "carl", Role.VIEWER).name == "carl"
        with in_project(MAIN), pytest.raises(ForbiddenError):
            accounts.grant(both, "bob", Role.ADMIN)


def test_whoever_is_invited_into_a_project_has_a_role_there_alone(both: Workspace) -> None:
    with acting_as(bob(both)):
        carl = joined(both, "carl", Role.EDITOR)
        assert [each.name for each in accounts.members(both)] == ["bob", "carl"]
    assert (carl.roles, carl.first_project) == ({"web": Role.EDITOR}, "web")
    assert {each.name for each in accounts.members(both)} == {"ann", "bob", "carl"}


def test_a_token_of_one_project_works_in_no_other(client: TestClient, both: Workspace) -> None:
    accounts.grant(both, "bob", Role.EDITOR)
    with acting_as(bob(both)):
        token = tokens.create(both, "CI", project="web").secret
        with pytest.raises(UnknownNameError, match="you see: main, web"):
            tokens.create(both, "CI", project="nowhere")
    headers = {"authorization": f"Bearer {token}"}
    assert client.get("/api/datasets", headers=headers).status_code == 200
    assert client.get(f"/api/datasets?project={MAIN}", headers=headers).status_code == 403
    assert client.get("/api/projects", headers=headers).json() == [{"name": "web", "role": "admin"}]


@pytest.mark.parametrize("name", ["", "Web", "a b", "-a", "a-", "x" * 41, "../a", "ä"])
def test_a_project_has_a_name_for_addresses(shared: Workspace, name: str) -> None:
    with pytest.raises(InvalidInputError, match="is no name of a project"):
        projects.add(shared, name)


def test_a_project_is_removed_only_when_it_is_empty(both: Workspace) -> None:
    with pytest.raises(ConflictError, match="has 1 dataset; delete them first"):
        projects.remove(both, "web")
    with in_project("web"):
        catalog.remove(both, "tiny")
    projects.remove(both, "web")
    assert accounts.known(both, "bob").roles == {}
    with pytest.raises(ConflictError, match="the project 'main' stays"):
        projects.remove(both, MAIN)
    with pytest.raises(ConflictError, match="there is a project"):
        projects.add(both, MAIN)


def test_an_upload_stays_in_its_project(client: TestClient, both: Workspace) -> None:
    ann = {**signed_in(both, "ann", "correct horse battery"), **CHANGE}
    upload = client.post("/api/uploads?project=web", headers=ann, json={}).json()["id"]
    assert client.get(f"/api/uploads/{upload}?project=web", headers=ann).status_code == 200
    assert client.get(f"/api/uploads/{upload}", headers=ann).status_code == 404
    assert client.get("/api/uploads", headers=ann).json() == []


def test_nothing_goes_into_a_project_that_is_not_there(both: Workspace, tmp_path: Path) -> None:
    with in_project("nowhere"), pytest.raises(UnknownNameError, match="no project is called 'nowhere'"):
        catalog.import_demo(both)


def test_what_shows_jobs_of_all_projects_is_for_administrators(client: TestClient, both: Workspace) -> None:
    bob = signed_in(both, "bob")
    for path in ("/queue/", "/queue/0/view/workers", "/api/dead-letters", "/api/vectors"):
        assert client.get(path, headers=bob).status_code == 403
    assert client.get("/queue/", headers=signed_in(both, "ann", "correct horse battery")).status_code == 200


def test_every_route_that_changes_something_is_in_the_table() -> None:
    assert {key for key in addresses() if key[0] != "GET"} <= NEEDED.keys() | OWN
