"""Metrics and readiness, read from a real DuckDB and a real Valkey."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from rq import SimpleWorker

from evaluator import __version__
from evaluator.domain.result import VariantFailure
from evaluator.errors import StoreUnavailableError
from evaluator.experiments import lifecycle
from evaluator.experiments.progress import WINDOW
from evaluator.jobs.queue import RETRIES, enqueue, job_data, open_queue
from evaluator.jobs.results.stream import STREAM, ResultStream
from evaluator.library import catalog
from evaluator.operations import monitoring
from evaluator.operations.dead_letters import drop_dead_letters
from evaluator.operations.monitoring import Monitor, monitor
from evaluator.settings import Settings
from evaluator.store.recorder import Recorder
from evaluator.store.results import record, totals
from evaluator.store.status import change_status
from evaluator.workspace.workspace import Workspace
from tests.unit.store.rows import failed, save, scored, unscored
from tests.unit.working import wait_for, wait_for_status, words, work

NOBODY = "redis://user:secret@127.0.0.1:1/0"
"""Where no Redis answers."""

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def workspace(valkey: Settings, connection: Redis, tmp_path: Path) -> Iterator[Workspace]:
    """A database and a queue; nothing moves by itself."""
    with Workspace.open_local(Settings(home=tmp_path, redis_url=valkey.queue_url)) as opened:
        opened.queue = connection
        opened.recorder = Recorder(opened.database, ResultStream(connection), batch=10)
        yield opened


@pytest.fixture
def without_queue(tmp_path: Path) -> Iterator[Workspace]:
    """A database, and a queue that does not answer."""
    with Workspace.open_local(Settings(home=tmp_path, redis_url=NOBODY)) as opened:
        yield opened


def scrape(workspace: Workspace) -> Samples:
    """Every sample by its name and labels, as Prometheus' own parser reads them."""
    text, content_type = Monitor(workspace).exposition()
    assert content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"evaluator_{name}", frozenset(labels.items())]


def names(samples: Samples) -> set[str]:
    return {name for name, _ in samples if name.startswith("evaluator_")}


class TestRecorded:
    def test_an_empty_instance_has_every_count_at_zero(self, workspace: Workspace) -> None:
        samples = scrape(workspace)
        assert value(samples, "build_info", version=__version__) == 1
        assert value(samples, "database_up") == value(samples, "queue_up") == 1
        ours = {key for key in samples if key[0].startswith("evaluator_")}
        ups = {"evaluator_build_info", "evaluator_database_up", "evaluator_queue_up"}
        assert {samples[key] for key in ours if key[0] not in ups} == {0}
        assert ("process_resident_memory_bytes", frozenset()) in samples  # of the server

    def test_queries_variants_and_experiments_are_counted(self, workspace: Workspace) -> None:
        database = workspace.database
        first, second = save(database, ("bm25", "broken"), name="first"), save(database, name="second")
        record(
            database,
            [
                scored(first, "q1", 0.5),
                unscored(first, "q2"),
                failed(first, "q3"),
                VariantFailure(first, "broken", "no such model"),
                scored(second, "q1", 0.5),
            ],
        )
        change_status(database, second, "cancel")
        samples = scrape(workspace)
        assert value(samples, "queries_recorded", outcome="completed") == 3
        assert value(samples, "queries_recorded", outcome="failed") == 1
        assert value(samples, "variants_failed") == 1
        # 3 of 3 queries of "bm25" are recorded, and "broken" counts as done.
        assert value(samples, "experiments", status="finished") == 1
        assert value(samples, "experiments", status="cancelled") == 1
        assert value(samples, "experiments", status="running") == 0

    def test_the_rate_is_of_the_last_half_minute(self, workspace: Workspace) -> None:
        experiment = save(workspace.database)
        record(workspace.database, [scored(experiment, f"q{n}", 0.5) for n in range(6)])
        with workspace.database.transaction() as cursor:
            cursor.execute(
                "UPDATE results SET recorded_at = utc_now() - to_seconds(31) WHERE query_id IN ('q0', 'q1', 'q2')"
            )
        assert totals(workspace.database, WINDOW).lately == 3
        assert value(scrape(workspace), "queries_per_second") == 0.1  # 3 in 30 s


class TestQueue:
    def test_jobs_are_counted_by_state(self, workspace: Workspace, connection: Redis) -> None:
        queue, settings = open_queue(connection), workspace.settings
        enqueue(queue.connection, [job_data(settings, "gather", ("e1",), f"gather-{n}") for n in range(2)])
        enqueue(
            queue.connection, [job_data(settings, "index", ("e1", "bm25", 0), "index-x", after=["gather-0"])]
        )
        samples = scrape(workspace)
        assert value(samples, "jobs", state="queued") == 2
        assert value(samples, "jobs", state="deferred") == 1
        assert {value(samples, "jobs", state=state) for state in ("started", "scheduled", "failed")} == {0}

    def test_retries_are_counted_where_workers_count_them(
        self, workspace: Workspace, connection: Redis
    ) -> None:
        connection.incr(RETRIES, 7)
        assert value(scrape(workspace), "job_retries_total") == 7

    def test_the_lag_is_the_age_of_the_oldest_result_that_waits(
        self, workspace: Workspace, connection: Redis
    ) -> None:
        seconds, _ = connection.time()
        connection.xadd(STREAM, {"record": "{}"}, id=f"{(seconds - 100) * 1000}-0")
        connection.xadd(STREAM, {"record": "{}"})
        samples = scrape(workspace)
        assert value(samples, "stream_entries") == 2
        assert 100 <= value(samples, "recorder_lag_seconds") < 130

    def test_dead_letters_are_counted_also_when_they_are_dropped(
        self, workspace: Workspace, connection: Redis
    ) -> None:
        connection.xadd(STREAM, {"record": "not JSON"})
        connection.xadd(STREAM, {"record": "{}"})
        assert workspace.recorder is not None
        workspace.recorder.drain()
        samples = scrape(workspace)
        assert value(samples, "dead_letters_kept") == value(samples, "dead_letters_total") == 2
        assert value(samples, "recorder_trouble") == 0
        drop_dead_letters(workspace)
        samples = scrape(workspace)
        assert (value(samples, "dead_letters_kept"), value(samples, "dead_letters_total")) == (0, 2)

    def test_trouble_of_the_recorder_shows(self, workspace: Workspace) -> None:
        assert workspace.recorder is not None
        workspace.recorder.trouble = "results are not being recorded: disk full"
        assert value(scrape(workspace), "recorder_trouble") == 1


class TestWorkers:
    def test_are_told_apart_while_they_live(self, workspace: Workspace, connection: Redis) -> None:
        for name in ("idle", "busy", "far"):
            register(connection, name)
        connection.hset("rq:worker:busy", "state", "busy")
        connection.hset("rq:worker:busy", monitoring.RSS, 123)
        connection.hset("rq:worker:far", mapping={"hostname": "elsewhere", monitoring.RSS: 456})
        samples = scrape(workspace)
        assert value(samples, "workers", state="busy") == 1
        assert value(samples, "workers", state="idle") == 2
        assert value(samples, "worker_resident_memory_bytes", worker="busy") == 123
        assert value(samples, "worker_resident_memory_bytes", worker="far") == 456
        # It has not reported yet, but is this very process.
        assert value(samples, "worker_resident_memory_bytes", worker="idle") > 10 * 2**20
        assert 0 <= value(samples, "worker_heartbeat_age_seconds", worker="far") < 60

    def test_that_are_gone_are_only_counted(self, workspace: Workspace, connection: Redis) -> None:
        register(connection, "gone")
        connection.hset("rq:worker:gone", "last_heartbeat", "2020-01-01T00:00:00.000000Z")
        samples = scrape(workspace)
        assert value(samples, "workers", state="gone") == 1
        assert {labels for name, labels in samples if name.startswith("evaluator_worker_")} == set()

    def test_beyond_a_number_are_only_counted(
        self, workspace: Workspace, connection: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(monitoring, "MOST_WORKERS", 2)
        for name in "abc":
            register(connection, name)
        samples = scrape(workspace)
        assert value(samples, "workers", state="idle") == 3
        assert sum(name == "evaluator_worker_resident_memory_bytes" for name, _ in samples) == 2


def register(connection: Redis, name: str) -> None:
    """A worker as RQ writes it down when it starts."""
    worker = SimpleWorker([open_queue(connection)], name=name, connection=connection)
    worker.register_birth()
    worker.set_state("idle")


class TestWithoutItsParts:
    def test_a_scrape_without_the_queue_has_all_else(self, without_queue: Workspace) -> None:
        started = time.monotonic()
        samples = scrape(without_queue)
        assert time.monotonic() - started < 5
        assert value(samples, "queue_up") == 0
        assert names(samples) == {
            "evaluator_build_info",
            "evaluator_recorder_trouble",
            "evaluator_database_up",
            "evaluator_experiments",
            "evaluator_queries_recorded",
            "evaluator_queries_per_second",
            "evaluator_variants_failed",
            "evaluator_queue_up",
        }

    def test_a_scrape_without_the_database_says_so(self, workspace: Workspace) -> None:
        workspace.database.close()
        samples = scrape(workspace)
        assert value(samples, "database_up") == 0
        assert names(samples) == {
            "evaluator_build_info",
            "evaluator_recorder_trouble",
            "evaluator_database_up",
        }

    def test_the_queue_is_found_again(self, workspace: Workspace, connection: Redis) -> None:
        watching = monitor(workspace)
        assert watching is monitor(workspace)
        assert watching.readiness().ready
        connection.client_kill_filter(_type="normal", skipme=True)  # every connection but this one
        assert watching.readiness().ready


def test_open_metrics_is_given_to_who_asks_for_it(workspace: Workspace) -> None:
    text, content_type = Monitor(workspace).exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")  # which that format alone has


@pytest.mark.parametrize("version", ["x", "1.x", "9" * 5000])
def test_a_version_that_is_no_number_gets_the_text_format(workspace: Workspace, version: str) -> None:
    for form in ("application/openmetrics-text", "text/plain"):
        _, content_type = Monitor(workspace).exposition(f"{form}; version={version}")
        assert content_type == Monitor(workspace).exposition()[1]


class TestReadiness:
    def test_all_well_is_ready_also_without_workers(self, workspace: Workspace, connection: Redis) -> None:
        readiness = Monitor(workspace).readiness()
        assert (readiness.ready, readiness.reasons, readiness.workers) == (True, (), 0)
        register(connection, "first")
        assert Monitor(workspace).readiness().workers == 1

    def test_a_queue_that_does_not_answer_is_a_reason(self, without_queue: Workspace) -> None:
        readiness = Monitor(without_queue).readiness()
        assert not readiness.ready
        (reason,) = readiness.reasons
        assert reason.startswith("no Redis answers at redis://user:***@127.0.0.1:1/0")
        assert readiness.workers is None

    def test_trouble_of_the_recorder_is_a_reason(self, workspace: Workspace) -> None:
        assert workspace.recorder is not None
        workspace.recorder.trouble = "results are not being recorded: disk full"
        assert Monitor(workspace).readiness().reasons == ("results are not being recorded: disk full",)

    def test_a_database_that_takes_no_write_is_a_reason(self, workspace: Workspace) -> None:
        workspace.database.close()
        (reason,) = Monitor(workspace).readiness().reasons
        assert reason.startswith(f"{workspace.database.path} cannot be written: ")

    def test_looking_leaves_nothing_behind(self, workspace: Workspace, tmp_path: Path) -> None:
        experiment = save(workspace.database)
        before = sorted(tmp_path.iterdir()), workspace.database.cursor.execute("FROM experiments").fetchall()
        assert Monitor(workspace).readiness().ready
        after = sorted(tmp_path.iterdir()), workspace.database.cursor.execute("FROM experiments").fetchall()
        assert after == before
        assert experiment


@pytest.mark.parametrize("replaced", [False, True])
def test_a_database_that_was_removed_takes_no_change_and_is_not_ready(
    queued: Workspace, replaced: bool
) -> None:
    """Before, changes were taken, and lost when the process ended."""
    assert monitor(queued).readiness().ready
    aside = queued.database.path.with_suffix(".aside")
    queued.database.path.rename(aside)
    if replaced:  # by a copy, or by a command that found none and began a new one
        queued.database.path.touch()
    said = f"{queued.database.path} was removed or replaced while it was in use, so nothing is saved any more"
    with pytest.raises(StoreUnavailableError, match=re.escape(said)):
        lifecycle.submit(queued, words())
    assert lifecycle.all_experiments(queued) == []
    (reason,) = monitor(queued).readiness().reasons
    assert said in reason
    assert len(catalog.all_datasets(queued)) == 1  # what there is can be read, and exported
    aside.rename(queued.database.path)
    assert monitor(queued).readiness().ready
    assert lifecycle.submit(queued, words()).id


def test_results_wait_while_the_database_is_removed(queued: Workspace) -> None:
    id_ = lifecycle.submit(queued, words()).id
    recorder, aside = queued.recorder, queued.database.path.with_suffix(".aside")
    assert recorder is not None
    queued.database.path.rename(aside)
    work(queued)
    wait_for(lambda: recorder.trouble is not None)
    assert len(ResultStream(queued.connection)) == 10
    assert any("results are not being recorded" in reason for reason in monitor(queued).readiness().reasons)
    aside.rename(queued.database.path)
    wait_for_status(queued, id_, "finished")
