"""What whoever operates an instance sees of it: health, metrics, log lines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from evaluator.domain.status import ACTIVE
from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.conftest import ROOT
from tests.integration.conftest import experiment_yaml, served

FAMILIES = {
    "evaluator_build_info",
    "evaluator_database_up",
    "evaluator_dead_letters",
    "evaluator_dead_letters_kept",
    "evaluator_experiments",
    "evaluator_job_retries",
    "evaluator_jobs",
    "evaluator_jobs_waiting",
    "evaluator_queries_per_second",
    "evaluator_queries_recorded",
    "evaluator_queue_up",
    "evaluator_recorder_lag_seconds",
    "evaluator_recorder_trouble",
    "evaluator_stream_entries",
    "evaluator_variants_failed",
    "evaluator_worker_heartbeat_age_seconds",
    "evaluator_worker_resident_memory_bytes",
    "evaluator_workers",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the home of the instance lies that these tests share."""
    return tmp_path_factory.mktemp("operations")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Where an instance with one worker and the example `beir` answers."""
    with Workspace.open_local(Settings(home=folder / "home")) as workspace:
        catalog.import_folder(workspace, ROOT / "data" / "beir")
    with served(folder, workers=1) as address:
        yield address


def scrape(address: str) -> dict[tuple[str, str], float]:
    """Every sample, by the name of its family and its first label's value."""
    families = list(text_string_to_metric_families(httpx.get(f"{address}/api/metrics").text))
    assert {family.name for family in families} >= FAMILIES
    return {
        (family.name, next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
    }


def test_an_instance_tells_how_it_is(address: str, folder: Path) -> None:
    live, ready = httpx.get(f"{address}/api/health/live"), httpx.get(f"{address}/api/health/ready")
    assert (live.status_code, live.json()["live"]) == (200, True)
    assert (ready.status_code, ready.json()["ready"], ready.json()["reasons"]) == (200, True, [])
    assert ready.json()["warnings"] == []
    both = httpx.get(f"{address}/api/health").json()
    assert both.keys() >= {"live", "ready", "trouble", "version"}

    yaml = experiment_yaml("beir", {"bm25": {"bm25": {}}})
    submitted = httpx.post(f"{address}/api/experiments", json={"yaml": yaml}).json()
    while httpx.get(f"{address}/api/experiments/{submitted['id']}").json()["status"] in ACTIVE:
        time.sleep(0.1)

    found = scrape(address)
    assert found["evaluator_queue_up", ""] == found["evaluator_database_up", ""] == 1
    assert found["evaluator_experiments", "finished"] == 1
    assert found["evaluator_queries_recorded", "completed"] == 10
    assert found["evaluator_queries_per_second", ""] > 0
    assert found["evaluator_workers", "busy"] + found["evaluator_workers", "idle"] == 1
    memory = [v for (name, _), v in found.items() if name == "evaluator_worker_resident_memory_bytes"]
    assert len(memory) == 1
    assert memory[0] > 10 * 2**20

    assert httpx.get(address).status_code == 200
    for line in log_lines(folder / "home" / "logs" / "server.log"):
        assert {"time", "level", "logger", "message"} <= line.keys()


def log_lines(path: Path) -> list[dict[str, str]]:
    """The lines of a log file; what Streamlit prints to greet, indented, is left out."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("  ")]
    assert lines
    return [json.loads(line) for line in lines]


def test_a_server_without_its_queue_lives_and_is_not_ready(address: str, folder: Path) -> None:
    """A queue that stands still: it accepts connections, and nothing more."""
    valkey = valkey_of(folder / "home")
    valkey.suspend()
    try:
        ready = httpx.get(f"{address}/api/health/ready", timeout=20)
        assert ready.status_code == 503
        assert "no embedded Valkey answers" in ready.json()["reasons"][0]
        assert httpx.get(f"{address}/api/health/live").status_code == 200
        health = httpx.get(f"{address}/api/health", timeout=20)
        assert (health.status_code, health.json()["ready"]) == (200, False)
        assert "evaluator_queue_up 0.0" in httpx.get(f"{address}/api/metrics", timeout=20).text
    finally:
        valkey.resume()
    deadline = time.monotonic() + 30
    while httpx.get(f"{address}/api/health/ready", timeout=20).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def valkey_of(home: Path) -> psutil.Process:
    """The Valkey that runs in a home folder."""
    (process,) = (
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"].startswith("valkey") and process.info["cwd"] == str(home / "valkey")
    )
    return process
