"""One experiment for every fault: a lexical and a dense variant over a dataset of several shards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluator.domain.experiment import Experiment
from evaluator.settings import Settings
from tests.conftest import TOPICS, WriteDataset
from tests.integration.conftest import Row, experiment, run_experiment, stored_rows
from tests.integration.faults.faults import Faults

DOCUMENTS = [f"{a} and {b}, part {part}" for part in (1, 2) for a in TOPICS for b in TOPICS]
"""200 documents: four shards of a transformer."""
QUERIES = [f"{a} {b}" for a in TOPICS for b in TOPICS[:2]]
"""20 queries: one shard."""

Describe = Callable[..., Experiment]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home of the test's own; jobs are tried again at once, as the workers' environment says too."""
    return Settings(home=tmp_path / "home", workers=2, retry_intervals=(0,), redis_url=None)


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Workers that start in this test can be hurt."""
    return _hurtable(tmp_path / "faults", monkeypatch)


@pytest.fixture
def dataset(write_dataset: WriteDataset) -> Path:
    """A folder with 200 documents and 20 queries."""
    return write_dataset("made", DOCUMENTS, QUERIES, {q: {q * 10: 1} for q in range(len(QUERIES))})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """What looks like a saved transformer; hurtable workers encode with hashes instead."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "modules.json").write_text("[]")
    return folder


@pytest.fixture
def describe(dataset: Path, model: Path) -> Describe:
    """Describes an experiment; its variants are `bm25` and `dense` unless others are given."""

    def described(variants: dict[str, Any] | None = None, **fields: Any) -> Experiment:
        usual = {"bm25": {"bm25": {}}, "dense": {"dense": {"encoder": str(model)}}}
        return experiment(dataset, variants or usual, **{"queries_per_job": 2, **fields})

    return described


@pytest.fixture(scope="session")
def _rows() -> list[Row]:
    """Filled by the first test that asks for the undisturbed rows."""
    return []


@pytest.fixture
def undisturbed_rows(
    _rows: list[Row], tmp_path: Path, describe: Describe, monkeypatch: pytest.MonkeyPatch
) -> list[Row]:
    """The rows of the usual experiment when nothing happens to it."""
    if not _rows:
        undisturbed = Settings(home=tmp_path / "undisturbed", redis_url=None)
        with monkeypatch.context() as patch:
            _hurtable(tmp_path / "no-faults", patch)
            run_experiment(undisturbed, describe())
        _rows.extend(stored_rows(undisturbed))
    return _rows


def _hurtable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Faults:
    faults = Faults(folder)
    for name, value in faults.environment.items():
        monkeypatch.setenv(name, value)
    return faults
