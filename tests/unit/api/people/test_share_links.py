"""A share link shows a static report to whoever has it, until it expires, is revoked, or links are switched off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from evaluator.api.origins import guards
from evaluator.api.people.chosen_project import ChosenProject
from evaluator.api.people.guard import Guard
from evaluator.api.people.share_links import shared_page
from evaluator.api.routes import routes
from evaluator.domain.access import COMMAND, NOBODY, Role
from evaluator.domain.experiment import Experiment
from evaluator.domain.records import ExperimentRow
from evaluator.domain.variant import BM25, Retrieve, Variant
from evaluator.errors import ForbiddenError, InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.library import catalog
from evaluator.people import log, projects, share_links
from evaluator.workspace.acting import acting_as, in_project, otherwise
from evaluator.workspace.workspace import Workspace, serve
from tests.conftest import WriteDataset
from tests.unit.api.people.test_guard import HOST, JSON, _quick_hashes, shared, signed_in
from tests.unit.people.test_accounts import joined

__all__ = ["_quick_hashes", "shared"]


@pytest.fixture
def client(shared: Workspace) -> Iterator[TestClient]:
    middleware = [
        *guards(shared.settings),
        Middleware(Guard, settings=shared.settings),
        Middleware(ChosenProject),
    ]
    with serve(shared), otherwise(lambda: NOBODY), acting_as(COMMAND):
        app = Starlette(routes=[*routes(), shared_page()], middleware=middleware)
        yield TestClient(app, HOST, follow_redirects=False)


@pytest.fixture
def row(shared: Workspace, write_dataset: WriteDataset) -> ExperimentRow:
    """An experiment of two variants in the project web."""
    projects.add(shared, "web")
    with in_project("web"):
        catalog.import_folder(shared, write_dataset("tiny"))
        variants = tuple(
            Variant(name, Retrieve(bm25=BM25.written(k1=k1))) for name, k1 in (("one", 1.0), ("two", 2.0))
        )
        id_ = lifecycle.begin(shared, Experiment("look", "tiny", variants)).id
        found = lifecycle.find(shared, id_)
        lifecycle.cancel(shared, found)
    return found


def get(client: TestClient, secret: str) -> Any:
    return client.get(f"/share/{secret}", headers={"accept": "text/html"})


def test_whoever_has_the_link_sees_the_report_and_nothing_else(
    client: TestClient, shared: Workspace, row: ExperimentRow
) -> None:
    made = share_links.make(shared, row)
    answer = get(client, made.secret)
    assert answer.status_code == 200
    assert "<h1>look</h1>" in answer.text
    assert "How it was measured" in answer.text
    assert {name: answer.headers[name] for name in ("referrer-policy", "x-robots-tag", "cache-control")} == {
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex, nofollow",
        "cache-control": "no-store",
    }
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "set-cookie" not in answer.headers
    assert (
        client.get(
            f"/api/experiments/{row.id}", headers={"authorization": f"Bearer {made.secret}"}
        ).status_code
        == 401
    )


@pytest.mark.parametrize(
    ("part", "choices", "there", "absent"),
    [
        ("leaderboard", {"baseline": "two"}, 'id="scores"', 'id="how"'),
        ("comparison", {"a": "two", "b": "one"}, "look", 'id="scores"'),
        ("report", {"measure": "nDCG@10"}, 'id="how"', "no such thing"),
    ],
)
def test_a_link_shows_its_part_alone(
    client: TestClient,
    shared: Workspace,
    row: ExperimentRow,
    part: Any,
    choices: dict[str, str],
    there: str,
    absent: str,
) -> None:
    text = get(client, share_links.make(shared, row, part, choices).secret).text
    assert (there in text, absent in text) == (True, False)


def test_links_end(client: TestClient, shared: Workspace, row: ExperimentRow) -> None:
    links = {name: share_links.make(shared, row) for name in ("revoked", "expired", "off", "deleted")}
    share_links.revoke(shared, links["revoked"].id)
    assert get(client, links["revoked"].secret).status_code == 404
    with shared.database.transaction() as cursor:
        cursor.execute(
            "UPDATE share_links SET expires_at = TIMESTAMP '2020-01-01' WHERE id = ?", [links["expired"].id]
        )
    assert get(client, links["expired"].secret).status_code == 404
    with in_project("web"):
        share_links.allow(shared, False)
        assert get(client, links["off"].secret).status_code == 404
        with pytest.raises(ForbiddenError, match="switched off in the project 'web'"):
            share_links.make(shared, row)
        share_links.allow(shared, True)
    assert get(client, links["off"].secret).status_code == 200
    lifecycle.delete(shared, row)
    gone = get(client, links["deleted"].secret)
    assert gone.status_code == 404
    assert (gone.headers["referrer-policy"], gone.headers["x-robots-tag"]) == (
        "no-referrer",
        "noindex, nofollow",
    )
    assert get(client, "made-up").text == gone.text


@pytest.mark.parametrize(
    ("part", "choices", "days", "message"),
    [
        ("report", {"baseline": "three"}, 30, "baseline: 'look' has no 'three'; there are: one, two"),
        ("report", {"measure": "AP"}, 30, "measure: 'look' has no 'AP'"),
        ("report", {"colour": "one"}, 30, "colour"),
        ("table", {}, 30, "a link shows a report or a leaderboard or a comparison, not 'table'"),
        ("report", {}, 0, "a link works for 1 to 366 days, not 0"),
        ("report", {}, 367, "a link works for 1 to 366 days, not 367"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    shared: Workspace, row: ExperimentRow, part: Any, choices: dict[str, str], days: int, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        share_links.make(shared, row, part, choices, days)


def test_who_shares_and_who_opens_is_on_record_without_the_secret(
    client: TestClient, shared: Workspace, row: ExperimentRow
) -> None:
    with in_project("web"):
        lead = joined(shared, "lead", Role.EDITOR)
    with acting_as(lead):
        made = share_links.make(shared, row)
    for _ in range(3):
        get(client, made.secret)
    entries = [(each.person, each.action) for each in log.entries(shared)]
    assert entries[0] == ("somebody", "opened a share link")
    assert entries[1] == ("lead", "made a share link")
    assert not any(made.secret in str(each) for each in log.entries(shared))
    assert [link.person for link, _ in share_links.links(shared, row)] == ["lead"]


def test_links_are_seen_and_revoked_in_their_project_alone(
    client: TestClient, shared: Workspace, row: ExperimentRow
) -> None:
    made = share_links.make(shared, row)
    joined(shared, "bob", Role.ADMIN)
    bob = {**signed_in(shared, "bob"), **JSON, "origin": HOST}
    assert client.get("/api/share-links", headers=bob).json() == []
    assert client.delete(f"/api/share-links/{made.id}", headers=bob).status_code == 404
    assert client.post(f"/api/experiments/{row.id}/share-links", headers=bob, json={}).status_code == 404
    with in_project("web"):
        joined(shared, "ed", Role.EDITOR)
    ed = {**signed_in(shared, "ed"), **JSON, "origin": HOST}
    posted = client.post(
        f"/api/experiments/{row.id}/share-links", headers=ed, json={"part": "leaderboard", "days": 7}
    )
    assert posted.json()["path"].startswith("/share/")
    assert client.get(posted.json()["path"]).status_code == 200
    assert [each["part"] for each in client.get("/api/share-links", headers=ed).json()] == [
        "leaderboard",
        "report",
    ]
    assert client.patch("/api/share-links", headers=ed, json={"allowed": False}).status_code == 403
    assert client.delete(f"/api/share-links/{made.id}", headers=ed).json() == {"revoked": made.id}
    with pytest.raises(UnknownNameError):
        share_links.opened(shared, made.secret)
