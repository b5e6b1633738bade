from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator.services.workspace import Workspace
from evaluator.settings import Settings


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Workspace]:
    """A database and an artifact store, without a queue."""
    with Workspace.open_local(Settings(home=tmp_path / "home")) as opened:
        yield opened
