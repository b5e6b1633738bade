"""What is handed on over REST: reports, figures, results."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from evaluator.api.routes import routes
from evaluator.experiments import lifecycle
from evaluator.judging.judgments import edit
from evaluator.store import results
from evaluator.workspace.workspace import Workspace, serve
from tests.recorded import dataset_id
from tests.unit.finished import finished

LISTS = {
    "bm25": {f"q{n}": [f"d{n}", f"d{(n + 1) % 10}"] for n in range(10)},
    "the other": {f"q{n}": ["d3", f"d{n}"] for n in range(10)},
}


@pytest.fixture
def client(workspace: Workspace) -> Iterator[TestClient]:
    finished(workspace, "tiny", LISTS, name="one / two")
    with serve(workspace):
        yield TestClient(Starlette(routes=routes()))


def test_a_report_is_drawn_and_can_do_nothing(client: TestClient) -> None:
    answer = client.get("/api/experiments/last/report?look=1")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-disposition"] == "inline; filename*=utf-8''one%20_%20two.html"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.text.startswith("<!doctype html>")
    saved = client.get("/api/experiments/last/report?measure=RR@10&baseline=bm25")
    assert saved.headers["content-disposition"].startswith("attachment")
    assert "by RR@10" in saved.text


def test_figures(client: TestClient) -> None:
    svg = client.get("/api/experiments/last/figures/scores.svg")
    assert (svg.status_code, svg.headers["content-type"]) == (200, "image/svg+xml")
    png = client.get("/api/experiments/last/figures/differences.png?a=bm25&b=the%20other")
    assert png.content.startswith(b"\x89PNG")


def test_the_whole_experiment_as_one_file(client: TestClient, tmp_path: Path) -> None:
    answer = client.get("/api/experiments/last/export/duckdb")
    assert answer.headers["content-length"] == str(len(answer.content))
    path = tmp_path / "experiment.duckdb"
    path.write_bytes(answer.content)
    with duckdb.connect(str(path), read_only=True) as opened:
        about = dict(opened.execute("FROM about").fetchall())
        assert (about["name"], about["status"], about["queries compared"]) == ("one / two", "finished", "10")
        assert about["description"].startswith("name: one / two")
        assert opened.execute("SELECT variant FROM leaderboard ORDER BY place").fetchall() == [
            ("bm25",), ("the other",),
        ]  # fmt: skip
        lists = opened.execute(
            "SELECT doc_id, rank, grade FROM lists WHERE variant = 'bm25' AND query_id = 'q1' ORDER BY rank"
        ).fetchall()
        assert lists == [("d1", 1, 1), ("d2", 2, None)]
        (mean,) = opened.execute(
            "SELECT avg(value) FROM scores WHERE variant = 'bm25' AND measure = 'RR@10'"
        ).fetchone() or (None,)
        assert mean == 1.0
        texts = opened.execute(
            "SELECT q.text, d.text FROM queries q, documents d WHERE query_id = 'q0' AND doc_id = 'd0'"
        )
        assert texts.fetchone() == ("wing lift in", "wing lift in a propeller slipstream")
        assert (
            opened.execute("SELECT pipeline->>'retrieve' IS NOT NULL FROM variants").fetchall()
            == [(True,)] * 2
        )


def test_it_has_the_judgments_that_it_was_scored_by(
    workspace: Workspace,
    client: TestClient,
    tmp_path: Path,
) -> None:
    first = client.get("/api/experiments").json()[0]["id"]
    edit(workspace, dataset_id(workspace, "tiny"), {("q1", "d0"): 2})
    newest, before = (client.get(f"/api/experiments/{id_}/export/duckdb").content for id_ in ("last", first))
    for content, grades in ((newest, [("d0", 2), ("d1", 1)]), (before, [("d1", 1)])):
        path = tmp_path / f"{len(grades)}.duckdb"
        path.write_bytes(content)
        with duckdb.connect(str(path), read_only=True) as opened:
            found = opened.execute("SELECT doc_id, grade FROM qrels WHERE query_id = 'q1' ORDER BY doc_id")
            assert found.fetchall() == grades


def test_other_formats(client: TestClient) -> None:
    archive = zipfile.ZipFile(io.BytesIO(client.get("/api/experiments/last/export/trec").content))
    assert sorted(archive.namelist()) == ["bm25.run", "qrels.txt", "the other.run"]
    assert archive.read("bm25.run").startswith(b"q0 Q0 d0 1 ")
    csv = client.get("/api/experiments/last/export/csv")
    assert csv.text.startswith("variant,query_id,measure,value,seconds,error")
    parquet = pd.read_parquet(io.BytesIO(client.get("/api/experiments/last/export/parquet").content))
    assert len(parquet) == 2 * 10 * 3  # variants, queries; two measures and Judged@10


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("gone/report", 404, "no experiment is called 'gone'"),
        ("last/report?measure=AP@5", 404, "did not compute AP@5"),
        ("last/report?baseline=gone", 404, "no variant 'gone'"),
        ("last/export/pickle", 404, "no export as 'pickle'; there are: trec, csv, parquet, duckdb"),
        ("last/figures/pie.svg", 404, "no figure 'pie'"),
        ("last/figures/scores.gif", 404, "no figures as 'gif'"),
        ("last/figures/scores.svg?size=3", 422, "a figure takes no 'size'"),
        ("last/figures/tradeoffs.svg?cost=time", 422, "cost='time' is not one of p95_ms"),
        ("last/figures/tradeoffs.svg", 422, "nothing to draw as tradeoffs yet"),
    ],
)
def test_what_cannot_be_asked(client: TestClient, path: str, status: int, message: str) -> None:
    answer = client.get(f"/api/experiments/{path}")
    assert answer.status_code == status
    assert message in answer.json()["error"]


def test_nothing_is_left_behind(workspace: Workspace, client: TestClient) -> None:
    for format_ in ("trec", "csv", "duckdb"):
        client.get(f"/api/experiments/last/export/{format_}")
    assert not list(workspace.settings.home_path.rglob("export-*"))


def test_history(workspace: Workspace, client: TestClient) -> None:
    edit(workspace, dataset_id(workspace, "tiny"), {("q1", "d0"): 2})
    found = client.get("/api/datasets/tiny/history?measure=RR@10").json()
    assert [(point["variant"], point["version"]) for point in found["points"]] == [
        ("bm25", 1), ("the other", 1), ("bm25", 2), ("the other", 2),
    ]  # fmt: skip
    assert found["points"][2]["step"]["changed"] == ["judgments"]
    assert client.get("/api/datasets/gone/history").status_code == 404


def test_a_leaderboard_against_a_baseline_says_what_is_corrected_for(client: TestClient) -> None:
    board = client.get("/api/experiments/last/leaderboard?baseline=bm25").json()
    assert (board["baseline"], board["reference"]) == ("bm25", "bm25")
    assert board["corrected_for"] == "the only comparison with the baseline bm25"
    assert [row["p_test"] for row in board["variants"] if row["variant"] == "the other"] == ["randomization"]
    unknown = client.get("/api/experiments/last/leaderboard?baseline=gone")
    assert (unknown.status_code, "has no variant 'gone'" in unknown.json()["error"]) == (404, True)


def test_an_experiment_that_is_deleted_between_two_reads_is_unknown(
    client: TestClient,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is found by its name, and gone when it is read."""
    row = lifecycle.find(workspace, "one / two")
    monkeypatch.setattr(lifecycle, "find", lambda *_: row)
    lifecycle.delete(workspace, row)
    paths = (
        "leaderboard",
        "report",
        "figures/scores.svg",
        "figures/scatter.svg",
        "export/duckdb",
        "export/trec",
    )
    for path in (*paths, "export/csv"):
        answer = client.get(f"/api/experiments/last/{path}")
        assert (path, answer.status_code) == (path, 404)
        assert "no experiment has the id" in answer.json()["error"]


@pytest.mark.parametrize("format_", ["csv", "parquet", "trec"])
def test_a_full_disk_is_named_and_no_folder_of_the_server(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/srv/evaluator/secret")

    monkeypatch.setattr(results, "write_per_query", full)
    monkeypatch.setattr(results, "rankings", full)
    answer = client.get(f"/api/experiments/last/export/{format_}")
    assert answer.status_code == 507
    assert answer.json() == {"error": "the server's disk is full; make room there"}
