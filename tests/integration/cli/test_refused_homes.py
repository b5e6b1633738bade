"""Homes and databases that cannot be used: every command says so in one sentence, and changes nothing."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer

from evaluator.cli.main import app
from evaluator.store.file.database import Database
from tests.conftest import ROOT, WriteDataset
from tests.integration.conftest import cli_environment, experiment_yaml
from tests.privileges import without_privileges

DATABASE = "home/evaluator.duckdb"

COMMANDS: dict[str, Sequence[str]] = {
    "demo": (), "up": (), "run": ("toy.yaml",), "plan": ("toy.yaml",), "resume": (), "delete": ("toy", "--yes"),
    "failures": (), "costs": (), "leaderboard": (), "history": ("toy",), "report": (), "figure": ("scores",),
    "export": ("toy", "--format", "csv", "-o", "out"), "dataset import": ("tiny",), "dataset list": (),
    "dataset add": ("toy", "tiny"),
    "dataset show": ("toy",), "dataset export": ("toy", "toy.zip"), "dataset delete": ("toy", "--yes"),
    "account list": (), "account invite": ("ann",), "account reset": ("ann",), "account change": ("ann", "--close"),
    "account add-admin": ("ann", "--password-stdin"), "project list": (), "project add": ("web",),
    "project remove": ("web",), "project show": ("web",), "share make": (), "share list": (), "share revoke": ("x",),
    "project change": ("web", "--running", "2"),
    "status": (), "vectors list": (), "vectors prune": ("--limit", "0"), "doctor": (), "backup": ("saved.tar",),
}  # fmt: skip
"""Those that use the home folder and its database, and what they are called with."""

SOME = {command: COMMANDS[command] for command in ("run", "up", "dataset list", "doctor")}

OTHERS = {
    "worker",
    "cancel",
    "dataset check",
    "dead-letters list",
    "dead-letters drop",
    "login",
    "logout",
    "gate",
    "restore",
}
"""They want a queue, a running instance, a home without a database, or none of them.

The gate ends with another code (test_server_cli.py)."""

RUN_ALL = """
import contextlib, io, json, os, sys
from evaluator.cli import main as cli
said = {}
for home, (command, arguments) in json.loads(sys.argv[1]):
    os.environ["EVALUATOR_HOME"] = home
    sys.argv[1:] = [*command.split(), *arguments]
    out, errors, code = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        except BaseException as error:
            errors.write(f"Traceback: {error!r}")
    said[f"{command} in {home}"] = {"code": code, "out": out.getvalue(), "errors": errors.getvalue()}
print(json.dumps(said))
"""


def commands(command: Any, name: str = "") -> Iterator[str]:
    if not hasattr(command, "commands"):
        yield name.strip()
        return
    for part, inner in command.commands.items():
        yield from commands(inner, f"{name} {part}")


def test_no_command_is_left_out() -> None:
    assert set(commands(typer.main.get_command(app))) == {*COMMANDS, *OTHERS}


@pytest.fixture
def folder(tmp_path: Path, write_dataset: WriteDataset) -> Path:
    """A folder with a dataset, an experiment file, and a home with an empty database."""
    write_dataset("tiny")
    (tmp_path / "toy.yaml").write_text(experiment_yaml("tiny", {"bm25": {"bm25": {}}}))
    Database(tmp_path / DATABASE).close()
    return tmp_path


def run_all(
    folder: Path,
    called: Mapping[str, Sequence[str]] = COMMANDS,
    homes: Sequence[str] = ("home",),
    before: Sequence[str] = (),
    **environment: str,
) -> dict[str, dict[str, Any]]:
    """What each command says in each home, one after the other in one process."""
    runs = [(home, run) for home in homes for run in called.items()]
    ran = subprocess.run(
        [*before, sys.executable, "-c", RUN_ALL, json.dumps(runs)],
        cwd=folder,
        env={**cli_environment(folder, environment), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    outputs: dict[str, dict[str, Any]] = json.loads(ran.stdout)
    return outputs


def require_one_sentence(outputs: dict[str, dict[str, Any]], sentence: str) -> None:
    """Every command ends with it; the doctor prints it as a finding."""
    for command, ended in outputs.items():
        assert "Traceback" not in ended["errors"], (command, ended["errors"])
        assert ended["code"] in {1, 2}, (command, ended)
        if command.startswith("doctor in"):
            assert "WRONG" in ended["out"]
            continue
        remarks = ended["errors"].splitlines()
        assert [line for line in remarks if line.startswith("error: ")] == remarks[-1:], (command, remarks)
        assert sentence in remarks[-1], (command, remarks)
        assert ended["out"] == ""


def test_a_damaged_database(folder: Path) -> None:
    (folder / DATABASE).write_bytes(damaged := random.Random(1).randbytes(50_000))
    require_one_sentence(run_all(folder), "cannot be opened: The file")
    assert (folder / DATABASE).read_bytes() == damaged


def test_a_newer_versions_database(folder: Path) -> None:
    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.execute("INSERT INTO migrations (number, version) VALUES (99, '7.1.0')")
    newer = (folder / DATABASE).read_bytes()
    outputs = run_all(folder, SOME)
    require_one_sentence(outputs, "was used by a newer version of this software (7.1.0) than")
    assert (folder / DATABASE).read_bytes() == newer


def test_a_home_that_may_not_be_written(folder: Path) -> None:
    before = sorted((folder / "home").rglob("*"))
    (folder / "home").chmod(0o500)
    try:
        outputs = run_all(folder, before=without_privileges())
    finally:
        (folder / "home").chmod(0o700)
    require_one_sentence(outputs, f"the home folder {folder / 'home'} cannot be written by this user")
    assert sorted((folder / "home").rglob("*")) == before


NO_HOMES = {
    "toy.yaml": "toy.yaml cannot be made (File exists); set EVALUATOR_HOME to a folder",
    "toy.yaml/home": "toy.yaml/home cannot be made (Not a directory); set EVALUATOR_HOME",
    "circle": "names no folder",
    "~nobody-of-this-name/home": "names no folder",
    "n" * 300: "File name too long",
    "bytes \udcff": "names no folder ('utf-8' codec can't encode",
}


def test_a_home_that_cannot_be_made(folder: Path) -> None:
    (folder / "circle").symlink_to("circle")
    outputs = run_all(folder, SOME, [*NO_HOMES])
    for home, sentence in NO_HOMES.items():
        require_one_sentence(
            {run: ended for run, ended in outputs.items() if run.endswith(f" in {home}")}, sentence
        )


def test_a_file_where_a_folder_of_the_home_should_be(folder: Path) -> None:
    (folder / "home" / "logs").touch()
    outputs = run_all(folder, {"run": ("toy.yaml",)})
    require_one_sentence(
        outputs, f"{folder / 'home' / 'logs'} cannot be used: File exists; mend that and try again"
    )


def test_an_empty_variable_is_one_that_is_not_set(folder: Path) -> None:
    """The home is not the current folder, and the queue no other one."""
    only = {"dataset import": ("tiny",), "plan": ("toy.yaml",)}
    empty = {"REDIS_URL": "", "EVALUATOR_WORKERS": "", "EVALUATOR_LOG_LEVEL": ""}
    before = {*folder.iterdir()}
    outputs = run_all(folder, only, homes=[""], **empty)
    assert [ended["code"] for ended in outputs.values()] == [0, 0], outputs
    assert {*folder.iterdir()} - before == {folder / ".evaluator"}
