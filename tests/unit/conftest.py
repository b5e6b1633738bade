"""What unit tests share: one Valkey for all of them, empty for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from evaluator.jobs.connection import require
from evaluator.settings import Settings
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
