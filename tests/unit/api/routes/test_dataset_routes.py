"""The routes of datasets: browse, change, judge, download, delete."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from evaluator.errors import StoreUnavailableError
from evaluator.experiments import lifecycle
from evaluator.library import catalog
from evaluator.workspace.workspace import Workspace, serving
from tests.conftest import WriteDataset
from tests.unit.api.conftest import Api
from tests.unit.finished import finished

TINY = "/api/datasets/tiny"
RANKED = {"bm25": {f"q{n}": ["d0", "d1"] for n in range(10)}}


@pytest.fixture
def tiny(api: Api, write_dataset: WriteDataset) -> Workspace:
    """The workspace that is served, with the dataset `tiny`."""
    catalog.import_folder(serving(), write_dataset())
    return serving()


def test_a_dataset_with_its_history_and_relations(
    api: Api, tiny: Workspace, write_dataset: WriteDataset
) -> None:
    catalog.import_folder(tiny, write_dataset("sibling", qrels={0: {0: 1}}))
    spec = finished(tiny, "tiny", RANKED)
    record = api("GET", TINY).json()
    assert (record["name"], record["documents"], record["siblings"]) == ("tiny", 10, ["sibling"])
    assert record["used_by"] == [{"id": spec.id, "name": "look"}]
    assert [version["change"] for version in record["versions"]] == ["imported"]
    assert [listed["name"] for listed in api("GET", "/api/datasets").json()] == ["sibling", "tiny"]
    assert api("GET", "/api/datasets/gone").status_code == 404


def test_its_parts_a_page_at_a_time(api: Api, tiny: Workspace) -> None:
    page = api("GET", f"{TINY}/documents?search=BOUNDARY&limit=1").json()
    assert ([row["doc_id"] for row in page["rows"]], page["more"], page["total"]) == (["d1"], True, None)
    page = api("GET", f"{TINY}/queries?offset=9").json()
    assert [(row["query_id"], row["judged"], row["relevant"]) for row in page["rows"]] == [("q9", 1, 1)]
    assert api("GET", f"{TINY}/judgments?limit=1").json()["rows"] == [
        {"query_id": "q0", "doc_id": "d0", "grade": 1}
    ]
    assert api("GET", f"{TINY}/queries/q3").json()["judged"] == [{"doc_id": "d3", "grade": 1, "title": ""}]
    assert api("GET", f"{TINY}/queries/q99").status_code == 404
    for wrong in ("limit=1001", "limit=-1", "offset=x", "offset=" + "9" * 20):
        assert api("GET", f"{TINY}/documents?{wrong}").status_code == 422


@pytest.mark.parametrize(
    ("folder", "part", "asked"),
    [
        ("corpora", "documents", ["/documents", "/documents?search=wing"]),
        ("queries", "queries", ["/queries", "/queries/q3"]),
        ("qrels", "judgments", ["/judgments", "/queries/q3"]),
    ],
)
def test_a_damaged_file_is_one_sentence(
    api: Api, tiny: Workspace, folder: str, part: str, asked: list[str]
) -> None:
    (name,) = tiny.store.sizes(folder)
    path = Path(tiny.store.url) / name
    path.write_bytes(path.read_bytes()[:-1])
    damaged = f"the file with the {part} of a dataset is damaged: {name} in the store EVALUATOR_ARTIFACTS"
    for page in asked:
        answer = api("GET", f"{TINY}{page}")
        assert (answer.status_code, answer.json()) == (503, {"error": f"{damaged}; import the dataset again"})


def test_it_is_renamed_and_described(api: Api, tiny: Workspace) -> None:
    changed = api("PATCH", TINY, json={"name": "aero 1", "tags": ["a"]})
    assert (changed.json()["name"], changed.json()["tags"]) == ("aero 1", ["a"])
    changed = api("PATCH", "/api/datasets/aero%201", json={"description": "Ten."})
    assert (changed.json()["description"], changed.json()["tags"]) == ("Ten.", ["a"])
    wrong: Any
    for wrong in ({"name": 1}, {"tags": "a"}, {"tags": [1]}, {"nmae": "x"}, {"name": "a/b"}, []):
        assert api("PATCH", "/api/datasets/aero%201", json=wrong).status_code == 422


def test_it_is_called_nothing_that_a_new_dataset_could_not_be(
    api: Api, tiny: Workspace, write_dataset: WriteDataset
) -> None:
    catalog.import_folder(tiny, write_dataset("other"), "caf\u00e9")
    for name, reason in (
        (".", "stands for a folder"),
        ("..", "stands for a folder"),
        ("cafe\u0301", "another"),
    ):
        answer = api("PATCH", TINY, json={"name": name, "description": "new"})
        assert answer.status_code == 422
        assert reason in answer.json()["error"]
    assert {row.name for row in catalog.all_datasets(tiny)} == {"tiny", "caf\u00e9"}
    assert catalog.find(tiny, "tiny").description == ""


def test_an_edit_that_experiments_cannot_follow_yet_says_that_it_is_saved(
    api: Api, tiny: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreUnavailableError("the disk is full; make room there")

    finished(tiny, "tiny", RANKED)
    monkeypatch.setattr("evaluator.judging.rescore.save_rescored", full)
    body = {"changes": [{"query_id": "q0", "doc_id": "d3", "grade": 2}]}
    answer = api("POST", f"{TINY}/judgments", json=body)
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("the judgments are saved; experiments over 'tiny' are not yet")
    assert api("GET", TINY).json()["version"] == 2


def test_judgments_are_edited(api: Api, tiny: Workspace) -> None:
    finished(tiny, "tiny", RANKED)
    changes: list[dict[str, Any]] = [
        {"query_id": "q0", "doc_id": "d1", "grade": 2},
        {"query_id": "q1", "doc_id": "d1", "grade": None},
    ]
    edited = api("POST", f"{TINY}/judgments", json={"changes": changes, "note": "looked again"}).json()
    assert edited["version"] == 2
    assert edited["versions"][0]["change"] == "1 judgment added, 1 removed: looked again"
    assert len(edited["used_by"]) == 2
    wrong: list[Any] = [{}, {"changes": [{"query_id": "q0"}]}, {"changes": 1}]
    wrong += [{"changes": [{**changes[0], "grade": grade}]} for grade in (True, 0.5, "1")]
    for body in wrong:
        assert api("POST", f"{TINY}/judgments", json=body).status_code == 422
    assert catalog.find(tiny, "tiny").version == 2


def test_the_download_is_a_zip_and_leaves_nothing_behind(api: Api, tiny: Workspace) -> None:
    catalog.rename(tiny, "tiny", "tïny")
    before = set(Path(tiny.settings.home_path).iterdir())
    answer = api("GET", "/api/datasets/t%C3%AFny/download")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''t%C3%AFny.zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert "corpus.jsonl" in archive.namelist()
    assert set(Path(tiny.settings.home_path).iterdir()) == before


def test_a_dataset_in_use_is_not_deleted_before_its_experiments(api: Api, tiny: Workspace) -> None:
    spec = finished(tiny, "tiny", RANKED)
    refused = api("DELETE", TINY, json={})
    assert (refused.status_code, "Delete them first: look" in refused.json()["error"]) == (422, True)
    assert api("DELETE", f"/api/experiments/{spec.id}", json={}).json() == {"deleted": spec.id}
    assert api("DELETE", TINY, json={}).json() == {"deleted": "tiny"}
    assert lifecycle.all_experiments(tiny) == []
    assert catalog.all_datasets(tiny) == []


def test_a_page_from_elsewhere_changes_nothing(api: Api, tiny: Workspace) -> None:
    for method, path in (("DELETE", TINY), ("PATCH", TINY), ("POST", f"{TINY}/judgments")):
        answer = api(method, path, content=b"{}", headers={"content-type": "text/plain"})
        assert answer.status_code == 415
