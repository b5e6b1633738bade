"""The home folder is this user's alone, and what people ask for is as open as their other files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator import home
from evaluator.artifacts.store import ArtifactStore
from evaluator.home import for_people, is_open_to_others, keep_private, make_home
from evaluator.operations.doctor import examine
from evaluator.settings import Settings
from evaluator.store.file.database import Database


@pytest.fixture(autouse=True)
def usual_umask(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(home, "_usual_umask", None)
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_this_user_alone_and_an_existing_one_stays_as_it_is(tmp_path: Path) -> None:
    make_home(tmp_path / "deep" / "home")
    assert mode(tmp_path / "deep" / "home") == 0o700
    (tmp_path / "shared").mkdir(mode=0o755)
    make_home(tmp_path / "shared")
    assert mode(tmp_path / "shared") == 0o755
    assert is_open_to_others(tmp_path / "shared")


def test_everything_in_it_is_private_even_where_the_folder_is_not(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    settings = Settings(home=tmp_path / "home")
    keep_private(settings)
    keep_private(settings)  # again, as tests of commands do
    database = Database(settings.database_path)
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO submissions (experiment) VALUES ('e')")
    store = ArtifactStore(settings.artifacts_url)
    store.put_json("vectors/0.json", {})
    made = {path for path in settings.home_path.rglob("*") if path.is_file()}
    database.close()
    assert {"evaluator.duckdb", "evaluator.duckdb.wal", "0.json"} <= {path.name for path in made}
    assert {mode(path) for path in made if path.exists()} == {0o600}


def test_artifacts_elsewhere_are_as_open_as_the_umask_says(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", artifacts=str(tmp_path / "shared"))
    keep_private(settings)
    store = ArtifactStore(settings.artifacts_url)
    store.put_json("vectors/0.json", {})
    assert mode(tmp_path / "shared" / "vectors" / "0.json") == 0o644
    Database(settings.database_path).close()
    assert mode(settings.home_path) == 0o700


def test_what_is_written_for_people_is_as_open_as_their_other_files(tmp_path: Path) -> None:
    keep_private(Settings(home=tmp_path / "home"))
    with for_people():
        (tmp_path / "report.html").touch()
    (tmp_path / "private").touch()
    assert (mode(tmp_path / "report.html"), mode(tmp_path / "private")) == (0o644, 0o600)


@pytest.mark.parametrize("permissions", [0o755, 0o750, 0o770, 0o700])
def test_the_doctor_says_whether_others_may_look_in(tmp_path: Path, permissions: int) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    folder.chmod(permissions)
    found = next(check for check in examine(Settings(home=folder)) if check.name == "home")
    assert found.well is (permissions == 0o700)
    assert found.advice == ("" if found.well else f"chmod 700 {folder}")


def test_the_doctor_makes_nothing(tmp_path: Path) -> None:
    checks = {
        check.name: check
        for check in examine(Settings(home=tmp_path / "home", artifacts=str(tmp_path / "a")))
    }
    assert checks["home"].well
    assert "is not there yet" in checks["database"].detail
    assert not (tmp_path / "home").exists()
