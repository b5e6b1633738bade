"""The routes by which queries and judgments are added to a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluator.domain.fingerprint import derived_id
from evaluator.domain.records import DatasetRow
from evaluator.library import catalog
from evaluator.workspace.workspace import serving
from tests.documents_alone import GOLDEN, store_alone
from tests.unit.api.conftest import Api
from tests.unit.api.routes.test_upload_routes import OURS, settled

ALONE = "/api/datasets/alone"


@pytest.fixture
def alone(api: Api, tmp_path: Path) -> DatasetRow:
    """Ten documents without queries."""
    return store_alone(serving(), tmp_path / "notes")


def test_queries_are_added(api: Api, alone: DatasetRow) -> None:
    queries = [{"text": "what lifts a wing"}, {"text": "what heats it", "query_id": 7, "tags": ["new"]}]
    added = api("POST", f"{ALONE}/queries", json={"queries": queries, "note": "asked often"}).json()
    assert (added["ids"], added["added"]) == ([derived_id("what lifts a wing"), "7"], 2)
    assert (added["dataset"]["version"], added["dataset"]["queries"]) == (2, 2)
    shown = api("GET", ALONE).json()
    assert shown["versions"][0]["change"] == "2 queries added: asked often"
    rows = api("GET", f"{ALONE}/queries").json()["rows"]
    assert [(row["text"], row["tags"]) for row in rows] == [
        ("what lifts a wing", []),
        ("what heats it", ["new"]),
    ]
    again = api("POST", f"{ALONE}/queries", json={"queries": queries[:1]}).json()
    assert (again["ids"], again["added"], again["dataset"]["version"]) == (added["ids"][:1], 0, 2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "send {"),
        ([], "send {"),
        ({"queries": "what lifts a wing"}, "send {"),
        ({"queries": [{"query_id": "q1"}]}, "send {"),
        ({"queries": [{"text": "what", "id": "q1"}]}, "send {"),
        ({"queries": [{"text": " "}]}, "query 1: "),
        ({"queries": [{"text": "what", "query_id": "q 1"}]}, "query 1: "),
    ],
)
def test_a_wrong_query_is_refused(api: Api, alone: DatasetRow, body: Any, message: str) -> None:
    answer = api("POST", f"{ALONE}/queries", json=body)
    assert answer.status_code == 422
    assert message in answer.json()["error"]
    assert catalog.find(serving(), "alone") == alone


def test_nothing_is_added_to_what_is_not_there(api: Api, alone: DatasetRow) -> None:
    body = {"queries": [{"text": "what"}]}
    assert api("POST", "/api/datasets/gone/queries", json=body).status_code == 404
    assert api("POST", "/api/uploads?adds_to=gone", json={}).status_code == 404


def test_a_page_from_elsewhere_adds_nothing(api: Api, alone: DatasetRow) -> None:
    for path in (f"{ALONE}/queries", "/api/uploads?adds_to=alone"):
        answer = api("POST", path, content=b"{}", headers={"content-type": "text/plain"})
        assert answer.status_code == 415


def test_files_are_added_by_an_upload(api: Api, alone: DatasetRow) -> None:
    upload = f"/api/uploads/{api('POST', '/api/uploads?adds_to=alone', json={}).json()['id']}"
    api("PUT", f"{upload}/files/golden.csv", content=GOLDEN.encode(), headers=OURS).raise_for_status()
    api("POST", f"{upload}/recognise", json={}).raise_for_status()
    state = settled(api, upload)
    assert (state["status"], state["adds_to"], state["recognised"]["adds"]) == ("recognised", alone.id, True)
    api("POST", f"{upload}/check", json={}).raise_for_status()
    assert settled(api, upload)["report"]["n_queries"] == 2
    stored = api("POST", f"{upload}/store", json={"name": "not read"}).json()
    assert (stored["name"], stored["version"], stored["judgments"]) == ("alone", 2, 2)
    assert [record["name"] for record in api("GET", "/api/datasets").json()] == ["alone"]


def test_what_was_added_to_an_earlier_version_is_refused(api: Api, alone: DatasetRow) -> None:
    """A command that read the dataset as it was would take away what somebody added since."""
    api("POST", f"{ALONE}/queries", json={"queries": [{"text": "what lifts a wing"}]}).raise_for_status()
    extended = catalog.find(serving(), "alone").manifest.fingerprint
    body = {"name": "alone", "fingerprint": extended, "source": "golden.csv"}
    refused = api("POST", "/api/datasets", json={**body, "adds_to": alone.manifest.fingerprint})
    assert refused.status_code == 422
    assert refused.json()["error"] == "'alone' has changed meanwhile; add the files again"
    unknown = api("POST", "/api/datasets", json={**body, "name": "gone", "adds_to": extended})
    assert unknown.status_code == 404
