"""What the doctor says of a database that cannot be opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


def test_how_people_sign_in_without_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(**given: Any) -> tuple[bool, str]:
        settings = Settings(home=tmp_path / "home", **given)
        found = next(check for check in examine(settings) if check.name == "sign-in")
        return found.well, found.detail

    company = {"name": "company", "label": "Company", "issuer": "https://id.example.org", "client_id": "x"}
    given: dict[str, Any] = {
        "auth": ("password", "oidc", "proxy"),
        "oidc_providers": [company | {"client_secret": "COMPANY_SECRET"}],
        "trusted_proxies": ["10.0.0.5"],
        "proxy_secret": "a secret that nobody sees",
    }
    assert check()[1].startswith("nobody has to")
    assert check(auth=("oidc",))[0] is False
    assert check(**given) == (False, "the client secret of Company is missing")
    monkeypatch.setenv("COMPANY_SECRET", "another secret")
    assert check(**given) == (
        True,
        "password, Company (https://id.example.org), X-Forwarded-User of a proxy (10.0.0.5/32; with the secret)",
    )
