"""The dataset commands: every example, a way back, exit codes, and beside a running instance."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from evaluator.cli.datasets import default_name
from evaluator.datasets.staging.gathering import link_files
from evaluator.datasets.staging.importing import import_dataset
from evaluator.domain.dataset import DatasetManifest
from evaluator.errors import DatasetError, InvalidInputError
from evaluator.settings import Settings
from evaluator.uploads.examination import STEPS
from evaluator.uploads.folder import READING, RECOGNISED, STAGED, UploadFolder
from evaluator.workspace.workspace import Workspace
from tests.conftest import ROOT, WriteDataset
from tests.integration.conftest import Cli, Commands, served

EXAMPLES = sorted(path for path in (ROOT / "data").iterdir() if path.is_dir())
LIMIT = 10_000_000


@pytest.fixture
def commands(in_process: None) -> Commands:
    """The dataset commands."""
    return Commands("dataset")


def uploaded_fingerprint(files: Path, folder: Path) -> str:
    """The fingerprint of the dataset that an upload of the same files becomes."""
    upload = UploadFolder(folder)
    link_files(files, upload.files)
    STEPS["recognise"](upload, LIMIT)
    recognised = upload.read(RECOGNISED)
    upload.write(READING, {"reading": recognised["reading"], "exclude_self": False})
    STEPS["check"](upload, LIMIT)
    return DatasetManifest.from_json(upload.read(STAGED)["manifest"]).fingerprint


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_the_same_dataset_whichever_way_it_comes(
    commands: Commands, example: Path, tmp_path: Path
) -> None:
    imported = commands.json("import", example)
    assert imported["name"] == example.name
    assert imported["fingerprint"] == uploaded_fingerprint(example, tmp_path / "upload")
    assert commands.json("show", example.name)["fingerprint"] == imported["fingerprint"]


def test_examples_with_the_same_content_are_one_dataset(commands: Commands, tmp_path: Path) -> None:
    names = ("beir", "csv", "decision-record", "excel", "json", "parquet", "tsv")
    assert len({commands.json("import", ROOT / "data" / name)["fingerprint"] for name in names}) == 1


@pytest.mark.parametrize("given", [(), ("--exclude-self",)])
def test_what_was_exported_imports_as_the_same_dataset(
    commands: Commands, tmp_path: Path, given: tuple[str, ...]
) -> None:
    there = commands.json("import", ROOT / "data" / "beir", "--name", "notes", *given)
    archive = tmp_path / "notes.zip"
    assert commands.run("export", "notes", archive).stdout == f"{archive}\n"
    back = commands.json("import", archive, "--name", "back")
    assert (back["fingerprint"], back["exclude_self"]) == (there["fingerprint"], bool(given))
    with pytest.raises(InvalidInputError, match="is there already"):
        commands.run("export", "notes", archive)


def test_a_dataset_is_described_listed_shown_and_deleted(commands: Commands) -> None:
    commands.run(
        "import", ROOT / "data" / "csv", "--name", "notes", "--description", "Sourdough.", "--tag", "a"
    )
    assert [record["name"] for record in commands.json("list")] == ["notes"]
    shown = commands.run("show", "notes").stdout
    assert "Sourdough." in shown
    assert "used by: no experiment" in shown
    assert commands.run("delete", "notes", answer="n\n").exit_code == 1
    assert commands.run("delete", "notes", answer="y\n").exit_code == 0
    assert commands.json("list") == []


def test_a_check_says_what_was_recognised_and_how_it_is(commands: Commands, tmp_path: Path) -> None:
    checked = commands.json("check", ROOT / "data" / "csv")
    assert checked.keys() == {"reading", "tables", "report", "problems", "doubts", "unused"}
    assert (checked["report"]["n_documents"], checked["problems"]) == (10, [])
    output = commands.run("check", ROOT / "data" / "csv").stdout
    assert "10 documents, 10 queries, 19 judgments" in output
    assert not (tmp_path / "home" / "evaluator.duckdb").exists()


def test_a_reading_that_was_corrected_is_used(commands: Commands, tmp_path: Path) -> None:
    table = tmp_path / "odd.csv"
    table.write_text("frage,antwort\nWarum?,Darum.\nWer?,Der da.\n")
    assert commands.run("check", table).exit_code == 1
    with pytest.raises(DatasetError, match="Say with --reading how the files are read"):
        commands.run("import", table)
    here = {"file": "odd.csv", "kind": "csv"}
    reading = {
        "corpus": {"table": here, "text": ["antwort"]},
        "queries": {"table": here, "text": "frage"},
        "qrels": {
            "table": here, "query": "frage", "query_by": "text", "document": "antwort", "document_by": "text",
        },
    }  # fmt: skip
    written = tmp_path / "reading.yaml"
    written.write_text(yaml.safe_dump(reading))
    assert commands.json("import", table, "--reading", written)["judgments"] == 2
    written.write_text(json.dumps(commands.json("check", table, "--reading", written)))  # all that it printed
    assert commands.json("import", table, "--reading", written, "--name", "again")["judgments"] == 2
    written.write_text("[")
    with pytest.raises(InvalidInputError, match=r"the reading .* cannot be read"):
        commands.run("check", table, "--reading", written)


def test_imports_under_one_name_are_its_versions(commands: Commands, write_dataset: WriteDataset) -> None:
    commands.run("import", write_dataset("first"), "--name", "aero")
    second = write_dataset("second", qrels={0: {0: 1}})
    assert commands.json("import", second, "--name", "aero")["version"] == 2
    assert commands.json("import", second, "--name", "aero")["version"] == 2  # the same content


def test_a_dataset_says_where_it_comes_from(commands: Commands, write_dataset: WriteDataset) -> None:
    folder = write_dataset("aero")
    commands.run("import", folder)
    record = commands.json("show", "aero")["provenance"]
    corpus = (folder / "corpus.jsonl").read_bytes()
    assert record["version_imported"] == 1
    assert record["files"][0] == {
        "name": "corpus.jsonl",
        "bytes": len(corpus),
        "sha256": hashlib.sha256(corpus).hexdigest(),
    }
    shown = commands.run("show", "aero").stdout
    assert "Documents: corpus.jsonl (text: text, id: _id, title: title)." in shown
    assert "3 files were read." in shown


def test_bad_rows_are_left_out_on_request(
    commands: Commands, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    folder = write_dataset("aero")
    with (folder / "corpus.jsonl").open("a") as corpus:
        corpus.write("not JSON\n")
    checked = commands.json("check", folder)
    (finding,) = [f for f in checked["report"]["findings"] if f["severity"] == "blocking"]
    assert finding["repair"] == "leave-out-rows"
    assert "--set repairs=[leave-out-rows]" in commands.run("check", folder).stdout
    chosen = tmp_path / "reading.json"
    chosen.write_text(json.dumps({**checked["reading"], "repairs": ["leave-out-rows"]}))
    imported = commands.run("import", folder, "--reading", chosen)
    # 11 documents, 10 queries, 10 judgments
    assert (
        "warning: left out: 1 of 31 documents, queries and judgments, which cannot be read" in imported.stderr
    )
    assert "left-out-rows" in [note["code"] for note in commands.json("show", "aero")["provenance"]["notes"]]


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("data/beir", "beir"),
        ("/downloads/my notes.tar.gz", "my notes"),
        ("hf:BeIR/scifact@main", "BeIR-scifact"),
        ("ir_datasets:beir/arguana/test", "beir-arguana-test"),
    ],
)
def test_a_dataset_is_called_like_what_it_comes_from(origin: str, name: str) -> None:
    assert default_name(origin) == name


def test_exit_codes(cli: Cli, write_dataset: WriteDataset, tmp_path: Path) -> None:
    folder = write_dataset("broken")
    with (folder / "corpus.jsonl").open("a") as corpus:
        corpus.write("not JSON\n")
    checked = cli("dataset", "check", folder)
    assert checked.returncode == 1
    assert "corpus.jsonl:11" in checked.stdout
    imported = cli("dataset", "import", folder)
    assert (imported.returncode, imported.stdout) == (2, "")
    assert "corpus.jsonl:11" in imported.stderr
    assert "Traceback" not in imported.stderr
    assert [*(tmp_path / "home" / "uploads").iterdir()] == []
    assert not (tmp_path / "home" / "artifacts").exists()


def test_commands_work_beside_a_running_instance(
    commands: Commands, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    """The instance owns the database; it is found by the home folder."""
    with served(tmp_path):
        imported = commands.json("import", write_dataset("tiny"), "--name", "a name", "--tag", "aero")
        assert (imported["name"], imported["documents"], imported["tags"]) == ("a name", 10, ["aero"])
        assert commands.json("show", "a name")["provenance"]["n_files"] == 3
        assert commands.json("list") == [imported]
        assert commands.json("show", "a name")["fingerprint"] == imported["fingerprint"]
        archive = tmp_path / "back.zip"
        commands.run("export", "a name", archive)
        store = Workspace.open_local(Settings(home=tmp_path / "elsewhere")).store
        assert import_dataset(archive, store).fingerprint == imported["fingerprint"]
        with pytest.raises(InvalidInputError, match="no dataset is called 'another'"):
            commands.run("delete", "another", "--yes")
        assert commands.run("delete", "a name", "--yes").exit_code == 0
        assert commands.json("list") == []
    assert commands.json("list") == []  # the database is free again
