"""Datasets as files: a zip that imports to the same dataset, and CSV without formulas."""

from __future__ import annotations

import errno
import json
import zipfile
from pathlib import Path

import pytest

from evaluator.errors import InvalidInputError
from evaluator.library import catalog
from evaluator.library.download import export_beir, judgments_csv
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.documents_alone import store_alone

ODD = (
    'quoted "text"',
    "line\nbreaks\r\nand\ttabs",
    "\u2028 separators \x85",
    "=cmd()",
    "ünïcödé 🙂",
    "  spaces  ",
)


@pytest.mark.parametrize("exclude_self", [False, True])
def test_the_export_of_a_dataset_imports_to_the_same_dataset(
    library: Workspace, write_dataset: WriteDataset, tmp_path: Path, exclude_self: bool
) -> None:
    folder = write_dataset(documents=(*ODD, ""), queries=ODD, qrels={0: {0: 2, 5: -1}, 3: {9: 1}})
    with (folder / "queries.jsonl").open("a") as file:
        file.write('{"_id": "tagged", "text": "with tags", "tags": ["a b", ""]}\n')
    (folder / "dataset.json").write_text(json.dumps({"exclude_self": exclude_self}))
    (folder / "their best.run").write_text("q1 Q0 d1 1 0.1 x\nq1 Q0 d0 2 1e-7 x\nq0 Q0 d4 1 -3 x\n")
    row = catalog.import_folder(library, folder)
    assert row.manifest.exclude_self is exclude_self
    assert [run.name for run in row.manifest.runs] == ["their best"]
    path = tmp_path / "exported.zip"
    export_beir(library, row, path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "again")
    again = catalog.import_folder(library, tmp_path / "again", "again")
    assert (again.manifest, again.manifest.fingerprint) == (row.manifest, row.manifest.fingerprint)


def test_the_zip_describes_the_dataset(
    library: Workspace, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    catalog.import_folder(library, write_dataset())
    row = catalog.describe(library, "tiny", "About {braces} | and pipes.", ["aero"])
    export_beir(library, row, tmp_path / "tiny.zip")
    with zipfile.ZipFile(tmp_path / "tiny.zip") as archive:
        names, about = archive.namelist(), json.loads(archive.read("dataset.json"))
        readme = archive.read("README.md").decode()
    assert names == ["README.md", "dataset.json", "corpus.jsonl", "queries.jsonl", "qrels/test.tsv"]
    assert about == {
        "name": "tiny",
        "description": "About {braces} | and pipes.",
        "tags": ["aero"],
        "exclude_self": False,
        "provenance": about["provenance"],
    }
    files = [file["name"] for file in about["provenance"]["files"]]
    assert files == ["corpus.jsonl", "qrels/test.tsv", "queries.jsonl"]
    assert str(tmp_path) not in json.dumps(about)
    assert row.manifest.fingerprint in readme
    assert "About {braces}" in readme
    assert "| source | tiny |" in readme  # and not the folder's path, which is one of the server
    assert str(tmp_path) not in readme


def test_a_dataset_without_judgments_has_no_qrels_file(
    library: Workspace, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    row = catalog.import_folder(library, write_dataset(qrels={}))
    export_beir(library, row, tmp_path / "tiny.zip")
    with zipfile.ZipFile(tmp_path / "tiny.zip") as archive:
        assert "qrels/test.tsv" not in archive.namelist()


def test_a_failed_export_leaves_no_file(
    library: Workspace, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    row = catalog.import_folder(library, write_dataset())
    with pytest.raises(InvalidInputError, match="cannot be written"):
        export_beir(library, row, tmp_path / "nowhere" / "tiny.zip")
    library.store.local_path(f"queries/{row.manifest.queries}.parquet").unlink()
    before = set(tmp_path.iterdir())
    with pytest.raises(Exception, match="queries/"):
        export_beir(library, row, tmp_path / "tiny.zip")
    assert set(tmp_path.iterdir()) == before


def test_judgments_as_csv(library: Workspace, write_dataset: WriteDataset) -> None:
    row = catalog.import_folder(library, write_dataset(qrels={0: {1: -1, 2: 1}}))
    lines = judgments_csv(catalog.load(library, row)).splitlines()
    assert lines == ["query_id,doc_id,grade", "q0,d1,-1", "q0,d2,1"]


def test_a_read_error_is_not_reported_as_an_error_of_the_written_file(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = workspace.store.sizes("corpora")
    artifact = f"{workspace.store.url}/{name}"

    def refuse(_store: object, _name: str) -> Path:
        raise PermissionError(errno.EACCES, "Permission denied", artifact)

    monkeypatch.setattr("evaluator.artifacts.store.ArtifactStore.local_path", refuse)
    with pytest.raises(PermissionError, match=name):
        export_beir(workspace, catalog.find(workspace, "tiny"), tmp_path / "tiny.zip")
    assert not list(tmp_path.glob("*tiny.zip*"))


def test_the_export_of_documents_alone_imports_to_the_same_dataset(
    library: Workspace, tmp_path: Path
) -> None:
    """Only the description says that the empty file of queries is meant."""
    row = store_alone(library, tmp_path / "notes")
    export_beir(library, row, tmp_path / "exported.zip")
    with zipfile.ZipFile(tmp_path / "exported.zip") as archive:
        assert json.loads(archive.read("dataset.json"))["documents_alone"] is True
        archive.extractall(tmp_path / "again")
    again = catalog.import_folder(library, tmp_path / "again")
    assert (again.manifest, again.manifest.fingerprint) == (row.manifest, row.manifest.fingerprint)

    (tmp_path / "again" / "queries.jsonl").write_text('{"_id": "q1", "text": "what lifts a wing"}\n')
    assert catalog.import_folder(library, tmp_path / "again").manifest.n_queries == 1
    (tmp_path / "again" / "queries.jsonl").write_text("")
    (tmp_path / "again" / "dataset.json").unlink()
    with pytest.raises(InvalidInputError, match="no queries"):
        catalog.import_folder(library, tmp_path / "again")
