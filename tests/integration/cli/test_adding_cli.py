"""The command that adds queries and judgments to a dataset, and what datasets without queries are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.errors import DatasetError, InvalidInputError
from tests.documents_alone import GOLDEN, NOTES
from tests.integration.conftest import Commands


@pytest.fixture
def commands(in_process: None) -> Commands:
    """The dataset commands."""
    return Commands("dataset")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A file of documents."""
    path = tmp_path / "notes.csv"
    path.write_text(NOTES)
    return path


@pytest.fixture
def alone(commands: Commands, notes: Path) -> str:
    """The name of a dataset without queries."""
    imported = commands.json("import", notes, "--set", "queries=none")
    assert (imported["documents"], imported["queries"], imported["judgments"]) == (10, 0, 0)
    return str(imported["name"])


def test_documents_alone_are_a_dataset_only_if_a_person_says_so(commands: Commands, notes: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"no queries were found.* and add queries later: --set queries=none"
    ):
        commands.run("import", notes)
    assert "question: no queries were found" in commands.run("check", notes).stdout
    checked = commands.run("check", notes, "--set", "queries=none")
    assert checked.exit_code == 0
    assert "warning: there are no queries yet\n  experiments need queries; add some" in checked.stdout
    imported = commands.run("import", notes, "--set", "queries=none")
    assert "warning: there are no queries yet" in imported.stderr
    assert "note: there are no queries yet: experiments need some\n" in commands.run("show", "notes").stdout


def test_a_file_of_questions_and_expected_documents_is_added(
    commands: Commands, alone: str, tmp_path: Path
) -> None:
    golden = tmp_path / "golden.csv"
    golden.write_text(GOLDEN)
    added = commands.run("add", alone, golden)
    assert "warning: only 2 queries to score" in added.stderr
    shown = commands.json("show", alone)
    assert (shown["version"], shown["queries"], shown["judgments"]) == (2, 2, 2)
    assert shown["versions"][0]["change"] == "2 queries and 2 judgments added from files"
    assert shown["source"] == str(tmp_path / "notes.csv")
    with pytest.raises(DatasetError, match="the files add nothing"):
        commands.run("add", alone, golden)
    assert commands.json("show", alone)["version"] == 2


def test_queries_are_added_by_their_texts(commands: Commands, alone: str) -> None:
    asked = ("--query", "what lifts a wing", "--query", "what heats a body")
    added = commands.json("add", alone, *asked, "--note", "from tickets")
    assert (added["added"], added["dataset"]["queries"]) == (2, 2)
    assert commands.json("show", alone)["versions"][0]["change"] == "2 queries added: from tickets"
    again = commands.run("add", alone, *asked[:2])
    assert "0 of 1 are new." in again.stderr


def test_either_a_file_or_queries(commands: Commands, alone: str, notes: Path) -> None:
    for given in ((), (notes, "--query", "what lifts a wing")):
        with pytest.raises(
            InvalidInputError, match="give either a file with queries or judgments, or --query"
        ):
            commands.run("add", alone, *given)
    with pytest.raises(InvalidInputError, match="no dataset is called 'gone'"):
        commands.run("add", "gone", "--query", "what lifts a wing")


def test_an_export_without_queries_imports_as_the_same_dataset(
    commands: Commands, alone: str, tmp_path: Path
) -> None:
    archive = tmp_path / "exported.zip"
    commands.run("export", alone, archive)
    back = commands.json("import", archive, "--name", "back")
    assert back["fingerprint"] == commands.json("show", alone)["fingerprint"]


def test_an_experiment_needs_queries(commands: Commands, alone: str, tmp_path: Path) -> None:
    experiment = tmp_path / "look.yaml"
    experiment.write_text(
        f"name: look\ndataset: {alone}\nmeasures: [nDCG@10]\n"
        "variants:\n- name: bm25\n  retrieve: {bm25: {}}\n"
    )
    with pytest.raises(InvalidInputError, match="'notes' has no queries yet; add some on its page, or with"):
        Commands("run").run(experiment)
