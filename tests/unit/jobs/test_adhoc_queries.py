"""A question goes to a worker, and its answer comes back as the job's own result."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from redis import Redis

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.ranking import Ranking
from evaluator.jobs import context
from evaluator.jobs.adhoc_queries import Answer, answer, ask_id, enqueue_questions
from evaluator.jobs.context import WorkerContext, spec_name
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.jobs.queue import cancel_experiment, is_active
from evaluator.jobs.stages import queue_of
from evaluator.retrieval.search.indexes import Sources, build_index
from evaluator.settings import Settings
from tests.unit.jobs.conftest import run_next
from tests.unit.jobs.experiments import LEXICAL, make_dataset, make_spec

TEXT = "which flow is viscous?"


@pytest.fixture
def spec(valkey: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExperimentSpec:
    """An experiment that this process, as a worker, has indexes of."""
    entered = WorkerContext.open(Settings(home=tmp_path, redis_url=valkey.queue_url))
    monkeypatch.setattr(context, "_current", entered)
    dataset = make_dataset(entered.store, ["a viscous flow", "panel flutter"], ["flutter"])
    spec = make_spec(dataset)
    entered.store.put_json(spec_name(spec.id), spec.to_json())
    build_index(next(LEXICAL.stages()), Sources(spec, dataset, entered.store))
    return spec


def test_a_worker_answers(
    connection: Redis, worker: WarmWorker, spec: ExperimentSpec, valkey: Settings
) -> None:
    assert answer(connection, spec.id, "bm25", TEXT) == Answer("unasked")
    ids = enqueue_questions(connection, spec, ["bm25"], TEXT, valkey)
    assert ids == [ask_id(spec.id, "bm25", TEXT)]
    assert answer(connection, spec.id, "bm25", TEXT) == Answer("waiting")
    assert enqueue_questions(connection, spec, ["bm25"], TEXT, valkey) == []
    assert run_next(worker) == ids[0]
    found = answer(connection, spec.id, "bm25", TEXT)
    assert found.state == "answered"
    assert isinstance(found.ranking, Ranking)
    assert found.ranking.doc_ids == ("d0",)
    assert found.seconds > 0


def test_what_a_worker_cannot_answer_says_why_and_can_be_asked_again(
    connection: Redis, worker: WarmWorker, spec: ExperimentSpec, valkey: Settings
) -> None:
    context.current().store.remove(spec_name(spec.id))
    unknown = dataclasses.replace(spec, name="gone")
    enqueue_questions(connection, unknown, ["bm25"], TEXT, valkey)
    run_next(worker)
    failed = answer(connection, unknown.id, "bm25", TEXT)
    assert failed.state == "failed"
    assert failed.error is not None
    assert unknown.id in failed.error
    assert len(enqueue_questions(connection, unknown, ["bm25"], TEXT, valkey)) == 1
    assert answer(connection, unknown.id, "bm25", TEXT).state == "waiting"


def test_a_question_keeps_no_experiment_running_and_is_no_part_of_one(
    connection: Redis, spec: ExperimentSpec, valkey: Settings
) -> None:
    (id_,) = enqueue_questions(connection, spec, ["bm25"], TEXT, valkey)
    assert queue_of(id_) == "encode"
    assert not is_active(connection, spec.id)
    assert cancel_experiment(connection, spec.id) == 0
    assert answer(connection, spec.id, "bm25", TEXT).state == "waiting"
