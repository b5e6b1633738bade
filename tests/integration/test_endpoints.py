"""Endpoints through real workers: limits hold over all of them, budgets stop, keys are nowhere, answers are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluator.analysis.leaderboard import leaderboard
from evaluator.domain.experiment import Experiment
from evaluator.errors import InvalidInputError
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.store import results
from tests.conftest import TOPICS, WriteDataset
from tests.endpoint_server import EndpointServer, late, raw, refuse, serve_endpoint
from tests.integration.conftest import (
    Cli,
    experiment,
    experiment_yaml,
    follow,
    instance,
    run_experiment,
    stored_rows,
)

SECRET = "sk-very-secret-0123456789"
DENSE = {"api": {"dense": {"encoder": "api"}}}


@pytest.fixture
def server() -> Iterator[EndpointServer]:
    with serve_endpoint(chat=lambda _question: "[2] > [1]") as server:
        yield server


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is where the workers run."""
    monkeypatch.setenv("SOME_API_KEY", SECRET)


def asking(
    server: EndpointServer,
    dataset: Path,
    variants: Mapping[str, Any] = DENSE,
    /,
    budget: Any = None,
    **limits: Any,
) -> Experiment:
    """An experiment that asks the server."""
    return experiment(dataset, variants, **fields(server, budget, **limits))


def fields(server: EndpointServer, budget: Any = None, **limits: Any) -> dict[str, Any]:
    endpoint = {"name": "api", "base_url": server.url, "model": "hash-8", "key": "SOME_API_KEY", **limits}
    return {"endpoints": [endpoint]} | ({"budget": budget} if budget else {})


def test_an_endpoint_encodes_each_text_once(
    settings: Settings, write_dataset: WriteDataset, server: EndpointServer
) -> None:
    dataset = write_dataset()
    again = asking(server, dataset, {"api": {"dense": {"encoder": "api", "metric": "dot"}}})
    with instance(settings) as workspace:
        first = lifecycle.submit(workspace, asking(server, dataset), allow_paths=True)
        follow(workspace, first)
        assert sorted(text for text in server.texts if text in TOPICS) == sorted(TOPICS)
        before = len(server.bodies)
        second = lifecycle.submit(workspace, again, allow_paths=True)
        assert follow(workspace, second).queries_done == 10
    rows = stored_rows(settings)
    assert (len(rows), {row[-1] for row in rows}) == (20, {None})
    # Measuring a variant asks single queries anew; nothing else is sent.
    assert [body for body in server.bodies[before:] if len(body["input"]) > 1] == []


def test_the_key_is_sent_and_nowhere_else(
    settings: Settings, write_dataset: WriteDataset, server: EndpointServer
) -> None:
    server.misbehave.append(refuse(500, f"{SECRET} broke something"))
    server.misbehave.append(raw(b"no JSON"))
    described = asking(server, write_dataset())
    run_experiment(settings, described)
    with instance(settings) as workspace:
        server.misbehave.extend([refuse(401, f"the key {SECRET} is unknown")] * 9)
        failing = asking(server, write_dataset("other", documents=[f"{t}!" for t in TOPICS]))
        submitted = lifecycle.submit(workspace, failing, allow_paths=True)
        (variant,) = follow(workspace, submitted).variants
        assert variant.error is not None
        assert "the key *** is unknown" in variant.error
        # Append-only persistence: what was ever in Redis is in its files, searched below.
    assert server.keys
    assert set(server.keys) == {f"Bearer {SECRET}"}
    files = [path for path in settings.home_path.rglob("*") if path.is_file()]
    kinds = {path.relative_to(settings.home_path).parts[0] for path in files}
    assert {"artifacts", "valkey", "logs", "evaluator.duckdb"} <= kinds
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_never_more_requests_at_once_than_allowed_over_all_workers(
    settings: Settings, write_dataset: WriteDataset, server: EndpointServer
) -> None:
    server.seconds = 0.05
    documents = [
        f"{topic} {n}" for n in range(60) for topic in TOPICS
    ]  # 600: three shards, and one of queries
    dataset = write_dataset("many", documents=documents)
    run_experiment(settings, asking(server, dataset, concurrency=1, batch_size=32), workers=3)
    assert server.peak == 1
    assert len(stored_rows(settings)) == 10


def test_retry_after_is_kept_by_all_workers(
    settings: Settings, write_dataset: WriteDataset, server: EndpointServer
) -> None:
    server.misbehave.append(refuse(429, "slow down", retry_after="1"))
    documents = [f"{topic} {n}" for n in range(60) for topic in TOPICS]
    with instance(settings) as workspace:
        described = asking(server, write_dataset("many", documents=documents))
        submitted = lifecycle.submit(workspace, described, allow_paths=True)
        assert follow(workspace, submitted).status == "finished"
    # Besides the first, whatever was under way at that moment, however late it comes; then nothing for a second.
    first, *others = server.moments
    assert len(others) > settings.workers
    assert sum(moment < first + 1 for moment in others) < settings.workers


def test_a_budget_stops_an_experiment_and_a_larger_one_continues_it(
    settings: Settings, write_dataset: WriteDataset, server: EndpointServer
) -> None:
    # 600 documents of about 7 words, one token each: about 4,000; batches of 16 are about 100.
    documents = [f"{topic} {n}" for n in range(60) for topic in TOPICS]
    dataset = write_dataset("many", documents=documents)
    limits = {"batch_size": 16, "usd_per_million_tokens": 1.0}
    with instance(settings) as workspace:
        stopped = lifecycle.submit(
            workspace, asking(server, dataset, budget={"usd": 0.00025}, **limits), allow_paths=True
        )
        progress = follow(workspace, stopped)
        assert progress.status == "cancelled"
        assert progress.reason is not None
        assert progress.reason.startswith("the budget of 0.00025 USD is reached: 0.000")
        assert not any(variant.error or variant.failed for variant in progress.variants)
        spent = results.spent(workspace.database, stopped.id)
        assert 250 <= spent.tokens <= 250 + 2 * 200  # what two workers had under way
        assert spent.micro_usd == pytest.approx(spent.tokens, abs=10)
        row = lifecycle.find(workspace, stopped.id)
        assert row.reason == progress.reason

        larger = asking(server, dataset, budget={"tokens": 100_000}, **limits)
        continued = lifecycle.submit(workspace, larger, allow_paths=True)
        assert continued.id == stopped.id
        progress = follow(workspace, continued)
        assert (progress.status, progress.reason, progress.queries_done) == ("finished", None, 10)


def test_the_command_line_says_why_it_stopped(
    cli: Cli, tmp_path: Path, write_dataset: WriteDataset, server: EndpointServer
) -> None:
    text = experiment_yaml(write_dataset(), DENSE, **fields(server, {"tokens": 1}, batch_size=1))
    (tmp_path / "experiment.yaml").write_text(text)
    finished = cli("run", "experiment.yaml", "--workers", "1")
    assert finished.returncode == 1
    assert "error: stopped: the budget of 1 tokens is reached: 3 tokens spent; to continue" in finished.stderr


def test_wrong_answers_are_tried_again_and_never_kept(
    settings: Settings, write_dataset: WriteDataset, server: EndpointServer
) -> None:
    server.misbehave.extend([raw(b'{"data": ['), refuse(503), late(0.6)])
    run_experiment(settings, asking(server, write_dataset(), timeout=0.3), workers=1)
    misled = stored_rows(settings)
    assert (len(misled), {row[-1] for row in misled}) == (10, {None})


def test_a_missing_key_is_reported_at_once_and_fixed_by_naming_another(
    settings: Settings, write_dataset: WriteDataset, server: EndpointServer
) -> None:
    dataset = write_dataset()
    with instance(settings) as workspace:
        wrong = asking(server, dataset, key="NO_SUCH_KEY")
        submitted = lifecycle.submit(workspace, wrong, allow_paths=True)
        (variant,) = follow(workspace, submitted).variants
        assert variant.error is not None
        assert "set the environment variable NO_SUCH_KEY where the workers run" in variant.error
        mended = lifecycle.submit(workspace, asking(server, dataset), allow_paths=True)
        assert mended.id == submitted.id
        progress = follow(workspace, mended)
        assert (progress.status, progress.queries_done, progress.variants[0].error) == ("finished", 10, None)


def test_a_chat_model_reranks_and_is_paid_once(
    settings: Settings, write_dataset: WriteDataset, server: EndpointServer
) -> None:
    dataset = write_dataset()
    llm = {"llm": {"endpoint": "api", "window": 2, "step": 1}, "depth": 2}
    record = yaml.safe_load(experiment_yaml(dataset, {"llm": {"bm25": {}}}, **fields(server)))
    record["variants"][0]["rerank"] = [llm]
    described = parse_experiment(yaml.safe_dump(record))
    with instance(settings) as workspace:
        submitted = lifecycle.submit(workspace, described, allow_paths=True)
        assert follow(workspace, submitted).failed == 0
        board = leaderboard(workspace, lifecycle.find(workspace, submitted.id))
        n_requests = len([body for body in server.bodies if "messages" in body])
        assert 0 < n_requests <= 10  # queries with a single candidate need no order
        spent = results.spent(workspace.database, submitted.id)
        assert spent.output_tokens == 5 * n_requests
        workspace.database.cursor.execute("DELETE FROM results")
        follow(workspace, lifecycle.submit(workspace, described, allow_paths=True))
        assert len([body for body in server.bodies if "messages" in body]) == n_requests
        assert results.spent(workspace.database, submitted.id) == spent
    # BM25 finds the right document first; a model that always prefers the second puts it there.
    assert board.records[0]["RR@10"] < 1.0


def test_the_browser_asks_only_what_is_allowed(
    settings: Settings, write_dataset: WriteDataset, server: EndpointServer
) -> None:
    described = asking(server, Path("tiny"))
    allowed = Settings(endpoints=[{"base_url": server.url, "key": "SOME_API_KEY"}]).endpoints
    with instance(settings) as workspace:
        catalog.import_folder(workspace, write_dataset(), "tiny")
        with pytest.raises(InvalidInputError, match="may not be asked from the browser"):
            lifecycle.submit(workspace, described)
        submitted = lifecycle.submit(workspace, described, allow_paths=True)
        follow(workspace, submitted)
        with pytest.raises(InvalidInputError, match="may not be asked from the browser"):
            lifecycle.resume(workspace, lifecycle.find(workspace, submitted.id))
        workspace.settings = settings.model_copy(update={"endpoints": allowed})
        assert lifecycle.submit(workspace, described).id == submitted.id
