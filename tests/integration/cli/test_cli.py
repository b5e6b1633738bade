"""The command line as a person uses it: data on standard output, remarks on standard error, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import httpx
import ir_measures
import pandas as pd
import pytest

from evaluator.domain.status import ACTIVE
from evaluator.jobs.processes.valkey import answers, stop_orphan
from evaluator.settings import Settings
from tests.conftest import WriteDataset
from tests.integration.conftest import (
    TIMEOUT,
    Cli,
    cli_command,
    cli_environment,
    experiment_yaml,
    free_port,
    json_output,
    wait_until_ready,
)
from tests.unit.jobs.embedded import embedded_valkey
from tests.warm.popen import COLD

BM25 = {"bm25": {"bm25": {}}, "no stemmer": {"bm25": {"stemmer": "none"}}}


@pytest.fixture
def experiment_file(tmp_path: Path, write_dataset: WriteDataset) -> Path:
    """An experiment file beside its dataset, which it names relative to itself."""
    write_dataset("tiny")
    path = tmp_path / "small.yaml"
    path.write_text(experiment_yaml("tiny", BM25, name="small", measures=["nDCG@10", "RR@10"]))
    return path


def test_run_leaderboard_and_export(cli: Cli, experiment_file: Path, tmp_path: Path) -> None:
    ran = cli("run", experiment_file)
    assert ran.returncode == 0, ran.stderr
    assert "small on tiny" in ran.stdout
    assert "20 queries to evaluate" in ran.stderr
    again = cli("run", experiment_file)
    assert "20 queries are recorded already and skipped" in again.stderr
    assert again.stdout == ran.stdout

    board = json_output(cli("leaderboard", "small", "--measure", "RR@10", "--json"))
    assert board["measure"] == "RR@10"
    assert board["compared"] == 10

    assert cli("export", "small", "--format", "trec", "-o", "trec").returncode == 0
    assert cli("export", "small", "--format", "csv", "-o", "tables").returncode == 0
    assert json_output(cli("export", "small", "--format", "parquet", "-o", "tables", "--json"))
    qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "trec" / "qrels.txt")))
    for row in board["variants"]:
        run = ir_measures.read_trec_run(str(tmp_path / "trec" / f"{row['variant']}.run"))
        assert (
            ir_measures.calc_aggregate([ir_measures.RR @ 10], qrels, run)[ir_measures.RR @ 10] == row["RR@10"]
        )
    csv = pd.read_csv(tmp_path / "tables" / "per_query.csv")
    parquet = pd.read_parquet(tmp_path / "tables" / "per_query.parquet")
    assert list(csv.columns) == ["variant", "query_id", "measure", "value", "seconds", "error"]
    assert len(csv) == len(parquet) == 2 * 10 * 3  # variants x queries x (measures and Judged@10)

    deleted = cli("delete", "small", "--yes")
    assert "is deleted." in deleted.stderr
    assert cli("leaderboard", "small").returncode == 2


def test_a_home_may_be_called_anything(cli: Cli, experiment_file: Path, tmp_path: Path) -> None:
    home = {"EVALUATOR_HOME": str(tmp_path / 'a "b"=c#%20[d]\n')}
    ran = cli("run", experiment_file, env=home)
    assert ran.returncode == 0, ran.stderr
    assert "small on tiny" in ran.stdout


@pytest.mark.parametrize("character", ["?", "\\"])
def test_a_home_where_no_database_can_be_is_refused(
    cli: Cli, experiment_file: Path, tmp_path: Path, character: str
) -> None:
    ran = cli("run", experiment_file, env={"EVALUATOR_HOME": str(tmp_path / f"a{character}b")})
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: EVALUATOR_HOME is ")
    assert f"DuckDB opens no file whose path has a {character}; set it to another folder" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture
def broken_workers(tmp_path: Path) -> dict[str, str]:
    """An environment in which no worker starts."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sitecustomize.py").write_text(
        "import sys\nif 'evaluator.jobs.processes.worker' in sys.orig_argv: sys.exit('this worker is broken')\n"
    )
    paths = [str(tmp_path / "broken"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}


def no_worker_starts(folder: Path) -> str:
    """What is said then."""
    log = folder / "home" / "logs" / "worker-1.log"
    return f"error: no worker starts: each of the last 5 ended with an error at once; {log} says why"


@pytest.mark.parametrize("command", ["run", "demo", "worker"])
def test_a_command_whose_workers_cannot_start_ends_with_the_reason(
    cli: Cli, experiment_file: Path, tmp_path: Path, broken_workers: dict[str, str], command: str
) -> None:
    """Before, `demo` waited at 0 % and `worker` for ever."""
    if command == "worker":
        with embedded_valkey(tmp_path / "home"):
            ran = cli("worker", "--count", "1", env=broken_workers)
    else:
        arguments = (experiment_file,) if command == "run" else ("--port", str(free_port()))
        ran = cli(command, *arguments, env=broken_workers)
    assert ran.returncode == 1
    assert no_worker_starts(tmp_path) in ran.stderr
    assert "this worker is broken" in (tmp_path / "home" / "logs" / "worker-1.log").read_text()
    assert "Traceback" not in ran.stderr


def test_a_server_whose_workers_cannot_start_says_so_and_goes_on(
    tmp_path: Path, broken_workers: dict[str, str]
) -> None:
    command = cli_command("up", "--workers", "1", "--port", str(free_port()))
    environment = cli_environment(tmp_path, broken_workers)
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as serving:
        try:
            assert serving.stderr is not None
            output = next(line for line in serving.stderr if "no worker starts" in line)
            assert output.startswith(no_worker_starts(tmp_path))
            assert serving.poll() is None
        finally:
            serving.terminate()
            serving.communicate(timeout=60)


def test_neither_bm25_nor_a_static_encoder_imports_torch(
    cli: Cli, experiment_file: Path, static_model: Path, tmp_path: Path
) -> None:
    variants = {**BM25, "static": {"dense": {"encoder": str(static_model)}}}
    experiment_file.write_text(experiment_yaml("tiny", variants, name="small"))
    poison = tmp_path / "poison" / "torch"
    poison.mkdir(parents=True)
    (poison / "__init__.py").write_text("raise ImportError('torch was imported')")
    ran = cli("run", experiment_file, "--json", env={"PYTHONPATH": str(poison.parent)})
    assert json_output(ran)["compared"] == 10


def test_datasets_are_imported_and_listed(cli: Cli, write_dataset: WriteDataset) -> None:
    folder = write_dataset("topics")
    imported = json_output(cli("dataset", "import", folder, "--name", "aero", "--json"))
    assert (imported["name"], imported["documents"], imported["queries"]) == ("aero", 10, 10)
    listed = cli("dataset", "list")
    assert "aero" in listed.stdout
    assert json_output(cli("dataset", "list", "--json")) == [imported]


VARIANT = "variants:\n- {name: a, retrieve: {bm25: {}}}\n"
NEGATIVE_K1 = VARIANT.replace("bm25: {}", "bm25: {k1: -1}")


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("name: x\n", "missing"),
        (f"name: x\ndataset: tiny\n{NEGATIVE_K1}", "small.yaml:4: variants[0].retrieve.bm25.k1"),
        (f"name: x\ndataset: nowhere\n{VARIANT}", "no dataset is called 'nowhere'"),
    ],
)
def test_invalid_input_exits_with_2_and_one_clear_message(
    cli: Cli, experiment_file: Path, yaml: str, message: str
) -> None:
    experiment_file.write_text(yaml)
    ran = cli("run", experiment_file)
    assert ran.returncode == 2
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


def test_wrong_usage_exits_with_2(cli: Cli) -> None:
    assert cli("run").returncode == 2
    assert cli("export", "x", "--format", "xml", "-o", "out").returncode == 2
    assert cli("leaderboard", "nothing").returncode == 2


def test_an_unknown_encoder_is_one_message(cli: Cli, write_dataset: WriteDataset, tmp_path: Path) -> None:
    file = tmp_path / "unknown.yaml"
    variants = {"a": {"dense": {"encoder": "nobody/no-such-model"}}}
    file.write_text(experiment_yaml(write_dataset(), variants))
    ran = cli("run", file, env={"HF_HUB_OFFLINE": "1"})
    assert ran.returncode == 1
    assert "no encoder 'nobody/no-such-model'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_doctor_finds_everything_well(cli: Cli) -> None:
    examined = cli("doctor")
    assert examined.returncode == 0, examined.stdout
    checks = {check["name"]: check for check in json_output(cli("doctor", "--json"))}
    assert checks["bundled model"]["well"]
    assert checks["queue"]["well"]


def test_doctor_says_how_to_fix_a_missing_redis(cli: Cli) -> None:
    examined = cli("doctor", env={"REDIS_URL": "redis://user:secret@127.0.0.1:1/0"})
    assert examined.returncode == 1
    assert "REDIS_URL" in examined.stdout
    assert "secret" not in examined.stdout + examined.stderr


def test_a_plan_starts_nothing(cli: Cli, experiment_file: Path) -> None:
    planned = json_output(cli("plan", experiment_file, "--json"))
    assert (planned["to_evaluate"], planned["recorded"]) == (20, 0)
    assert planned["variants"] == ["bm25", "no stemmer"]
    assert "there is no experiment yet" in cli("leaderboard").stderr
    assert cli("run", experiment_file).returncode == 0
    shown = cli("plan", experiment_file)
    assert shown.returncode == 0, shown.stderr
    assert "0 queries to evaluate, 20 recorded already" in shown.stdout


def test_an_instance_serves_and_stops_cleanly(cli: Cli, write_dataset: WriteDataset, tmp_path: Path) -> None:
    """All its processes start as a person's do."""
    cli("dataset", "import", write_dataset("tiny"))
    port = free_port()
    command = cli_command("up", "--port", str(port), "--workers", "1")
    environment = cli_environment(tmp_path, {COLD: "1"})
    up = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_ready(up, address)

        # A second owner of the same home gets one clear line.
        refused = cli("resume")
        assert refused.returncode == 1
        assert "is in use by process" in refused.stderr
        assert cli("up", "--port", str(port)).returncode == 1

        yaml = experiment_yaml("tiny", BM25, name="through the api")
        planned = httpx.post(f"{address}/api/experiments/plan", json={"yaml": yaml}).json()
        assert (planned["to_evaluate"], planned["encodings"]) == (20, [])
        submitted = httpx.post(f"{address}/api/experiments", json={"yaml": yaml}).json()
        while httpx.get(f"{address}/api/experiments/{submitted['id']}").json()["status"] in ACTIVE:
            time.sleep(0.1)
        assert planned["id"] == submitted["id"]
        board = httpx.get(f"{address}/api/experiments/{submitted['id']}/leaderboard").json()
        assert board["compared"] == 10

        refused_path = httpx.post(
            f"{address}/api/experiments", json={"yaml": experiment_yaml(tmp_path / "tiny", BM25)}
        )
        assert refused_path.status_code == 404  # no path from outside
        assert httpx.post(f"{address}/api/experiments", content=json.dumps({"yaml": yaml})).status_code == 415
        assert httpx.get(f"{address}/queue/").status_code == 200
        assert httpx.get(f"{address}/api/datasets", headers={"host": "elsewhere.example"}).status_code == 400
        assert httpx.post(f"{address}/queue/queue/evaluator/queued/empty").status_code == 405
    finally:
        up.send_signal(signal.SIGINT)
        _, output = up.communicate(timeout=TIMEOUT)
    assert up.returncode == 0, output
    assert json_output(cli("leaderboard", "--json"))["compared"] == 10


def test_a_closed_terminal_stops_an_instance_and_its_valkey(tmp_path: Path) -> None:
    """Shell and terminal may both send SIGHUP."""
    settings = Settings(home=tmp_path / "home", redis_url=None)
    port = free_port()
    up = subprocess.Popen(
        cli_command("up", "--port", str(port), "--workers", "1"),
        cwd=tmp_path,
        env=cli_environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until_ready(up, f"http://127.0.0.1:{port}")
        up.send_signal(signal.SIGHUP)
        up.send_signal(signal.SIGHUP)
        _, output = up.communicate(timeout=TIMEOUT)
        assert up.returncode in {0, 130}, output  # it may have answered before it waited
        assert "Traceback" not in output
        assert not answers(settings)
    finally:
        up.kill()
        up.wait()
        stop_orphan(settings)
