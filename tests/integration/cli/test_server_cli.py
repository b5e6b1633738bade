"""Commands against a server elsewhere: the whole way from files to a verdict, and no home folder is made here."""

from __future__ import annotations

import signal
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluator.analysis.leaderboard import COST_COLUMNS
from evaluator.errors import DatasetError, InvalidInputError, NotEvaluatedError, UnknownNameError
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset, write_beir
from tests.documents_alone import GOLDEN, NOTES
from tests.integration.conftest import (
    TIMEOUT,
    Commands,
    cli_command,
    cli_environment,
    experiment_yaml,
    free_port,
    served,
)

BM25 = {"production": {"bm25": {}}, "same": {"bm25": {"k1": 0.9}}, "wrong": {"bm25": {"stemmer": "none"}}}
GATE = ("--baseline", "production", "--max-loss", "0.01")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with a worker."""
    with served(tmp_path_factory.mktemp("server"), workers=1) as address:
        yield address


@pytest.fixture
def commands(
    server: str, in_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Commands]:
    """Commands that `EVALUATOR_SERVER` sends there; their own home stays absent."""
    monkeypatch.setenv("EVALUATOR_SERVER", server)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.chdir(tmp_path)
    yield Commands()
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / ".evaluator").exists()


def without_costs(board: dict[str, Any]) -> dict[str, Any]:
    """A leaderboard's record without what the server measures once an experiment has finished."""
    rows = [{name: row[name] for name in row.keys() - {*COST_COLUMNS}} for row in board["variants"]]
    return {**board, "variants": rows}


@pytest.fixture
def experiment_file(tmp_path: Path) -> Path:
    path = tmp_path / "look.yaml"
    path.write_text(experiment_yaml("tiny", BM25, name="look", measures=["nDCG@10", "RR@10"]))
    return path


def test_from_files_to_a_verdict(
    commands: Commands, server: str, write_dataset: WriteDataset, experiment_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnknownNameError, match=r"'tiny'.* run `evaluator dataset import PATH --server http"):
        commands.run("run", experiment_file)

    imported = commands.run("dataset", "import", write_dataset("tiny"), "--tag", "small")
    assert imported.exit_code == 0
    assert "tiny" in imported.stdout
    assert "warning: only 10 queries to score" in imported.stderr
    shown = commands.json("dataset", "show", "tiny")
    assert (shown["documents"], shown["tags"]) == (10, ["small"])
    assert shown["provenance"]["files"][0]["name"] == "corpus.jsonl"

    assert commands.json("plan", experiment_file)["to_evaluate"] == 30
    ran = commands.run("run", experiment_file)
    assert ran.exit_code == 0
    assert "30 queries to evaluate." in ran.stderr
    assert "look on tiny" in ran.stdout
    again = commands.run("run", experiment_file)
    assert "30 queries are recorded already and skipped." in again.stderr
    assert (again.exit_code, again.stdout) == (0, ran.stdout)
    boards = commands.json("run", experiment_file), commands.json("leaderboard", "look")
    assert without_costs(boards[0]) == without_costs(boards[1])

    assert commands.json("status", "look")["status"] == "finished"
    assert "is finished" in commands.run("status", "--follow").stdout
    assert commands.json("failures") == []
    assert commands.json("resume", "look")["experiment"]["status"] == "finished"
    assert [point["version"] for point in commands.json("history", "tiny")["points"]] == [1, 1, 1]
    files = commands.json("export", "look", "--format", "csv", "-o", tmp_path / "out")
    assert Path(files[0]).read_text().startswith("variant,query_id")

    gate = commands.run("gate", experiment_file, *GATE, "--variant", "same")
    assert gate.exit_code == 0
    assert gate.stdout.startswith("### Retrieval gate: passed\n")
    assert "| same | nDCG\\@10 | +0.0000 |" in gate.stdout
    recorded = commands.json("gate", "look", *GATE, "--measure", "RR@10", "--server", server)
    assert (recorded["measure"], recorded["compared"]) == ("RR@10", 10)

    commands.run("delete", "look", "--yes")
    commands.run("dataset", "export", "tiny", tmp_path / "tiny.zip")
    commands.run("dataset", "delete", "tiny", "--yes")
    back = commands.json("dataset", "import", tmp_path / "tiny.zip")
    assert back["fingerprint"] == shown["fingerprint"]
    commands.run("dataset", "delete", "tiny", "--yes")


def test_imports_under_one_name_are_its_versions(commands: Commands, write_dataset: WriteDataset) -> None:
    commands.run("dataset", "import", write_dataset("first"), "--name", "aero")
    second = write_dataset("second", qrels={0: {0: 1}})
    assert commands.json("dataset", "import", second, "--name", "aero")["version"] == 2
    assert commands.json("dataset", "import", second, "--name", "aero")["version"] == 2  # the same content


def test_a_question_is_asked_and_answered_as_here(commands: Commands, tmp_path: Path) -> None:
    notes, golden = tmp_path / "notes.csv", tmp_path / "golden.csv"
    notes.write_text(NOTES)
    golden.write_text(GOLDEN)
    with pytest.raises(DatasetError, match=r"notes\.csv: no queries were found.* --set queries=none"):
        commands.run("dataset", "import", notes)
    imported = commands.run("dataset", "import", notes, "--set", "queries=none")
    assert "warning: there are no queries yet" in imported.stderr
    added = commands.run("dataset", "add", "notes", golden)
    assert "warning: only 2 queries to score" in added.stderr
    typed = commands.json("dataset", "add", "notes", "--query", "How long does it rest?")
    assert (typed["added"], typed["dataset"]["version"], typed["dataset"]["queries"]) == (1, 3, 3)


def test_wrong_rows_are_refused_and_left_out_on_request(
    commands: Commands, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    folder = write_dataset("odd")
    with (folder / "corpus.jsonl").open("a") as corpus:
        corpus.write("not JSON\n")
    archive = tmp_path / "odd.zip"
    with zipfile.ZipFile(archive, "w") as files:
        for path in sorted(folder.rglob("*.*")):
            files.write(path, path.relative_to(folder))
    with pytest.raises(InvalidInputError, match=r"corpus\.jsonl"):
        commands.run("dataset", "import", archive)
    imported = commands.json("dataset", "import", archive, "--set", "repairs=[leave-out-rows]")
    assert (imported["name"], imported["documents"]) == ("odd", 10)


def test_hidden_files_stay_here_and_what_is_no_file_is_named(commands: Commands, tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "linked")
    (folder / ".DS_Store").write_bytes(b"\x00")
    assert "corpus.jsonl" in commands.json("dataset", "import", folder)["source"]
    (folder / "around").symlink_to(folder)
    with pytest.raises(DatasetError, match="leads back to a folder around it"):
        commands.run("dataset", "import", folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="there is no file in"):
        commands.run("dataset", "import", tmp_path / "empty")
    with pytest.raises(DatasetError, match="there is no file or folder absent"):
        commands.run("dataset", "import", "absent")


def test_what_makes_no_sense_is_said(commands: Commands, experiment_file: Path) -> None:
    for command in ("run", "plan"):
        with pytest.raises(InvalidInputError, match="a server has workers of its own"):
            commands.run(command, experiment_file, "--workers", "2")
    with pytest.raises(InvalidInputError, match=r"there is no experiment file absent\.yaml"):
        commands.run("gate", "absent.yaml", *GATE)
    with pytest.raises(UnknownNameError, match="no variant 'absent'; it has production, same, wrong"):
        commands.run("gate", experiment_file, "--baseline", "absent", "--max-loss", "0.01")
    with pytest.raises(InvalidInputError, match=r"does not compute AP@10; it computes nDCG@10, RR@10"):
        commands.run("gate", experiment_file, *GATE, "--measure", "AP@10")
    with pytest.raises(InvalidInputError, match="a stored experiment is not run"):
        commands.run("gate", "look", *GATE, "--workers", "2")
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NotEvaluatedError, match=f"the gate could not be evaluated: .* {nobody}"):
        commands.run("gate", "look", *GATE, "--server", nobody)
    with pytest.raises(InvalidInputError, match="is no address of a server"):
        commands.run("leaderboard", "--server", "evaluator.example.org")


def test_exit_codes_tell_a_regression_from_a_gate_that_could_not_be_evaluated(tmp_path: Path) -> None:
    """In a process of its own, as a job sees them; the database is a damaged one."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "evaluator.duckdb").write_bytes(b"damaged" * 1000)
    ended = {
        name: subprocess.run(
            cli_command("gate", "look", "--max-loss", "0.01", *arguments),
            env=cli_environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        for name, arguments in (("damaged", ("--baseline", "a")), ("wrong usage", ()))
    }
    assert ended["damaged"].returncode == 3
    assert "error: the gate could not be evaluated: " in ended["damaged"].stderr
    assert ended["wrong usage"].returncode == 2


def test_an_interrupted_command_leaves_the_experiment_running(
    tmp_path: Path, write_dataset: WriteDataset
) -> None:
    """No worker takes its jobs, so it runs until it is cancelled."""
    with Workspace.open_local(Settings(home=tmp_path / "server" / "home")):
        pass
    (tmp_path / "look.yaml").write_text(experiment_yaml("tiny", BM25, name="look"))
    environment = cli_environment(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "configuration")})

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            cli_command(*arguments, "--server", address),
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False,
        )  # fmt: skip

    with served(tmp_path / "server") as address:
        assert command("dataset", "import", str(write_dataset("tiny"))).returncode == 0
        running = subprocess.Popen(
            cli_command("run", "look.yaml", "--server", address),
            cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert running.stderr is not None
        said = running.stderr.readline()
        while "queries to evaluate" not in said:
            said += running.stderr.readline()
        running.send_signal(signal.SIGINT)
        said += running.communicate(timeout=TIMEOUT)[1]
        assert running.returncode == 130, said
        assert "Interrupted; the server continues with it." in said
        assert "is running" in command("status", "look").stdout
        assert "is cancelled" in command("cancel", "look").stderr
        gate = command("gate", "look", "--baseline", "production", "--max-loss", "0.01")
        assert (gate.returncode, gate.stdout) == (3, "")
        assert "'look' is cancelled; a gate needs a finished one" in gate.stderr
    assert not (tmp_path / "home").exists()
