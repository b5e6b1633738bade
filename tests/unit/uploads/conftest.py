"""A workspace whose uploads may have few bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A database and a store; an upload may have 10,000 bytes."""
    with Workspace.open_local(Settings(home=tmp_path / "home", upload_limit=10_000)) as opened:
        yield opened
