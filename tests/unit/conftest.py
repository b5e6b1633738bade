"""What unit tests share: one Valkey for all of them, empty for each; workspaces with and without a queue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from evaluator.jobs.connection import require
from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.jobs.embedded import embedded_valkey


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A running Valkey, and the settings that lead to it."""
    with embedded_valkey(tmp_path_factory.mktemp("valkey")) as settings:
        yield settings


@pytest.fixture
def connection(valkey: Settings) -> Iterator[Redis]:
    """An empty Valkey."""
    with require(valkey) as client:
        client.flushall()
        yield client


@pytest.fixture
def library(home: Path) -> Iterator[Workspace]:
    """A database and an artifact store, without a queue."""
    with Workspace.open_local(Settings(home=home)) as opened:
        yield opened


@pytest.fixture
def workspace(home: Path, write_dataset: WriteDataset) -> Iterator[Workspace]:
    """A workspace without a queue, for two workers, with the dataset `tiny`: ten documents, ten queries."""
    with Workspace.open_local(Settings(home=home, workers=2)) as opened:
        catalog.import_folder(opened, write_dataset())
        yield opened


@pytest.fixture
def queued(home: Path, write_dataset: WriteDataset, valkey: Settings) -> Iterator[Workspace]:
    """A workspace with a queue and a recorder, without workers, with the dataset `tiny`."""
    Redis.from_url(valkey.queue_url).flushdb()
    settings = Settings(home=home, redis_url=valkey.queue_url, workers=2)
    with Workspace.open(settings) as opened:
        catalog.import_folder(opened, write_dataset())
        yield opened
