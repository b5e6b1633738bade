from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.stored import StoredDataset
from tests.unit.datasets.folders import write_decision_record

MakeDataset = Callable[..., StoredDataset]


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "store"))


@pytest.fixture
def make_dataset(store: ArtifactStore, tmp_path_factory: pytest.TempPathFactory) -> MakeDataset:
    """Imports a dataset from its texts; documents are d0, d1 ... and queries q0, q1 ..."""

    def make(documents: Sequence[str], queries: Sequence[str] = ("a query",)) -> StoredDataset:
        folder = write_decision_record(
            tmp_path_factory.mktemp("dataset") / "folder",
            documents=[(f"d{n}", text) for n, text in enumerate(documents)],
            queries=[(f"q{n}", text) for n, text in enumerate(queries)],
            judgments=[("q0", "d0", 1)],
        )
        return StoredDataset.open(store, import_dataset(folder, store).fingerprint)

    return make
