"""What the doctor says of a database that cannot be opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.services.doctor import examine
from evaluator.settings import Settings


@pytest.mark.parametrize(
    ("home", "said"),
    [("damaged", "cannot be opened"), ("why?", "DuckDB opens no file whose path has a ?")],
)
def test_a_database_that_cannot_be_opened_is_wrong(home: str, said: str, tmp_path: Path) -> None:
    folder = tmp_path / home
    folder.mkdir()
    (folder / "evaluator.duckdb").write_bytes(b"not a database at all, and long" * 1000)

    database = next(check for check in examine(Settings(home=folder)) if check.name == "database")

    assert not database.well
    assert said in database.detail
