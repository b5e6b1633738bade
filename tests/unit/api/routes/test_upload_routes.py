"""The routes of uploads, over a real workspace: what a page sends and what it gets back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conftest import WriteDataset
from tests.unit.api.conftest import Api

OURS = {"x-evaluator-upload": "1"}


def begin(api: Api) -> str:
    """The path of a new upload."""
    return f"/api/uploads/{api('POST', '/api/uploads', json={}).json()['id']}"


async def chunks(count: int, chunk: bytes) -> AsyncIterator[bytes]:
    """A body whose length nobody knows before it ends."""
    for _ in range(count):
        yield chunk


def settled(api: Api, upload: str) -> Any:
    deadline = time.monotonic() + 30
    while (state := api("GET", upload).json())["status"] in ("recognising", "checking"):
        assert time.monotonic() < deadline, state
        time.sleep(0.01)
    return state


def test_files_are_sent_recognised_checked_and_stored(api: Api, write_dataset: WriteDataset) -> None:
    folder, upload = write_dataset("tiny"), begin(api)
    for path in sorted(folder.rglob("*.*")):
        name = path.relative_to(folder).as_posix()
        sent = api("PUT", f"{upload}/files/{name}", content=path.read_bytes(), headers=OURS)
        assert sent.json() == {"name": name, "bytes": path.stat().st_size}
    assert api("POST", f"{upload}/recognise", json={}).json()["status"] == "recognising"
    state = settled(api, upload)
    assert state["status"] == "recognised"

    reading = state["recognised"]["reading"]
    asked = api("POST", f"{upload}/check", json={"reading": reading, "exclude_self": False}).json()
    assert asked["status"] == "checking"
    assert asked["progress"]["stage"] in ("waiting", "reading", "examining")
    state = settled(api, upload)
    assert (state["status"], state["report"]["n_documents"], state["reading"]) == ("checked", 10, reading)

    stored = api("POST", f"{upload}/store", json={"name": "tiny", "tags": ["a"]}).json()
    assert (stored["name"], stored["documents"], stored["tags"]) == ("tiny", 10, ["a"])
    assert [record["name"] for record in api("GET", "/api/datasets").json()] == ["tiny"]
    assert api("GET", upload).status_code == 404

    again = {"name": "again", "fingerprint": stored["fingerprint"], "source": "elsewhere"}
    assert api("POST", "/api/datasets", json=again).json()["name"] == "again"
    assert api("POST", "/api/datasets", json={**again, "fingerprint": "0" * 64}).status_code == 404
    assert api("POST", "/api/datasets", json={"name": "again"}).status_code == 422


def test_a_client_is_asked_what_is_not_clear_and_answers(api: Api) -> None:
    upload = begin(api)
    rows = range(4)
    files = {
        "documents.csv": "id,text\n" + "".join(f"d{n},A long text of number {n}\n" for n in rows),
        "queries.csv": "query_id,query\n" + "".join(f"q{n},what is {n}?\n" for n in rows),
        "judgments.csv": "query_id,doc_id,stufe,note\n" + "".join(f"q{n},d{n},{n % 3},fine\n" for n in rows),
    }
    for name, content in files.items():
        api("PUT", f"{upload}/files/{name}", content=content.encode(), headers=OURS)
    api("POST", f"{upload}/recognise", json={})
    state = settled(api, upload)
    (doubt,) = state["recognised"]["doubts"]
    assert doubt["question"] == "judgments.csv: is the column 'stufe' the grade of the judgments?"
    assert [item["place"] for item in state["unused"]] == ["judgments.csv: stufe", "judgments.csv: note"]
    assert state["offers"] == []

    refused = api("POST", f"{upload}/check", json={})
    assert refused.status_code == 422
    assert "is the column 'stufe' the grade of the judgments?" in refused.json()["error"]
    answer = doubt["options"][0]["changes"]
    api("POST", f"{upload}/check", json={"changes": answer}).raise_for_status()
    state = settled(api, upload)
    assert state["reading"]["qrels"]["grade"] == ["stufe"]
    assert [item["place"] for item in state["unused"]] == ["judgments.csv: note"]
    assert state["report"]["grades"] == {"0": 2, "1": 1, "2": 1}


def test_a_name_that_is_taken_gets_a_next_version_only_on_request(
    api: Api, write_dataset: WriteDataset
) -> None:
    for version, folder in enumerate((write_dataset("one"), write_dataset("two", qrels={0: {0: 1}})), 1):
        upload = begin(api)
        for path in sorted(folder.rglob("*.*")):
            name = path.relative_to(folder).as_posix()
            api("PUT", f"{upload}/files/{name}", content=path.read_bytes(), headers=OURS)
        api("POST", f"{upload}/recognise", json={})
        settled(api, upload)
        api("POST", f"{upload}/check", json={})
        settled(api, upload)
        stored = api("POST", f"{upload}/store", json={"name": "aero"})
        if version == 2:
            assert "another dataset is called 'aero'" in stored.json()["error"]
            stored = api("POST", f"{upload}/store", json={"name": "aero", "next_version": True})
        assert stored.json()["version"] == version


def test_pages_from_elsewhere_can_do_nothing(api: Api) -> None:
    """Without asking first they may send neither this header nor this content type."""
    upload = begin(api)
    assert api("POST", "/api/uploads", content="{}").status_code == 415
    assert api("PUT", f"{upload}/files/a.csv", content=b"x").status_code == 415
    assert api("DELETE", upload).status_code == 415
    assert api("POST", f"{upload}/recognise").status_code == 415
    assert api("GET", upload).json()["files"] == []
    assert api("OPTIONS", upload).status_code == 405


def test_what_is_too_large_is_refused_before_and_while_it_is_sent(api: Api) -> None:
    upload = begin(api)
    announced = api("PUT", f"{upload}/files/a.csv", content=b"x" * 10_001, headers=OURS)
    unannounced = api("PUT", f"{upload}/files/a.csv", content=chunks(2, b"x" * 6_000), headers=OURS)
    for answer in (announced, unannounced):
        assert answer.status_code == 413
        assert "larger than 10,000 bytes" in answer.json()["error"]
    assert api("GET", upload).json()["files"] == []
    assert api("PUT", f"{upload}/files/a.csv", content=b"x" * 10_000, headers=OURS).status_code == 200


@pytest.mark.parametrize(
    "name", ["%2e%2e/a.csv", "a/%2e%2e/%2e%2e/b.csv", ".hidden", "a%00.csv", "%2Fetc/passwd"]
)
def test_names_that_lead_elsewhere_are_refused(api: Api, name: str) -> None:
    answer = api("PUT", f"{begin(api)}/files/{name}", content=b"x", headers=OURS)
    assert answer.status_code == 422
    assert "rename the file" in answer.json()["error"]


@pytest.mark.parametrize(
    ("step", "body", "message"),
    [
        ("check", {"reading": "corpus.jsonl"}, "send {"),
        ("check", {"reading": {"corpus": {}}, "exclude_self": False}, "the reading is not valid"),
        ("check", ["reading"], "send {"),
        ("store", {"name": 7}, "send {"),
        ("store", {"name": "x", "tags": "one"}, "send {"),
        ("store", {"name": "x"}, "check it first"),
        ("recognise", {}, "no file has arrived yet"),
    ],
)
def test_what_cannot_be_understood_is_said(api: Api, step: str, body: object, message: str) -> None:
    answer = api("POST", f"{begin(api)}/{step}", json=body)
    assert answer.status_code == 422
    assert message in answer.json()["error"]


def test_an_upload_is_discarded(api: Api) -> None:
    upload = begin(api)
    api("PUT", f"{upload}/files/a.csv", content=b"x", headers=OURS)
    assert api("DELETE", upload, headers=OURS).status_code == 200
    assert api("GET", upload).status_code == 404
    assert api("DELETE", upload, headers=OURS).status_code == 404


def test_too_many_open_uploads_are_refused_with_their_ids(api: Api) -> None:
    opened = [begin(api) for _ in range(20)]
    refused = api("POST", "/api/uploads", json={})
    assert (refused.status_code, "store or discard one" in refused.json()["error"]) == (429, True)
    listed = api("GET", "/api/uploads").json()
    assert [f"/api/uploads/{upload['id']}" for upload in listed] == opened
    assert time.time() - listed[0].pop("changed_at") < 60
    assert listed[0] | {"id": ""} == {"id": "", "status": "receiving", "files": 0, "bytes": 0}
    assert api("DELETE", opened[0], headers=OURS).status_code == 200
    assert api("POST", "/api/uploads", json={}).status_code == 200


def test_too_many_bytes_are_refused_before_and_while_they_are_sent(api: Api) -> None:
    for _ in range(10):
        assert api("PUT", f"{begin(api)}/files/a", content=b"x" * 10_000, headers=OURS).status_code == 200
    upload = begin(api)
    announced = api("PUT", f"{upload}/files/a", content=b"x", headers=OURS)
    unannounced = api("PUT", f"{upload}/files/a", content=chunks(1, b"x"), headers=OURS)
    for answer in (announced, unannounced):
        assert answer.status_code == 507
        assert "your open uploads hold 100,000 of the 100,000 bytes" in answer.json()["error"]
