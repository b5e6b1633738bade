"""REST: comments, decisions, activity, notifications, and the audit log's filters."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from evaluator.domain.access import OPEN, Role
from evaluator.domain.records import ExperimentRow
from evaluator.library import catalog
from evaluator.teamwork.notices import notice
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import Workspace, serving
from tests.conftest import WriteDataset
from tests.unit.api.conftest import Api
from tests.unit.teamwork_instance import ended, somebody


@pytest.fixture
def experiment(api: Api, write_dataset: WriteDataset) -> Iterator[ExperimentRow]:
    catalog.import_folder(serving(), write_dataset())
    row = ended(serving())
    with acting_as(OPEN):
        yield row


def test_comments_are_written_listed_changed_and_deleted(api: Api, experiment: ExperimentRow) -> None:
    path = f"/api/experiments/{experiment.id}/comments"
    written = api("POST", path, json={"text": "why?", "variant": "best", "by": "Ada"}).json()
    assert (written["by"], written["text"], written["variant"], written["query"]) == (
        "Ada",
        "why?",
        "best",
        None,
    )
    api("POST", path, json={"text": "odd", "query": "q1", "by": "Ada"})
    assert [each["text"] for each in api("GET", path).json()] == ["why?", "odd"]
    assert [each["text"] for each in api("GET", path, params={"query": "q1"}).json()] == ["odd"]
    assert [each["text"] for each in api("GET", path, params={"variant": "best"}).json()] == ["why?"]
    one = f"/api/comments/{written['number']}"
    assert api("PATCH", one, json={"text": "because"}).json()["text"] == "because"
    headers = {"content-type": "application/json"}
    assert api("DELETE", one, headers=headers).json() == {"deleted": written["number"]}
    assert api("DELETE", one, headers=headers).status_code == 404
    for number in ("x", "-1", "1.5", "9" * 30):
        assert api("DELETE", f"/api/comments/{number}", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": "x"}, 422),
        ({"text": "", "by": "Ada"}, 422),
        ({"text": "x", "by": "Ada", "variant": "none"}, 404),
        ({"text": "x", "by": "Ada", "query": "none"}, 404),
        ({"text": 1, "by": "Ada"}, 422),
        ({"text": "x", "by": "Ada", "number": 1}, 422),
    ],
)
def test_a_comment_that_cannot_be_is_refused(
    api: Api, experiment: ExperimentRow, body: dict[str, object], status: int
) -> None:
    assert api("POST", f"/api/experiments/{experiment.id}/comments", json=body).status_code == status


def test_a_decision_is_in_every_answer_about_the_experiment(api: Api, experiment: ExperimentRow) -> None:
    path = f"/api/experiments/{experiment.id}"
    before = api("GET", f"{path}/leaderboard").json()["experiment"]["decision"]
    decided = api("POST", f"{path}/decisions", json={"variant": "best", "reason": "right", "by": "Ada"})
    assert before is None
    assert decided.json()["decision"]["variant"] == "best"
    (listed,) = api("GET", "/api/experiments").json()
    board = api("GET", f"{path}/leaderboard").json()
    for record in (listed, board["experiment"]):
        assert (record["decision"]["reason"], record["decision"]["by"]) == ("right", "Ada")
    api("POST", f"{path}/decisions", json={"variant": None, "reason": "wait", "by": "Ada"})
    assert [each["variant"] for each in api("GET", f"{path}/decisions").json()] == [None, "best"]
    page = api("GET", f"{path}/report").text
    assert "Decision: none of them ships (Ada, " in page
    assert "best ships (Ada, " in page


def test_text_of_strangers_is_text_in_the_report(api: Api, experiment: ExperimentRow) -> None:
    path = f"/api/experiments/{experiment.id}"
    reason = "<script>alert(1)</script><img src=https://b.example/x.png>"
    api("POST", f"{path}/decisions", json={"variant": "best", "reason": reason, "by": "<b>Ada</b>"})
    page = api("GET", f"{path}/report").text
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;b&gt;Ada" in page


def test_activity_is_listed_and_goes_on(api: Api, experiment: ExperimentRow) -> None:
    found = api("GET", "/api/activity").json()
    assert [(each["did"], each["subject"]) for each in found] == [
        ("finished an experiment", "look"),
        ("imported a dataset", "tiny"),
    ]
    assert found[0]["about"] == {"kind": "experiment", "id": experiment.id}
    (first,) = api("GET", "/api/activity", params={"limit": 1}).json()
    (rest,) = api("GET", "/api/activity", params={"before": first["number"]}).json()
    assert [first, rest] == found
    assert api("GET", "/api/activity", params={"experiment": "look"}).json() == [first]
    assert api("GET", "/api/activity", params={"dataset": "tiny"}).json() == [rest]
    assert api("GET", "/api/activity", params={"dataset": "none"}).status_code == 404
    for wrong in ("x", "-1", "201"):
        assert api("GET", "/api/activity", params={"limit": wrong}).status_code == 422


def test_the_audit_log_is_filtered(api: Api, experiment: ExperimentRow) -> None:
    def found(**given: str) -> list[str]:
        answer = api("GET", "/api/audit", params=given)
        assert answer.headers["content-type"] == "application/jsonl"
        return [json.loads(line)["action"] for line in answer.text.splitlines()]

    assert found(person="the server") == ["finished an experiment"]
    assert found(action="imported a dataset") == ["imported a dataset"]
    assert found(since="2999-01-01T00:00:00Z") == []
    assert found(until="2999-01-01T00:00:00+02:00") == ["finished an experiment", "imported a dataset"]
    assert api("GET", "/api/audit", params={"since": "yesterday"}).status_code == 422


def test_notifications_are_ones_own(api: Api, experiment: ExperimentRow) -> None:
    workspace: Workspace = serving()
    assert api("PUT", "/api/notifications/settings", json={"events": ["finished"]}).status_code == 422
    ann, bob = somebody(workspace, "ann"), somebody(workspace, "bob", Role.ADMIN)
    with acting_as(ann):
        saved = api(
            "PUT",
            "/api/notifications/settings",
            json={
                "events": ["finished"],
                "everybodys": True,
                "webhook_url": "https://hooks.example.org/a-secret",
            },
        ).json()
        read = api("GET", "/api/notifications/settings").json()
    assert saved["webhook_key"].startswith("whsec_")
    assert read["webhook"] == "https://hooks.example.org/…"
    assert "a-secret" not in json.dumps([saved, read])
    ended(workspace, name="other")
    notice(workspace)
    with acting_as(bob):
        assert api("GET", "/api/notifications").json()["notifications"] == []
    with acting_as(ann):
        told = api("GET", "/api/notifications").json()
        assert (told["unread"], [each["title"] for each in told["notifications"]]) == (
            2,
            ["other is finished", "look is finished"],
        )
        ids = [told["notifications"][0]["id"]]
        assert api("POST", "/api/notifications/read", json={"ids": ids}).json() == {"unread": 1}
        assert api("POST", "/api/notifications/read", json={}).json() == {"unread": 0}
        sent = api("POST", "/api/notifications/test", headers={"content-type": "application/json"})
        assert sent.json() == {"sent_to": 1}
