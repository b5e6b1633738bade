from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator.store.file.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "evaluator.duckdb")
    yield database
    database.close()
