"""Where things lie on the server's machine: commands say it, REST and pages do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rq import serializers
from rq_dashboard import web

from evaluator.api.dashboard import dashboard
from evaluator.domain.access import MAIN
from evaluator.domain.result import QueryResult, VariantFailure
from evaluator.errors import ArtifactNotWrittenError
from evaluator.experiments.overview import failures
from evaluator.library import catalog
from evaluator.remote.local import LocalInstance
from evaluator.settings import Settings
from evaluator.store import datasets, experiments, results
from evaluator.ui.shell.words import sentence
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.workspace import Workspace, serve, serving
from tests.conftest import WriteDataset
from tests.unit.api.conftest import Api
from tests.unit.finished import finished

PARTS = ("/api/datasets", "/api/datasets/tiny", "/api/experiments", "/api/experiments/last")


def test_of_an_imported_folder_others_learn_the_name_alone(
    api: Api, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    folder = write_dataset()
    catalog.import_folder(serving(), folder)
    listed, details = api("GET", "/api/datasets"), api("GET", "/api/datasets/tiny")
    assert str(tmp_path) not in listed.text + details.text
    assert listed.json()[0]["source"] == "tiny"
    assert details.json()["versions"][0]["source"] == "tiny"
    sent = {"name": "again", "fingerprint": listed.json()[0]["fingerprint"], "source": str(folder)}
    assert api("POST", "/api/datasets", json=sent).json()["source"] == "tiny"
    local = LocalInstance(serving())
    assert local.datasets()[0]["source"] == str(folder)
    assert local.dataset("tiny")["versions"][0]["source"] == str(folder)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("hf:organisation/name", "hf:organisation/name"), ("upload: a/b.jsonl", "upload: a/b.jsonl"),
        ("ir_datasets:beir/scifact", "ir_datasets:beir/scifact"), ("/srv/data/my set", "my set"),
    ],
)  # fmt: skip
def test_where_else_a_dataset_comes_from_is_said(
    api: Api, write_dataset: WriteDataset, source: str, shown: str
) -> None:
    manifest = catalog.import_folder(serving(), write_dataset()).manifest
    datasets.save_dataset(serving().database, MAIN, "other", manifest, source)
    assert api("GET", "/api/datasets/other").json()["source"] == shown


def test_an_error_names_the_setting_and_not_the_folder(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = serving().settings

    def full(*_: object) -> Any:
        raise ArtifactNotWrittenError(f"nothing can be written in {settings.artifacts_url}/tmp, make room")

    monkeypatch.setattr(catalog, "all_datasets", full)
    answer = api("GET", "/api/datasets")
    assert (answer.status_code, answer.json()) == (
        503, {"error": "nothing can be written in EVALUATOR_ARTIFACTS/tmp, make room"}
    )  # fmt: skip
    for problem in (f"{settings.database_path} is damaged", f"there is no {Path.home() / '.cache' / 'x'}"):
        assert without_paths(problem) in (
            "EVALUATOR_HOME/evaluator.duckdb is damaged",
            "there is no ~/.cache/x",
        )
    assert sentence(ArtifactNotWrittenError(f"no {settings.home_path}")) == "No EVALUATOR\\_HOME"


def test_health_and_recorded_errors_name_none(api: Api, write_dataset: WriteDataset, tmp_path: Path) -> None:
    workspace = serving()
    catalog.import_folder(workspace, write_dataset())
    spec = finished(workspace, "tiny", {"bm25": {"q0": ["d0"]}, "other": {}})
    said = f"FileNotFoundError: {workspace.settings.home_path}/artifacts/x"
    results.record(
        workspace.database,
        [QueryResult(spec.id, "bm25", "q1", error=said), VariantFailure(spec.id, "other", said)],
    )
    workspace.settings.database_path.unlink()
    texts = [api("GET", path).text for path in (*PARTS, "/api/health", "/api/health/ready", "/api/metrics")]
    texts += [str(failures(workspace, experiments.experiment(workspace.database, spec.id)).to_dict())]
    assert str(tmp_path) not in "".join(texts)
    assert "EVALUATOR_HOME/evaluator.duckdb was removed" in texts[4]
    assert "EVALUATOR_ARTIFACTS/x" in texts[3]
    assert "EVALUATOR_ARTIFACTS/x" in texts[-1]


def test_folders_are_known_by_whole_names(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Workspace.open_local(Settings(home=home)) as workspace:
        assert without_paths(f"{home}/x") == f"{home}/x"  # this process is a command
        with serve(workspace):
            assert (
                without_paths(f"'{home}': {home}/x, {home}")
                == "'EVALUATOR_HOME': EVALUATOR_HOME/x, EVALUATOR_HOME"
            )
            assert "EVALUATOR_HOME" not in without_paths(f"{home}-2 /x{home}")
            assert without_paths("a/b and 1/2") == "a/b and 1/2"


def test_the_dashboard_names_no_folder_of_the_queue(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "escape_format_instance_list", web.escape_format_instance_list)
    monkeypatch.setattr(serializers, "PickleSerializer", serializers.PickleSerializer)
    settings = serving().settings
    dashboard(settings)
    (shown,) = web.escape_format_instance_list(())
    assert shown == f"unix://the queue's folder/{settings.valkey_socket.name}"
