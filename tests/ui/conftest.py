"""Pages over a real database, artifact store and Valkey, in the test's own folder, without server or worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Button

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures.scoring import JUDGED
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.jobs.processes.supervisor import Supervisor
from evaluator.library import catalog
from evaluator.location import app_folder
from evaluator.settings import Settings
from evaluator.store import results
from evaluator.workspace.workspace import Workspace, serve
from tests.conftest import WriteDataset
from tests.recorded import begin

FRAME = app_folder() / "pages" / "_frame.py"
N_QUERIES = 10
"""Of the dataset `tiny` (tests/conftest.py)."""

BM25: Mapping[str, Any] = {"bm25": {}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("ui")


@pytest.fixture(scope="session", autouse=True)
def _components_are_found_once() -> Iterator[None]:
    """Every drawing by AppTest would read the metadata of all installed packages, to look for components in them."""
    found = manifest_scanner.scan_component_manifests()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda: found)
        yield


@pytest.fixture(autouse=True)
def _asked_from_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest has no connection; what it gives for the address is none."""
    monkeypatch.setattr(ContextProxy, "ip_address", None)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An embedded Valkey for all tests of the session; each empties it."""
    settings = Settings(home=tmp_path_factory.mktemp("valkey"), redis_url=None)
    with Supervisor(settings) as supervisor:
        supervisor.add_valkey()
        yield settings


@pytest.fixture
def workspace(home: Path, valkey: Settings) -> Iterator[Workspace]:
    """The workspace that pages are served from."""
    Redis.from_url(valkey.queue_url).flushdb()
    settings = Settings(home=home, redis_url=valkey.queue_url, workers=2)
    with Workspace.open(settings) as opened, serve(opened):
        yield opened


@pytest.fixture
def no_queue(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose queue does not answer."""
    settings = Settings(home=tmp_path / "home", redis_url=f"unix://{tmp_path / 'nobody.sock'}")
    with Workspace.open_local(settings) as opened, serve(opened):
        opened.queue = Redis.from_url(settings.queue_url)
        yield opened


def open_page(name: str, **address: str) -> AppTest:
    """A page as somebody sees who opens its address, drawn inside the frame."""
    app = AppTest.from_file(str(FRAME), default_timeout=60)
    app.query_params.update(address)
    return app.switch_page(f"{name}.py").run()


def text_of(app: AppTest) -> str:
    """Everything that is written on a page, badges and messages included."""
    blocks = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning, app.info, app.code)
    written = [element.value for elements in blocks for element in elements]
    progress = [element.text for element in app.get("progress") if not isinstance(element, Block)]
    return "\n".join(str(part) for part in (*written, *labels(app, "page_link"), *progress))


def labels(app: AppTest, kind: str) -> list[str]:
    """What the elements of a kind are called."""
    return [str(element.label) for element in app.get(kind) if not isinstance(element, Block)]


def button(app: AppTest, label: str) -> Button:
    """The button of that label."""
    return next(found for found in app.button if found.label == label)


AddExperiment = Callable[..., ExperimentSpec]


@pytest.fixture
def add_experiment(write_dataset: WriteDataset) -> AddExperiment:
    """Records that an experiment over the dataset `tiny` is submitted; enqueues nothing."""

    def add(
        workspace: Workspace,
        *variants: str,
        name: str = "look",
        dataset: str = "tiny",
        retrieve: Mapping[str, Any] = BM25,
    ) -> ExperimentSpec:
        if dataset not in {row.name for row in catalog.all_datasets(workspace)}:
            catalog.import_folder(workspace, write_dataset(dataset))
        described = yaml.safe_dump(
            {
                "name": name,
                "dataset": dataset,
                "measures": ["nDCG@10", "RR@10"],
                "variants": [{"name": variant, "retrieve": dict(retrieve)} for variant in variants],
            }
        )
        row = catalog.find(workspace, dataset)
        spec = lifecycle.resolve_spec(workspace, parse_experiment(described), row, allow_paths=False)
        begin(workspace.database, spec, row.name, row.manifest.n_queries)
        return spec

    return add


def record(
    workspace: Workspace,
    spec: ExperimentSpec,
    variant: str,
    ndcg: float,
    *,
    rr: float = 0.5,
    n: int = N_QUERIES,
    failed: int = 0,
    unscored: int = 0,
) -> None:
    """Record `n` queries of a variant: the first ones failed, the next ones without a relevant document."""
    ranking = Ranking(("d1", "d0"), (2.0, 1.0))
    measures = {"nDCG@10": ndcg, "RR@10": rr, JUDGED: 0.1}
    rows = []
    for number in range(n):
        if number < failed:
            rows.append(QueryResult(spec.id, variant, f"q{number}", error="ValueError: vector of zeros"))
            continue
        values = {} if number < failed + unscored else measures
        rows.append(QueryResult(spec.id, variant, f"q{number}", ranking, values, 0.002))
    results.record(workspace.database, rows)
