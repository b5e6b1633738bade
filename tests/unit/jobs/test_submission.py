"""An experiment becomes jobs, and jobs become results; what exists is not done again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq import Queue

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.result import QueryResult, Record, Rejected, VariantFailure
from evaluator.domain.variant import BM25, Retrieve, Variant
from evaluator.errors import ArtifactNotWrittenError
from evaluator.jobs import context, fair_order, submission
from evaluator.jobs.context import WorkerContext, spec_name
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.jobs.queue import (
    all_live_ids,
    cancel_experiment,
    enqueue,
    forget_all,
    is_active,
    job_data,
    open_queue,
)
from evaluator.jobs.results.stream import ResultStream
from evaluator.jobs.submission import EncodingStage, Enqueued, Submission
from evaluator.retrieval.candidates import Candidates, drop_candidates
from evaluator.retrieval.vectors import encoding
from evaluator.settings import Settings
from tests.unit.jobs.conftest import run_all, run_next
from tests.unit.jobs.experiments import FUSED, LEXICAL, SEMANTIC, make_dataset, make_spec
from tests.unit.retrieval.fake_encoder import HashEncoder, hash_spec

SETTINGS = Settings(attempts=1)
DOCUMENTS = ["apple pie", "plum cake", "pear tart", "fig jam", "nut bread"]
QUERIES = ["apple", "plum", "pear"]
ENCODER = hash_spec()


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "store"))


@pytest.fixture
def dataset(store: ArtifactStore) -> StoredDataset:
    return make_dataset(store, DOCUMENTS, QUERIES)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of two texts."""
    monkeypatch.setitem(encoding.SHARD_TEXTS, "transformer", 2)


@pytest.fixture
def encoder(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[HashEncoder]:
    """The encoder that this process, as a worker, has warm."""
    encoder = HashEncoder()
    monkeypatch.setattr(context, "_current", None)
    worker_context = WorkerContext(SETTINGS, store)
    worker_context.models.get(ENCODER.fingerprint, lambda: encoder)
    context.enter(worker_context)
    yield encoder


def send(
    connection: Redis,
    spec: ExperimentSpec,
    dataset: StoredDataset,
    missing: Sequence[str] = ("q0", "q1", "q2"),
    batch_size: int = 2,
) -> Enqueued:
    """Submit an experiment that lacks the same queries of every variant."""
    return Submission(spec, dataset, dataset.store, SETTINGS).send(
        connection, {variant.name: missing for variant in spec.variants}, batch_size
    )


def stages(ids: Sequence[str]) -> list[str]:
    return [id_.partition("-")[0] for id_ in ids]


def results(connection: Redis) -> list[Record]:
    """All that is in the stream; it is empty afterwards."""
    stream = ResultStream(connection)
    stream.open()
    entries = stream.read(1000, wait=0)
    stream.acknowledge([id_ for id_, _ in entries])
    return [record for _, record in entries if not isinstance(record, Rejected)]


def test_each_stage_waits_for_the_one_before(
    connection: Redis, queue: Queue, dataset: StoredDataset, small_shards: None
) -> None:
    spec = make_spec(dataset, [SEMANTIC], ENCODER)
    # 3 queries and 5 documents in shards of two: 2 + 3 encodings, one index, one dispatch.
    assert send(connection, spec, dataset).jobs == 7
    encodings = open_queue(connection, "encode").get_job_ids()
    assert stages(encodings) == ["encode"] * 5
    assert ["query" in id_ for id_ in encodings] == [True, True, False, False, False]
    waiting = {job.id.partition("-")[0]: job for job in fetch_deferred(queue)}
    assert sorted(waiting["index"].dependency_ids) == sorted(encodings)
    assert waiting["dispatch"].dependency_ids == [waiting["index"].id]
    assert waiting["dispatch"].id == f"dispatch-{spec.id}-0"
    assert waiting["dispatch"].args == [spec.id, "dense", 2]


def fetch_deferred(queue: Queue) -> list[Any]:
    return [queue.fetch_job(id_) for id_ in queue.deferred_job_registry.get_job_ids()]


def test_variants_share_encodings_and_indexes(
    connection: Redis, queue: Queue, dataset: StoredDataset
) -> None:
    enqueued = send(connection, make_spec(dataset, [LEXICAL, SEMANTIC, FUSED], ENCODER), dataset)
    # Two encodings (queries, documents), two indexes (BM25, vectors), two searches that the fusion shares, each in two
    # shards that are gathered, and three dispatches.
    assert enqueued == Enqueued(13, (EncodingStage("hash|float32", 8, 8),))


def test_from_texts_to_results(
    connection: Redis, dataset: StoredDataset, encoder: HashEncoder, worker: WarmWorker, small_shards: None
) -> None:
    spec = make_spec(dataset, [LEXICAL, SEMANTIC, FUSED], ENCODER)
    send(connection, spec, dataset)
    run_all(worker)
    found = [record for record in results(connection) if isinstance(record, QueryResult)]
    assert sorted((record.variant, record.query_id) for record in found) == [
        (variant, query) for variant in ("bm25", "dense", "fused") for query in ("q0", "q1", "q2")
    ]
    lexical = {record.query_id: record for record in found if record.variant == "bm25"}
    assert lexical["q1"].ranking.doc_ids == ("d1",)
    assert lexical["q1"].measures == {"nDCG@10": 1.0, "Judged@10": 1.0}
    assert all(
        record.error is None and len(record.ranking) == 5 for record in found if record.variant != "bm25"
    )
    assert len(encoder.texts) == len(set(encoder.texts)) == 8
    assert not is_active(connection, spec.id)


def test_a_second_experiment_encodes_and_indexes_nothing(
    connection: Redis, dataset: StoredDataset, encoder: HashEncoder, worker: WarmWorker
) -> None:
    send(connection, make_spec(dataset, [SEMANTIC], ENCODER), dataset)
    run_all(worker)
    encoder.batches.clear()
    enqueued = send(connection, make_spec(dataset, [SEMANTIC], ENCODER, name="again"), dataset)
    assert enqueued == Enqueued(1, ())
    assert stages(run_all(worker)) == ["dispatch", "evaluate", "evaluate"]
    assert encoder.batches == []


def test_only_the_missing_queries_are_evaluated_in_their_order(
    connection: Redis, dataset: StoredDataset, encoder: HashEncoder, worker: WarmWorker
) -> None:
    send(connection, make_spec(dataset), dataset, missing=["q2", "q0"], batch_size=1)
    run_all(worker)
    assert [record.query_id for record in results(connection) if isinstance(record, QueryResult)] == [
        "q2",
        "q0",
    ]


def test_nothing_missing_is_nothing_to_do(connection: Redis, queue: Queue, dataset: StoredDataset) -> None:
    assert send(connection, make_spec(dataset), dataset, missing=[]) == Enqueued(0, ())
    assert queue.get_job_ids() == []


def test_what_is_enqueued_already_is_not_enqueued_again(
    connection: Redis, queue: Queue, dataset: StoredDataset, small_shards: None
) -> None:
    spec = make_spec(dataset, [SEMANTIC, FUSED], ENCODER)
    send(connection, spec, dataset)
    before = queue.get_job_ids()
    assert send(connection, spec, dataset).jobs == 0
    assert queue.get_job_ids() == before


def test_an_interrupted_encoding_goes_on_with_what_is_missing(
    connection: Redis, dataset: StoredDataset, encoder: HashEncoder, worker: WarmWorker, small_shards: None
) -> None:
    spec = make_spec(dataset, [SEMANTIC], ENCODER)
    send(connection, spec, dataset)
    run_next(worker)
    run_next(worker)
    forget_all(connection)  # the power failed
    assert send(connection, spec, dataset).stages == (
        EncodingStage("hash|float32", 8, 5),
    )  # queries are done
    run_all(worker)
    assert len(encoder.texts) == len(set(encoder.texts)) == 8
    assert len(results(connection)) == 3


def test_an_experiment_is_active_from_submission_to_its_last_query(
    connection: Redis, dataset: StoredDataset, encoder: HashEncoder, worker: WarmWorker
) -> None:
    spec = make_spec(dataset, [SEMANTIC], ENCODER)
    assert not is_active(connection, spec.id)
    send(connection, spec, dataset)
    seen = [is_active(connection, spec.id)]
    while run_next(worker) is not None:
        seen.append(is_active(connection, spec.id))
    assert seen == [True] * (len(seen) - 1) + [False]


def test_the_spec_is_stored_for_the_workers(
    connection: Redis, store: ArtifactStore, dataset: StoredDataset
) -> None:
    spec = make_spec(dataset, [FUSED], ENCODER)
    send(connection, spec, dataset)
    assert ExperimentSpec.from_json(store.read_json(spec_name(spec.id))) == spec


def test_no_job_waits_for_too_many(
    connection: Redis,
    queue: Queue,
    dataset: StoredDataset,
    encoder: HashEncoder,
    worker: WarmWorker,
    small_shards: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submission, "FAN_IN", 2)
    # Five shards are gathered by twos: 3 jobs, which are gathered again: 2 jobs.
    send(connection, make_spec(dataset, [SEMANTIC, FUSED], ENCODER), dataset)
    waiting = fetch_deferred(queue)
    # A search of two shards is gathered: 1 job. The fusion waits for it and two indexes, gathered by twos: 2 jobs.
    assert sorted(stages([job.id for job in waiting])) == [
        "dispatch", "dispatch", *["gather"] * 8, "index", "search", "search",
    ]  # fmt: skip
    assert all(len(job.dependency_ids) <= 2 for job in waiting)
    done = [stage for stage in stages(run_all(worker)) if stage in {"encode", "index"}]
    assert (done[0], done[-1]) == ("index", "index")  # BM25's needs no encoding, the other all of it
    assert len(results(connection)) == 6


def test_a_shard_that_fails_is_the_failure_of_all_variants_that_need_it(
    connection: Redis,
    dataset: StoredDataset,
    encoder: HashEncoder,
    worker: WarmWorker,
    small_shards: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submission, "FAN_IN", 2)
    encoder.cannot = "plum cake"
    send(connection, make_spec(dataset, [LEXICAL, SEMANTIC, FUSED], ENCODER), dataset)
    run_all(worker)
    found = results(connection)
    failures = {record.variant: record.error for record in found if isinstance(record, VariantFailure)}
    assert failures == dict.fromkeys(
        ("dense", "fused"), "hash gave a vector that is not finite for the text 'plum cake'"
    )
    assert [record.variant for record in found if isinstance(record, QueryResult)] == ["bm25"] * 3


def test_a_cancelled_experiment_encodes_no_more_and_can_be_resumed(
    connection: Redis,
    queue: Queue,
    dataset: StoredDataset,
    encoder: HashEncoder,
    worker: WarmWorker,
    small_shards: None,
) -> None:
    spec = make_spec(dataset, [SEMANTIC], ENCODER)
    send(connection, spec, dataset)
    run_next(worker)
    assert cancel_experiment(queue.connection, spec.id) == 6
    assert run_all(worker) == []
    assert not is_active(connection, spec.id)
    send(connection, spec, dataset)
    run_all(worker)
    assert len(results(connection)) == 3


def test_variants_of_one_index_build_it_once_and_search_it_once(
    connection: Redis, queue: Queue, dataset: StoredDataset
) -> None:
    twins = [Variant(name, Retrieve(bm25=BM25())) for name in ("one", "other")]
    send(connection, make_spec(dataset, twins), dataset)
    assert sorted(stages([*queue.get_job_ids(), *(job.id for job in fetch_deferred(queue))])) == [
        "dispatch",
        "dispatch",
        "gather",
        "index",
        "search",
        "search",
    ]
    assert enqueue(queue.connection, []) == []


def test_what_is_searched_is_not_searched_again(
    connection: Redis, dataset: StoredDataset, encoder: HashEncoder, worker: WarmWorker
) -> None:
    spec = make_spec(dataset, [LEXICAL, SEMANTIC, FUSED], ENCODER)
    send(connection, spec, dataset)
    before = stages(run_all(worker))
    assert before.count("search") == 2 * 2  # retrievers, shards
    assert before.index("dispatch") > before.index("search")
    send(connection, spec, dataset)  # as if no result had been recorded
    assert set(stages(run_all(worker))) == {"dispatch", "evaluate"}
    # Even if the lists are gone by the time that a variant is evaluated, nothing is missing.
    drop_candidates(dataset.store, spec.id)
    enqueue(connection, [job_data(SETTINGS, "evaluate", (spec.id, "fused", ["q0"]), "evaluate-again")])
    results(connection)
    run_all(worker)
    (again,) = results(connection)
    assert isinstance(again, QueryResult)
    assert len(again.ranking) == 5


def test_searches_take_turns_with_those_of_another_experiment(
    connection: Redis, queue: Queue, dataset: StoredDataset, encoder: HashEncoder, worker: WarmWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(fair_order, "TURNS", [turn._replace(jobs=1) for turn in fair_order.TURNS])
    specs = [
        make_spec(
            dataset, [Variant(name, Retrieve(bm25=BM25(k1=k1))) for name in ("one", "other")], name=str(k1)
        )
        for k1 in (1.0, 2.0)
    ]
    for spec in specs:
        send(connection, spec, dataset, batch_size=1)
    while stages(queue.get_job_ids())[0] == "index":  # RQ puts what waited for one at the end, all at once
        run_next(worker)
    owners = [id_.split("-")[1] for id_ in queue.get_job_ids()]
    assert {tuple(owners[:2]), tuple(owners[2:4]), tuple(owners[4:])} == {tuple(owners[:2])}
    assert set(owners[:2]) == {spec.id for spec in specs}


def test_a_search_that_fails_is_left_to_those_that_evaluate(
    connection: Redis, dataset: StoredDataset, encoder: HashEncoder, worker: WarmWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def full(_self: Candidates, *_args: object) -> None:
        raise ArtifactNotWrittenError("the disk is full")

    monkeypatch.setattr(Candidates, "write", full)
    send(connection, make_spec(dataset, [LEXICAL, SEMANTIC, FUSED], ENCODER), dataset)
    run_all(worker)
    found = results(connection)
    assert len(found) == 9
    assert all(isinstance(record, QueryResult) and record.error is None for record in found)


def test_a_dispatch_without_its_list_of_queries_is_planned_again(
    connection: Redis, dataset: StoredDataset, encoder: HashEncoder, worker: WarmWorker
) -> None:
    """Before, the variant failed, though nothing was wrong with it."""
    send(connection, make_spec(dataset), dataset)
    for key in connection.keys("evaluator:pending:*"):
        connection.delete(key)
    run_all(worker)
    assert results(connection) == []
    assert all_live_ids(connection) == set()
    send(connection, make_spec(dataset), dataset)
    run_all(worker)
    assert [record.error for record in results(connection) if isinstance(record, QueryResult)] == 3 * [None]
