"""Twenty-four variants over two encoders: whatever they share is done once."""

from __future__ import annotations

from collections import Counter

import pytest
from redis import Redis

from evaluator.artifacts import ArtifactStore
from evaluator.domain.experiment import encoder_key, models_of
from evaluator.domain.matrix import Matrix, expand
from evaluator.domain.variant import MMR, Chunk, Rerank
from evaluator.jobs import context
from evaluator.jobs.context import WorkerContext
from evaluator.jobs.worker import WarmWorker
from tests.unit.jobs.conftest import run_all
from tests.unit.jobs.experiments import make_dataset, make_spec
from tests.unit.jobs.test_submission import SETTINGS, results, send
from tests.unit.retrieval.fake_encoder import HashEncoder, hash_spec

DOCUMENTS = [f"First sentence of {n}. Second one about {n % 3}. And a third for {n}." for n in range(7)]
QUERIES = [f"sentence about {n}" for n in range(4)]
MATRIX = Matrix(
    ("one", "two"),
    retrieve=("dense", "hybrid"),
    chunks=("none", Chunk("sentences", 8), Chunk("tokens", 8, 2)),
    rerank=("none", Rerank(mmr=MMR("one"), depth=5)),
)


def test_each_text_is_encoded_once_by_each_encoder(
    connection: Redis,
    worker: WarmWorker,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = ArtifactStore(str(tmp_path_factory.mktemp("store")))
    dataset = make_dataset(store, DOCUMENTS, QUERIES)
    variants = expand(MATRIX)
    assert len(variants) == 24
    specs = {name: hash_spec(name=name, weights=name) for name in ("one", "two")}
    encoders = {name: HashEncoder() for name in specs}
    monkeypatch.setattr(context, "_current", None)
    worker_context = WorkerContext(SETTINGS, store)
    for name, encoder in encoders.items():
        worker_context.models.get(specs[name].fingerprint, lambda encoder=encoder: encoder)  # type: ignore[misc]
    context.enter(worker_context)
    keys = {encoder_key(stage): stage for variant in variants for stage in models_of(variant)}
    spec = make_spec(dataset, variants, encoders={key: specs[key.partition("|")[0]] for key in keys})
    send(connection, spec, dataset, [f"q{n}" for n in range(len(QUERIES))])
    jobs = Counter(id_.partition("-")[0] for id_ in run_all(worker))
    assert len(results(connection)) == 24 * len(QUERIES)
    for encoder in encoders.values():
        assert len(encoder.texts) == len(set(encoder.texts))
    # Words measure the passages of both encoders and of BM25 alike, so two cuts serve all.
    assert jobs["cut"] == 2
    assert jobs["dispatch"] == 24
