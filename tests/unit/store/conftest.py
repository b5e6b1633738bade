from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from evaluator.jobs.connection import require
from evaluator.settings import Settings
from evaluator.store.database import Database
from tests.unit.jobs.embedded import embedded_valkey


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "evaluator.duckdb")
    yield database
    database.close()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with embedded_valkey(tmp_path_factory.mktemp("valkey")) as settings:
        yield settings


@pytest.fixture
def connection(valkey: Settings) -> Iterator[Redis]:
    """An empty Valkey."""
    with require(valkey) as client:
        client.flushall()
        yield client
