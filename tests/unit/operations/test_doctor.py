"""What the doctor says of a database that cannot be opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.operations.doctor import examine
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


def test_open_uploads_and_what_they_hold(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", upload_limit=400, upload_open_limit=2)
    folder = tmp_path / "home" / "uploads"

    def check() -> tuple[bool, str]:
        found = next(check for check in examine(settings) if check.name == "uploads")
        return found.well, found.detail

    assert check() == (True, "0 of 2 open, 0 of 10,000 bytes, 0 of 500,000 files")
    for name in ("a" * 32, "b" * 32):
        assert check()[0]
        for part, size in (("files", 1_000), ("unpacked", 2_000)):
            (folder / name / part).mkdir(parents=True)
            (folder / name / part / "corpus.csv").write_bytes(b"x" * size)
    assert check() == (False, "2 of 2 open, 6,000 of 10,000 bytes, 4 of 500,000 files")


@pytest.mark.parametrize("name", ["logs", "valkey", "uploads", "instance.lock"])
def test_what_takes_the_place_of_a_part_of_the_home_is_wrong(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)

    def check() -> tuple[bool, str]:
        found = next(check for check in examine(Settings(home=home)) if check.name == "home")
        return found.well, found.detail

    assert check()[0]
    if name == "instance.lock":
        (home / name).mkdir()
    else:
        (home / name).touch()
    well, detail = check()
    assert not well
    assert f"{home / name} is no " in detail
