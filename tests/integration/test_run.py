"""One experiment through the whole path: submit, queue, workers, stream, database, leaderboard."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq.registry import FinishedJobRegistry

from evaluator.analysis.leaderboard import leaderboard
from evaluator.domain.measures.scoring import score_queries
from evaluator.domain.ranking import Ranking
from evaluator.experiments import lifecycle
from evaluator.jobs.queue import all_live_ids, open_queue
from evaluator.jobs.results.stream import STREAM
from evaluator.operations.instance import headless
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.conftest import TOPICS, WriteDataset
from tests.integration.conftest import (
    Row,
    cli_command,
    cli_environment,
    experiment,
    experiment_yaml,
    follow,
    instance,
    run_experiment,
    stored_rows,
)

BM25: dict[str, Any] = {"bm25": {"bm25": {}}}


def finished_jobs(connection: Redis) -> Counter[str]:
    """How many jobs of each stage ended well, once all have ended: the last results are recorded a moment before."""
    while all_live_ids(connection):
        time.sleep(0.01)
    ids = FinishedJobRegistry(queue=open_queue(connection)).get_job_ids()
    return Counter(id_.split("-")[0] for id_ in ids)


def test_every_query_is_recorded_and_scored(settings: Settings, write_dataset: WriteDataset) -> None:
    with instance(settings) as workspace:
        submitted = lifecycle.submit(workspace, experiment(write_dataset(), BM25), allow_paths=True)
        progress = follow(workspace, submitted)
        board = leaderboard(workspace, lifecycle.find(workspace, submitted.id))
    assert (progress.status, progress.queries_done, progress.failed) == ("finished", 10, 0)
    assert board.compared == 10
    # Each query is the beginning of its document, and no other document has all three of its words.
    assert board.records[0]["RR@10"] == 1.0


@pytest.mark.parametrize(("queries_per_job", "jobs"), [(1, 10), (4, 3), ("auto", 5)])
def test_queries_per_job_decides_the_number_of_jobs(
    settings: Settings, write_dataset: WriteDataset, queries_per_job: int | str, jobs: int
) -> None:
    # auto: 10 queries over 2 workers x 4 batches = 2 queries a job.
    described = experiment(write_dataset(), BM25, queries_per_job=queries_per_job)
    with instance(settings) as workspace:
        follow(workspace, lifecycle.submit(workspace, described, allow_paths=True))
        assert finished_jobs(workspace.connection) == {"index": 1, "dispatch": 1, "evaluate": jobs}


def test_running_again_skips_what_is_recorded(settings: Settings, write_dataset: WriteDataset) -> None:
    described = experiment(write_dataset(), BM25)
    run_experiment(settings, described)
    with instance(settings) as workspace:
        before = lifecycle.find(workspace)
        submitted = lifecycle.submit(workspace, described, allow_paths=True)
        assert (submitted.skipped, submitted.to_evaluate) == (10, 0)
        assert follow(workspace, submitted).status == "finished"
        assert lifecycle.find(workspace) == before  # the times are those of the run that did the work


def test_only_missing_queries_are_evaluated(settings: Settings, write_dataset: WriteDataset) -> None:
    described = experiment(write_dataset(), BM25, queries_per_job=1)
    run_experiment(settings, described)
    whole = stored_rows(settings)
    with instance(settings) as workspace:
        workspace.database.cursor.execute("DELETE FROM results WHERE query_id IN ('q3', 'q7')")
        submitted = lifecycle.submit(workspace, described, allow_paths=True)
        assert (submitted.skipped, submitted.to_evaluate) == (8, 2)
        follow(workspace, submitted)
        assert finished_jobs(workspace.connection)["evaluate"] == 2
    assert stored_rows(settings) == whole


def test_rows_do_not_depend_on_workers_batches_or_interruptions(
    tmp_path: Path, write_dataset: WriteDataset, static_model: Path
) -> None:
    documents = [f"{a} and {b} number {n}" for n in range(8) for a in TOPICS for b in TOPICS[:3]]
    queries = [f"{a} {b}" for a in TOPICS for b in TOPICS[:6]]
    folder = write_dataset(
        "crossed", documents, queries, {q: {q * 2: 1, q + 7: 2} for q in range(len(queries))}
    )
    dense = {"dense": {"encoder": str(static_model)}}
    variants = {**BM25, "static": dense, "hybrid": {"fuse": {"of": ["bm25", "static"]}}}
    rows = []
    for workers, queries_per_job in ((1, "auto"), (3, 7)):
        settings = Settings(
            home=tmp_path / f"home-{workers}-{queries_per_job}", workers=workers, redis_url=None
        )
        run_experiment(settings, experiment(folder, variants, queries_per_job=queries_per_job), workers)
        rows.append(stored_rows(settings))
    rows.append(interrupted_rows(tmp_path, experiment_yaml(folder, variants, queries_per_job=1)))
    assert len(rows[0]) == 3 * len(queries)
    assert all(other == rows[0] for other in rows[1:])


def interrupted_rows(folder: Path, yaml: str) -> list[Row]:
    """What is recorded when a run is interrupted by Ctrl-C after its first rows, and then run again."""
    (folder / "experiment.yaml").write_text(yaml)
    settings = Settings(home=folder / "home", workers=2, redis_url=None)
    environment = cli_environment(folder)
    command = cli_command("run", folder / "experiment.yaml", "--workers", "2")
    first = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    wait_for_row(settings, first)
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert first.returncode == 130, said
    assert "Run the same command again to continue" in said
    partial = len(stored_rows(settings))
    second = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert second.returncode == 0, second.stderr
    assert f"{partial} queries are recorded already and skipped" in second.stderr
    return stored_rows(settings)


def wait_for_row(settings: Settings, process: subprocess.Popen[str]) -> None:
    """Wait until a run has a result in the stream: then it is in the middle of its work."""
    client = Redis.from_url(settings.queue_url)
    while process.poll() is None:
        started = settings.valkey_socket.exists() and client.exists(STREAM)
        if started and client.xinfo_stream(STREAM)["entries-added"]:
            return
        time.sleep(0.01)  # another process needs the core
    raise AssertionError("the run ended before it could be interrupted")


def test_scores_are_those_of_the_stored_lists(settings: Settings, write_dataset: WriteDataset) -> None:
    qrels = {0: {0: 2, 5: 1}, 1: {1: 1}, 2: {}, 3: {3: 0}}
    run_experiment(settings, experiment(write_dataset(qrels=qrels), BM25, measures=["nDCG@10", "AP@100"]))
    judged = {f"q{q}": {f"d{d}": grade for d, grade in grades.items()} for q, grades in qrels.items()}
    for _, query_id, doc_ids, scores, measures, error in stored_rows(settings):
        ranking = Ranking(doc_ids, scores)
        expected = score_queries({query_id: ranking}, judged, ["nDCG@10", "AP@100"])[query_id]
        assert error is None
        assert dict(measures) == expected
        assert bool(measures) == (query_id in {"q0", "q1"})  # the others have no relevant document


def test_an_edited_document_is_the_only_one_encoded_again(
    settings: Settings, write_dataset: WriteDataset, static_model: Path
) -> None:
    variants = {"static": {"dense": {"encoder": str(static_model)}}}
    with instance(settings) as workspace:
        first = lifecycle.submit(workspace, experiment(write_dataset("v1"), variants), allow_paths=True)
        follow(workspace, first)
        edited = write_dataset("v2", documents=("wing lift, measured in a wind tunnel", *TOPICS[1:]))
        second = lifecycle.submit(workspace, experiment(edited, variants), allow_paths=True)
        assert follow(workspace, second).status == "finished"
    assert [(stage.texts, stage.to_encode) for stage in first.encoding] == [(20, 20)]
    assert [(stage.texts, stage.to_encode) for stage in second.encoding] == [(10, 1)]  # queries are unchanged


def test_edited_qrels_encode_and_index_nothing(
    settings: Settings, write_dataset: WriteDataset, static_model: Path
) -> None:
    variants = {"static": {"dense": {"encoder": str(static_model)}}}
    with instance(settings) as workspace:
        follow(
            workspace,
            lifecycle.submit(workspace, experiment(write_dataset("v1"), variants), allow_paths=True),
        )
        judged = write_dataset("v2", qrels={0: {1: 3}})
        submitted = lifecycle.submit(workspace, experiment(judged, variants), allow_paths=True)
        follow(workspace, submitted)
        assert finished_jobs(workspace.connection)["index"] == 1
    assert submitted.encoding == ()


def test_a_variant_that_cannot_work_fails_once_and_the_others_go_on(
    settings: Settings, write_dataset: WriteDataset, static_model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken-model"
    broken.mkdir()
    for file in static_model.iterdir():
        if file.is_file():
            (broken / file.name).write_bytes(file.read_bytes())
    for weights in broken.rglob("*.safetensors"):
        weights.write_bytes(b"these are no weights")
    variants = {**BM25, "broken": {"dense": {"encoder": str(broken)}}}
    with instance(settings) as workspace:
        submitted = lifecycle.submit(workspace, experiment(write_dataset(), variants), allow_paths=True)
        progress = follow(workspace, submitted)
        board = leaderboard(workspace, lifecycle.find(workspace, submitted.id))
    assert progress.status == "finished"
    working, failed = progress.variants
    assert (working.recorded, working.error) == (10, None)
    assert failed.recorded == 0
    assert failed.error is not None
    assert "cannot be loaded" in failed.error
    assert board.compared == 10
    assert len(stored_rows(settings)) == 10  # not one failure a query


def test_a_killed_worker_loses_nothing(
    settings: Settings, write_dataset: WriteDataset, static_model: Path
) -> None:
    described = experiment(write_dataset(), {"static": {"dense": {"encoder": str(static_model)}}, **BM25})
    with headless_with_victims(settings) as (workspace, kill_one):
        submitted = lifecycle.submit(workspace, described, allow_paths=True)
        kill_one()
        progress = follow(workspace, submitted)
    assert (progress.status, progress.queries_done, progress.failed) == ("finished", 20, 0)


@contextmanager
def headless_with_victims(settings: Settings) -> Iterator[tuple[Workspace, Callable[[], None]]]:
    """An instance, and a way to kill its first worker with SIGKILL."""
    with headless(settings, 2) as running:
        running.supervisor.add_workers(1)

        def kill_one() -> None:
            worker = next(c for c in running.supervisor.children if c.name.startswith("worker-"))
            assert worker.process is not None
            worker.process.kill()

        yield running.workspace, kill_one
