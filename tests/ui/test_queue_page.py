"""The queue page: workers and jobs, real ones in a real Valkey."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta

import pytest

from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.jobs.processes.orphan import SUPERVISOR_VARIABLE
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.jobs.queue import open_queue
from evaluator.jobs.results.stream import FIELD, STREAM, ResultStream
from evaluator.library import catalog
from evaluator.store.recorder import Recorder
from evaluator.workspace.queue_status import job_in_words
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.ui.conftest import button, open_page, text_of
from tests.ui.test_experiment_form import unescaped
from tests.ui.test_experiments_page import NEW


def test_without_workers_it_says_how_to_start_some(workspace: Workspace) -> None:
    app = open_page("workers")
    assert not app.exception
    assert "No workers are running" in app.warning[0].value
    assert app.code[0].value == "evaluator worker --count 2"
    assert {metric.value for metric in app.metric} == {"0"}
    assert not app.dataframe


def test_an_instance_whose_workers_cannot_start_says_where_to_read_why(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, it said to start others, which cannot start either."""
    assert not open_page("workers").error  # nobody here starts workers
    monkeypatch.setenv(SUPERVISOR_VARIABLE, str(os.getpid()))
    (found,) = open_page("workers").error
    assert unescaped(found.value).startswith("This instance starts 2 workers, and none runs yet; ")
    assert unescaped(found.value).endswith("none can start, and EVALUATOR_HOME/logs/worker-1.log says why")
    WarmWorker(workspace.connection, name="first").register_birth()
    assert not open_page("workers").error


def test_an_idle_worker(workspace: Workspace) -> None:
    WarmWorker(workspace.connection, name="first").register_birth()
    app = open_page("workers")
    assert not app.warning
    row = app.dataframe[0].value.iloc[0]
    assert (row["State"], row["Doing"], row["Done"], row["Failed"]) == ("idle", "–", 0, 0)
    assert (row["Name"], row["PID"], row["Host"]) == ("first", os.getpid(), socket.gethostname())
    assert row["Memory"] > 1
    assert row["Seen"].endswith(" ago")
    assert "1 worker, 0 busy" in text_of(app)


def test_a_busy_worker_says_what_it_does(workspace: Workspace, write_dataset: WriteDataset) -> None:
    catalog.import_folder(workspace, write_dataset())
    lifecycle.submit(workspace, parse_experiment(NEW))
    worker = WarmWorker(workspace.connection)
    worker.register_birth()
    taken = worker.dequeue_job_and_maintain_ttl(timeout=1)
    assert taken is not None
    worker.prepare_execution(taken[0])
    app = open_page("workers")
    assert not app.exception
    row = app.dataframe[0].value.iloc[0]
    assert (row["State"], row["Doing"]) == ("busy", "build an index for bm25 of new")
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Running"] == "1"
    assert figures["Deferred"] == "1"  # handing out the queries, once the index is there


def test_a_worker_that_went_silent_is_gone(workspace: Workspace) -> None:
    worker = WarmWorker(workspace.connection)
    worker.register_birth()
    silent_since = datetime.now(UTC) - timedelta(minutes=2)
    workspace.connection.hset(worker.key, "last_heartbeat", silent_since.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    app = open_page("workers")
    assert "No workers are running" in app.warning[0].value
    row = app.dataframe[0].value.iloc[0]
    assert row["State"] == "gone"
    assert row["Seen"].startswith("2 min ")


def test_jobs_are_counted_by_state(workspace: Workspace, write_dataset: WriteDataset) -> None:
    catalog.import_folder(workspace, write_dataset())
    lifecycle.submit(workspace, parse_experiment(NEW))
    assert open_queue(workspace.connection).count == 1
    figures = {metric.label: metric.value for metric in open_page("workers").metric}
    assert figures["Queued"] == "1"
    assert figures["Deferred"] == "1"
    assert figures["Failed"] == "0"


def test_jobs_that_no_worker_takes_are_said(workspace: Workspace, write_dataset: WriteDataset) -> None:
    WarmWorker(workspace.connection, queues=("encode",)).register_birth()
    catalog.import_folder(workspace, write_dataset())
    lifecycle.submit(workspace, parse_experiment(NEW))
    app = open_page("workers")
    assert app.warning[0].value.startswith("1 job to evaluate, and no worker does that")
    assert app.dataframe[0].value.iloc[0]["Queues"] == "encode"


def test_a_queue_that_does_not_answer_is_said_in_one_sentence(no_queue: Workspace) -> None:
    app = open_page("workers")
    assert not app.exception
    assert app.error[0].value.startswith("No Redis answers at unix://")
    assert not app.metric


def test_results_that_could_not_be_recorded_are_said_and_can_be_dropped(workspace: Workspace) -> None:
    assert workspace.recorder is not None
    workspace.recorder.stop()
    workspace.connection.xadd(STREAM, {FIELD: b"<b>not JSON\x1b[2J"})
    workspace.connection.xadd(STREAM, {FIELD: b"{}"})
    Recorder(workspace.database, ResultStream(workspace.connection), batch=10).drain()
    app = open_page("workers")
    assert not app.exception
    assert app.warning[0].value.startswith("**2 results could not be recorded.** All others are.")
    table = app.dataframe[0].value
    assert list(table["Begins with"]) == ["{}", "<b>not JSON\N{REPLACEMENT CHARACTER}[2J"]
    assert table["Reason"][0] == "it has no version"
    button(app, "Drop them").click().run()
    assert not app.exception
    assert not [warning for warning in app.warning if "could not be recorded" in warning.value]


@pytest.mark.parametrize(
    ("task", "args", "words"),
    [
        ("prepare", ["x1", "distilled:org/model|float32"], "distil model"),
        (
            "encode",
            ["x1", "org/model|float32", "document", "p", 2],
            "encode documents, shard 3, with model",
        ),
        (
            "encode",
            ["x1", "org/model|bfloat16", "query", "p", 0],
            "encode queries, shard 1, with model in bfloat16",
        ),
        ("index", ["x1", "bm25", 0], "build an index for bm25 of look"),
        ("search", ["x1", 0, 1], "search queries, shard 2, for variants of look that share it"),
        ("dispatch", ["x1", "bm25", 64], "hand out the queries of bm25 of look"),
        ("evaluate", ["x1", "bm25", ["q1"]], "evaluate 1 query with bm25 of look"),
        ("evaluate", ["x1", "bm25", ["q1", "q2"]], "evaluate 2 queries with bm25 of look"),
        ("measure", ["x1", "bm25"], "measure bm25 of look"),
        ("gather", ["x1"], "wait for a group of jobs of look"),
        ("later", ["unknown"], "later of unknown"),
    ],
)
def test_jobs_in_words(task: str, args: list[object], words: str) -> None:
    assert job_in_words(task, args, {"x1": "look"}) == words


def test_a_job_of_another_project_tells_nothing() -> None:
    assert job_in_words("evaluate", ["x1", "bm25", ["q1"]], {"x1": None}) == "a job of another project"
