"""Cases beside files and scores: what is said of a model's prompts, and links behind a proxy."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.parse import urljoin

from evaluator.domain.records import ExperimentRow
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.library import catalog
from evaluator.library.remarks import remarks
from evaluator.settings import Settings
from evaluator.ui.shell.downloads import address
from evaluator.workspace.workspace import Workspace
from tests.cases.case import beir
from tests.shapes.writing import write
from tests.unit.retrieval.encoders.test_resolve_encoder import save_model


def test_unused_prompts_are_said_beside_the_scores(tmp_path: Path) -> None:
    prompts = {"search_query": "q: ", "search_document": "d: "}
    model = save_model(tmp_path / "model", prompts=prompts)
    text = f"name: e\ndataset: bikes\nvariants: [{{name: v, retrieve: {{dense: {{encoder: {model}}}}}}}]"
    with Workspace.open_local(Settings(home=tmp_path / "home")) as library:
        row = catalog.import_folder(library, write(tmp_path / "bikes", beir()))
        spec = lifecycle.resolve_spec(library, parse_experiment(text), row, allow_paths=True)
        (encoder,) = spec.encoders.values()
        assert encoder.unused_prompts == tuple(prompts)
        (remark,) = remarks(library, spec)
    assert "search_query, search_document" in remark


def test_links_stay_below_the_path_of_a_proxy() -> None:
    experiment = cast("ExperimentRow", SimpleNamespace(id="e"))
    page = "https://host/evaluator/leaderboard"
    assert urljoin(page, address(experiment, "report")) == "https://host/evaluator/api/experiments/e/report"
