"""An instance with accounts, and people who act on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from evaluator.domain.access import Person, Way
from evaluator.people import accounts, passwords
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.unit.people.quick import quick

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash takes 50 ms, on purpose; here it need not."""
    quick(monkeypatch, passwords)


def settings(home: Path, valkey: Settings) -> Settings:
    """Those of an instance with accounts."""
    names = ("evaluator.example.org",)
    return Settings(home=home, redis_url=valkey.queue_url, auth=("password",), allowed_hosts=names)


@pytest.fixture
def shared(home: Path, valkey: Settings) -> Iterator[Workspace]:
    """A workspace whose administrator is ann."""
    Redis.from_url(valkey.queue_url).flushdb()
    with Workspace.open(settings(home, valkey)) as opened:
        accounts.add_admin(opened, "ann", PASSWORD)
        yield opened


@pytest.fixture
def ann(shared: Workspace) -> Person:
    """The administrator."""
    return accounts.person_of(accounts.known(shared, "ann"), Way.PASSWORD)
