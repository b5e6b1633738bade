"""What is recorded, by command: without an instance, and beside one that owns the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from evaluator.errors import InvalidInputError
from evaluator.judging.judgments import edit
from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.conftest import write_beir
from tests.integration.conftest import Commands, served
from tests.recorded import dataset_id
from tests.unit.finished import finished

LISTS = {
    "bm25": {f"q{n}": [f"d{n}", f"d{(n + 1) % 10}"] for n in range(10)},
    "other": {f"q{n}": [f"d{(n + 1) % 10}", f"d{n}"] for n in range(10)},
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose home has an experiment over `tiny`, and the same after judgments were edited.

    For each way to run commands it has an experiment over `fragile` in which q9 failed.
    """
    folder = tmp_path_factory.mktemp("recorded")
    with Workspace.open_local(Settings(home=folder / "home")) as workspace:
        catalog.import_folder(workspace, write_beir(folder / "fragile"))
        for name, variants in (("alone", ["bm25"]), ("beside an instance", ["other"])):
            lists = {
                variant: {q: ids for q, ids in LISTS[variant].items() if q != "q9"} for variant in variants
            }
            finished(workspace, "fragile", lists, failed=["q9"], name=name)
        catalog.import_folder(workspace, write_beir(folder / "tiny"))
        finished(workspace, "tiny", LISTS)
        edit(workspace, dataset_id(workspace, "tiny"), {("q1", "d2"): 1})
    return folder


@pytest.fixture(scope="module", params=["alone", "beside an instance"])
def folder(request: pytest.FixtureRequest, recorded: Path) -> Iterator[Path]:
    if request.param == "alone":
        yield recorded
        return
    with served(recorded):
        yield recorded


@pytest.fixture
def commands(folder: Path, in_process: None, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Commands on that home, alone and beside an instance that owns its database."""
    monkeypatch.setenv("EVALUATOR_HOME", str(folder / "home"))
    return Commands()


def test_everything_that_is_recorded_can_be_taken_along(commands: Commands, tmp_path: Path) -> None:
    out = tmp_path / "out"
    board = commands.json("leaderboard", "--measure", "RR@10")
    assert [row["variant"] for row in board["variants"]] == ["bm25", "other"]
    pinned = commands.json("leaderboard", "--baseline", "other")
    assert (pinned["reference"], pinned["corrected_for"]) == (
        "other",
        "the only comparison with the baseline other",
    )

    # "look" is one experiment under two versions of its judgments: the newest is meant.
    report = tmp_path / "report.html"
    commands.run("report", "look", "-o", report, "--baseline", "other")
    assert "bm25 against other" in report.read_text(encoding="utf-8")

    commands.run("figure", "scores", "-o", tmp_path / "scores.svg")
    assert "<svg" in (tmp_path / "scores.svg").read_text(encoding="utf-8")

    trec = commands.json("export", "look", "--format", "trec", "-o", out)
    assert sorted(Path(path).name for path in trec) == ["bm25.run", "other.run", "qrels.txt"]
    assert (out / "bm25.run").read_text().startswith("q0 Q0 d0 1 ")

    (exported,) = commands.json("export", "look", "--format", "duckdb", "-o", out)
    with duckdb.connect(exported, read_only=True) as opened:
        assert opened.execute("SELECT count(*) FROM lists").fetchone() == (2 * 10 * 2,)

    points = commands.json("history", "tiny")["points"]
    assert [(point["variant"], point["version"]) for point in points] == [
        ("bm25", 1), ("other", 1), ("bm25", 2), ("other", 2),
    ]  # fmt: skip
    assert commands.run("history", "tiny", "--check").exit_code == 0


def test_failures_are_listed_and_their_experiment_is_deleted(
    commands: Commands, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["folder"]
    (failure,) = commands.json("failures", name)
    assert (failure["query_id"], failure["error"]) == ("q9", "ValueError: no")
    assert "No query failed." in commands.run("failures", "look").stderr
    assert commands.run("delete", name, answer="n\n").exit_code == 1
    assert commands.json("failures", name) == [failure]
    with pytest.raises(InvalidInputError, match="no experiment"):
        commands.run("delete", "nothing", "--yes")
    assert commands.run("delete", name, "--yes").exit_code == 0
    with pytest.raises(InvalidInputError, match="no experiment"):
        commands.json("failures", name)


def test_what_cannot_be_done_is_said(commands: Commands, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="ends neither in"):
        commands.run("figure", "scores", "-o", tmp_path / "scores.gif")
    with pytest.raises(InvalidInputError, match="--cost 'time' is not one of p95_ms"):
        commands.run("figure", "tradeoffs", "-o", tmp_path / "tradeoffs.svg", "--cost", "time")
    with pytest.raises(InvalidInputError, match="nothing to draw as tradeoffs yet"):
        commands.run("figure", "tradeoffs", "-o", tmp_path / "tradeoffs.svg", "--cost", "index_mb")
    with pytest.raises(InvalidInputError, match="no figure 'pie'"):
        commands.run("figure", "pie", "-o", tmp_path / "pie.svg")
    with pytest.raises(InvalidInputError, match="cannot be written: No such file or directory"):
        commands.run("report", "-o", tmp_path / "nowhere" / "report.html")
    with pytest.raises(InvalidInputError, match="--format 'pickle' is not one of trec, csv, parquet, duckdb"):
        commands.run("export", "look", "--format", "pickle", "-o", tmp_path)
    assert not list(tmp_path.glob("*.svg"))
