"""What a process has loaded once it is up: the import contracts that only running it can show."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

MODELS = {"torch", "sentence_transformers", "transformers", "model2vec"}
"""What loads models: seconds to import, and gigabytes."""

APP = "app"
"""The server: pages, routes, recorder."""


def loaded_by(module: str) -> set[str]:
    """Names of the top-level modules that a new process has after importing one."""
    script = (
        f"import json, sys, {module}; print(json.dumps([name for name in sys.modules if '.' not in name]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "STREAMLIT_LOGGER_LEVEL": "error"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("module", "never"),
    [
        (APP, MODELS),
        # `--help` answers at once; each command imports what it needs.
        ("evaluator.cli.main", MODELS | {"streamlit", "duckdb", "rq", "pandas", "pyarrow"}),
        # A worker is ready within a second and loads a model with the first job that needs one.
        ("evaluator.jobs.processes.worker", MODELS | {"streamlit", "duckdb"}),
        ("evaluator.jobs.tasks", MODELS | {"streamlit", "duckdb"}),
        # Whoever submits plans the encoding, and leaves it to the workers.
        ("evaluator.jobs.submission", MODELS | {"streamlit", "duckdb"}),
        # Examines files from outside: what is not loaded cannot be broken into, and it is ready at once.
        ("evaluator.uploads.examination", MODELS | {"streamlit", "duckdb"}),
        # `evaluator run` without a server.
        ("evaluator.experiments.lifecycle", MODELS | {"streamlit"}),
    ],
)
def test_importing_loads_no_more_than_is_needed(module: str, never: set[str]) -> None:
    loaded = loaded_by(module)
    assert "evaluator" in loaded
    assert loaded & never == set()


def test_the_server_owns_the_database_and_serves_pages() -> None:
    """Else the test above would pass for a module that imports nothing."""
    assert loaded_by(APP) >= {"duckdb", "streamlit", "rq"}


def test_every_page_is_plain_enough_to_import_no_model() -> None:
    """Pages run inside the server: what they import, it has imported."""
    forbidden = {*MODELS, "duckdb", "redis", "rq"}
    for page in sorted((REPOSITORY / "pages").glob("*.py")):
        imported = {
            line.split()[1].partition(".")[0]
            for line in page.read_text(encoding="utf-8").splitlines()
            if line.strip().startswith(("import ", "from "))
        }
        assert imported & forbidden == set(), page


def test_contributors_read_the_layers_that_are_enforced() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(REPOSITORY / ".importlinter")
    enforced = contracts["importlinter:contract:layers"]["layers"].split("\n")[1:]
    table = re.findall(r"^\| (\d+) \| `(\w+)` \|", (REPOSITORY / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    written: dict[int, list[str]] = {}
    for layer, room in table:
        written.setdefault(int(layer), []).append(room)
    assert [" | ".join(rooms) for _, rooms in sorted(written.items())] == enforced


def test_folders_are_small_enough_to_be_looked_over() -> None:
    modules = [path for path in (REPOSITORY / "evaluator").rglob("*.py") if path.name != "__init__.py"]
    folders = [path.parent for path in modules]
    assert {folder.name: n for folder in {*folders} if (n := folders.count(folder)) > 15} == {}


def test_modules_are_small_enough_to_be_one_idea() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in (REPOSITORY / "evaluator").rglob("*.py")}
    assert {str(path): n for path, n in lines.items() if n > 400} == {}
