from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from evaluator.services import datasets
from evaluator.services.workspace import Workspace
from evaluator.settings import Settings
from tests.conftest import WriteDataset


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Workspace]:
    """A database and an artifact store, without a queue."""
    with Workspace.open_local(Settings(home=tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def workspace(tmp_path: Path, write_dataset: WriteDataset) -> Iterator[Workspace]:
    """A workspace without a queue, for two workers, with the dataset `tiny`: ten documents, ten queries."""
    with Workspace.open_local(Settings(home=tmp_path / "home", workers=2)) as opened:
        datasets.import_folder(opened, write_dataset())
        yield opened


@pytest.fixture
def queued(tmp_path: Path, write_dataset: WriteDataset, valkey: Settings) -> Iterator[Workspace]:
    """A workspace with a queue and a recorder, without workers, with the dataset `tiny`."""
    Redis.from_url(valkey.queue_url).flushdb()
    settings = Settings(home=tmp_path / "home", redis_url=valkey.queue_url, workers=2)
    with Workspace.open(settings) as opened:
        datasets.import_folder(opened, write_dataset())
        yield opened
