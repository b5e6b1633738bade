from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluator.artifacts.store import ArtifactStore
from tests.unit.datasets.folders import WRITERS, WriteDataset, write_beir, write_decision_record


@pytest.fixture(params=sorted(WRITERS))
def write_dataset(request: pytest.FixtureRequest, tmp_path: Path) -> WriteDataset:
    """Writes a dataset in one format; a test that uses it runs once for each."""

    def write(**parts: Any) -> Path:
        return WRITERS[request.param](tmp_path / "dataset", **parts)

    return write


@pytest.fixture
def beir(tmp_path: Path) -> WriteDataset:
    """Writes a dataset in BEIR's format."""

    def write(**parts: Any) -> Path:
        return write_beir(tmp_path / "beir", **parts)

    return write


@pytest.fixture
def decision_record(tmp_path: Path) -> WriteDataset:
    """Writes a dataset in the decision record's format."""

    def write(**parts: Any) -> Path:
        return write_decision_record(tmp_path / "decision-record", **parts)

    return write


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "store"))
