"""Twenty-four variants over two encoders: whatever they share is done once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from redis import Redis

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import Experiment, encoder_key, models_of
from evaluator.domain.matrix import Matrix, expand
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult
from evaluator.domain.variant import MMR, Chunk, CrossEncoder, Dense, Rerank, Variant
from evaluator.jobs import context
from evaluator.jobs.context import WorkerContext
from evaluator.jobs.limits import RedisGate
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.retrieval import pipeline
from evaluator.retrieval.pipeline import Bound, Opening, open_variant
from evaluator.retrieval.search.indexes import Sources
from evaluator.retrieval.search.queries import StoredQueries
from evaluator.retrieval.texts.languages import with_language
from tests.unit.jobs.conftest import run_all
from tests.unit.jobs.experiments import FUSED, make_dataset, make_spec
from tests.unit.jobs.test_submission import SETTINGS, results, send
from tests.unit.retrieval.fake_encoder import HashEncoder, hash_spec
from tests.unit.retrieval.rerank.test_rerank import OverlapScorer

DOCUMENTS = [f"First sentence of {n}. Second one about {n % 3}. And a third for {n}." for n in range(7)]
QUERIES = [f"sentence about {n}" for n in range(4)]
MATRIX = Matrix(
    ("one", "two"),
    retrieve=("dense", "hybrid"),
    chunks=("none", Chunk("sentences", 8), Chunk("tokens", 8, 2)),
    rerank=("none", Rerank(mmr=MMR("one"), depth=5)),
)


def test_each_text_is_encoded_once_by_each_encoder_and_each_retriever_searched_once(
    connection: Redis,
    worker: WarmWorker,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = ArtifactStore(str(tmp_path_factory.mktemp("store")))
    dataset = make_dataset(store, DOCUMENTS, QUERIES)
    variants = with_language(Experiment("x", "d", expand(MATRIX)), dataset).variants
    assert len(variants) == 24
    specs = {name: hash_spec(name=name, weights=name) for name in ("one", "two")}
    encoders = {name: HashEncoder() for name in specs}
    monkeypatch.setattr(context, "_current", None)
    worker_context = WorkerContext(SETTINGS, store)
    for name, encoder in encoders.items():
        worker_context.models.get(specs[name].fingerprint, lambda encoder=encoder: encoder)  # type: ignore[misc]
    context.enter(worker_context)
    searched: list[int] = []
    search = Bound.search

    def count(self: Bound, queries: Sequence[int], depth: int) -> list[Ranking]:
        searched.extend(queries)
        return search(self, queries, depth)

    monkeypatch.setattr(Bound, "search", count)
    keys = {encoder_key(stage): stage for variant in variants for stage in models_of(variant)}
    spec = make_spec(dataset, variants, encoders={key: specs[key.partition("|")[0]] for key in keys})
    send(connection, spec, dataset, [f"q{n}" for n in range(len(QUERIES))])
    jobs = Counter(id_.partition("-")[0] for id_ in run_all(worker))
    found = results(connection)
    assert len(found) == 24 * len(QUERIES)
    for encoder in encoders.values():
        assert len(encoder.texts) == len(set(encoder.texts))
    # Words measure the passages of both encoders and of BM25 alike, so two cuts serve all.
    assert jobs["cut"] == 2
    assert jobs["dispatch"] == 24
    # Dense by two encoders, and BM25, each over documents and two cuts: nine retrievers, however they are fused and
    # reranked.
    assert Counter(searched) == dict.fromkeys(range(len(QUERIES)), 9)
    # And every list is what the variant gives on its own.
    opening = Opening(
        Sources(spec, dataset, store),
        StoredQueries(spec, dataset, store),
        worker_context.load(spec, RedisGate(connection, spec.id)),
    )
    for record in found:
        assert isinstance(record, QueryResult)
        alone = open_variant(spec.variant(record.variant), opening)
        assert alone.search([dataset.query_rows[record.query_id]], spec.depth) == [record.ranking]


def test_a_hybrid_with_two_rerankers_opens_each_part_once_for_all_batches(
    connection: Redis,
    worker: WarmWorker,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its three indexes, the documents' texts and their rows are five parts, more than the four indexes kept open."""
    store = ArtifactStore(str(tmp_path_factory.mktemp("store")))
    dataset = make_dataset(store, DOCUMENTS, QUERIES)
    rerank = (Rerank(dense=Dense("hash"), depth=5), Rerank(cross_encoder=CrossEncoder("cross"), depth=3))
    variant = Variant("hybrid", FUSED.retrieve, rerank)
    specs = {"hash": hash_spec(), "cross": hash_spec(name="cross", weights="cross", kind="cross")}
    monkeypatch.setattr(context, "_current", None)
    worker_context = WorkerContext(SETTINGS, store)
    worker_context.models.get(specs["hash"].fingerprint, HashEncoder)
    worker_context.models.get(specs["cross"].fingerprint, OverlapScorer)
    context.enter(worker_context)
    opened: Counter[str] = Counter()

    def counted(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any) -> Any:
            opened[name] += 1
            return make(*arguments)

        return count

    for name in ("open_index", "open_dense", "DocumentTexts"):
        monkeypatch.setattr(pipeline, name, counted(name, getattr(pipeline, name)))
    keys = [encoder_key(stage) for stage in models_of(variant)]
    spec = make_spec(dataset, [variant], encoders={key: specs[key.partition("|")[0]] for key in keys})
    send(connection, spec, dataset, [f"q{n}" for n in range(len(QUERIES))])
    evaluations = [id_ for id_ in run_all(worker) if id_.startswith("evaluate-")]
    assert len(evaluations) > 1
    assert all(isinstance(record, QueryResult) and record.error is None for record in results(connection))
    assert opened == {"open_index": 2, "open_dense": 1, "DocumentTexts": 1}
