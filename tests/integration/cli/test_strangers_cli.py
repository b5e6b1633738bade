"""What strangers wrote, by every command and in every file: no terminal acts on it, no spreadsheet computes it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from evaluator.cli import main, terminal
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.printable import FORMULA_STARTS
from evaluator.errors import EvaluatorError, ExperimentFileError, InvalidInputError
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.hostile import ESCAPES, IDS, NAME, VARIANTS, hostile_experiment, record_hostile, write_hostile
from tests.integration.conftest import Commands, cli_command, cli_environment

COLUMNS = (b"\x1b[31mid", b"=text")
"""Of a table; one that is a formula, and one that a terminal acts on."""


@pytest.fixture
def spec(tmp_path: Path, in_process: None) -> ExperimentSpec:
    """An experiment over a dataset, every string of either hostile, in a home of its own."""
    with Workspace.open_local(Settings(home=tmp_path / "home")) as workspace:
        return record_hostile(workspace, write_hostile(tmp_path / "hostile"))


def acted_on(text: str) -> set[str]:
    """What a terminal acts on, or hides, of what was printed."""
    return {sign for sign in text.replace("\n", "") if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp")}


def test_no_command_prints_what_a_terminal_acts_on(spec: ExperimentSpec, tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "corpus.csv").write_bytes(b",".join(COLUMNS) + b"\n" + b"d1,\x1b]0;x\x07\n")
    described = tmp_path / "experiment.yaml"
    described.write_text(hostile_experiment(NAME, b=0.1), encoding="utf-8")
    commands, out = Commands(), tmp_path / "out"
    for args in (
        ("leaderboard", spec.id), ("leaderboard", spec.id, "--baseline", VARIANTS[0]), ("failures", spec.id),
        ("history", NAME), ("plan", described), ("vectors", "list"),
        ("dataset", "list"), ("dataset", "show", NAME), ("dataset", "check", tmp_path / "hostile"),
        ("dataset", "check", strange),
        ("dataset", "export", NAME, tmp_path / "exported.zip"),
        ("export", spec.id, "--format", "csv", "-o", out),
        ("delete", spec.id, "--yes"), ("dataset", "delete", NAME, "--yes"),
    ):  # fmt: skip
        result = commands.run(*args)
        assert acted_on(result.output) == set(), args
        assert result.exit_code == (1 if strange in args else 0), args  # it was done, and printed


def test_no_text_is_markup_of_the_tables(spec: ExperimentSpec) -> None:
    assert "[bold red]r[/]" in Commands().run("leaderboard", spec.id).stdout
    assert ":smile:" in Commands().run("dataset", "show", NAME).stdout


def test_an_error_prints_no_more(
    in_process: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    for name in ESCAPES:
        monkeypatch.setattr(sys, "argv", ["evaluator", "dataset", "show", name])
        with pytest.raises(SystemExit):
            main.main()
        assert acted_on(capsys.readouterr().err) == set()


def test_json_holds_each_text_as_it_is(spec: ExperimentSpec) -> None:
    commands = Commands()
    failures = commands.json("failures", spec.id)
    assert {record["query_id"] for record in failures} == {IDS[0], IDS[4]}
    assert ESCAPES[0] in failures[0]["error"]
    printed = commands.run("failures", spec.id, "--json").stdout
    assert acted_on(printed) == set()


def test_spreadsheets_compute_nothing_and_programs_read_what_is(spec: ExperimentSpec, tmp_path: Path) -> None:
    commands, out = Commands(), tmp_path / "out"
    for format_ in ("csv", "parquet", "trec", "duckdb"):
        commands.run("export", spec.id, "--format", format_, "-o", out)
    with (out / "per_query.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert not any(cell.startswith(FORMULA_STARTS) for row in rows for cell in row)
    assert {row[0] for row in rows[1:]} == {VARIANTS[0], VARIANTS[1], f"'{VARIANTS[2]}"}
    exact = duckdb.execute(f"SELECT DISTINCT variant FROM '{out / 'per_query.parquet'}'").fetchall()
    assert {name for (name,) in exact} == set(VARIANTS[:3])
    with duckdb.connect(str(out / "experiment.duckdb"), read_only=True) as file:
        assert {*file.execute("SELECT query_id FROM queries").fetchall()} >= {(IDS[0],), (IDS[4],)}
    lines = (out / f"{VARIANTS[2]}.run").read_text(encoding="utf-8").splitlines()
    assert all(len(line.split(" ")) == 6 and line.endswith(f" {VARIANTS[2]}") for line in lines)


def test_a_download_explains_itself_in_plain_words(spec: ExperimentSpec, tmp_path: Path) -> None:
    Commands().run("dataset", "export", NAME, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        readme = archive.read("README.md").decode()
        about = json.loads(archive.read("dataset.json"))
    assert about["name"] == NAME
    assert (
        re.findall(r"(?<!\\)(?:<script|!\[|]\(|^[-+#=]|:smile:)", readme.partition("\n")[2], re.MULTILINE)
        == []
    )


@pytest.mark.parametrize("field", ["name", "encoder"])
def test_an_experiment_has_no_name_that_a_terminal_acts_on(field: str) -> None:
    from evaluator.experiments.file_reader import parse_experiment

    described: dict[str, Any] = {
        "name": "look", "dataset": "tiny",
        "variants": [{"name": "dense", "retrieve": {"dense": {"encoder": "organisation/model"}}}],
    }  # fmt: skip
    if field == "name":
        described["name"] = ESCAPES[0]
    else:
        described["variants"][0]["retrieve"]["dense"]["encoder"] = ESCAPES[1]
    with pytest.raises(ExperimentFileError, match="is not text without control characters"):
        parse_experiment(yaml.safe_dump(described))


@pytest.mark.parametrize("option", ["--name", "--tag"])
def test_a_dataset_has_neither(in_process: None, tmp_path: Path, option: str) -> None:
    with pytest.raises(InvalidInputError, match=r"printed|is no word"):
        Commands().run("dataset", "import", write_hostile(tmp_path / "hostile"), option, ESCAPES[0])


class TestStandardOutput:
    """Whoever reads it may leave, and it may take nothing."""

    @pytest.fixture(params=["closed", "full"])
    def output(self, request: pytest.FixtureRequest) -> Iterator[io.TextIOBase | None]:
        if request.param == "closed":
            yield None
            return
        full = Path("/dev/full")
        if not full.exists():
            pytest.skip("this system has no /dev/full")
        file = full.open("w")
        yield file
        with pytest.raises(OSError, match="space"):  # what it still holds
            file.close()

    def test_what_takes_nothing_is_one_sentence(
        self, output: io.TextIOBase | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", output)
            prints: list[Callable[[], None]] = [
                lambda: terminal.say("a line"),
                lambda: terminal.print_json([]),
                lambda: terminal.print_table("", ("column",), [("cell",)]),
            ]
            for each in prints:
                with pytest.raises(EvaluatorError, match=r"standard output (is closed|cannot be written)"):
                    each()

    def test_help_that_takes_nothing_is_one_sentence(self, tmp_path: Path) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("this system has no /dev/full")
        with Path("/dev/full").open("w") as full:
            ended = subprocess.run(
                cli_command("--help"), stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                env=cli_environment(tmp_path),
            )  # fmt: skip
        assert ended.returncode == 1
        assert ended.stderr.startswith("error: standard output cannot be used: No space left on device")

    def test_a_reader_who_leaves_ends_the_command_without_a_word(self, tmp_path: Path) -> None:
        read, write = os.pipe()
        os.close(read)
        ended = subprocess.run(
            cli_command("dataset", "list"), stdout=write, stderr=subprocess.PIPE, text=True, check=False,
            env=cli_environment(tmp_path),
        )  # fmt: skip
        os.close(write)
        assert (ended.returncode, ended.stderr) == (1, "")
