"""What variants cost is measured one after the other, from what is in the store and by asking again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from redis import Redis

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.cost import VariantCost
from evaluator.domain.result import VariantMeasured
from evaluator.domain.variant import Chunk, Dense, Rerank, Retrieve, Run, Variant
from evaluator.jobs.measurement import enqueue_measurements
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.jobs.results.stream import ResultStream
from evaluator.retrieval.timing import can_be_asked
from tests.unit.jobs.conftest import run_all
from tests.unit.jobs.experiments import FUSED, LEXICAL, SEMANTIC, make_spec
from tests.unit.jobs.test_submission import (  # noqa: F401  fixtures
    ENCODER,
    SETTINGS,
    dataset,
    encoder,
    send,
    small_shards,
    store,
)
from tests.unit.retrieval.fake_encoder import HashEncoder

RERANKED = Variant("reranked", LEXICAL.retrieve, (Rerank(dense=Dense("hash"), depth=3),))
SMALL = Variant("small", Retrieve(dense=Dense("hash", quantize="int8")))


def measured(
    connection: Redis, worker: WarmWorker, data: StoredDataset, variants: Sequence[Variant]
) -> dict[str, VariantCost]:
    """Evaluate an experiment, measure its variants, and read what they cost."""
    spec = make_spec(data, variants, ENCODER)
    send(connection, spec, data)
    run_all(worker)
    connection.delete("evaluator:results")
    ids = enqueue_measurements(connection, spec, [variant.name for variant in variants], SETTINGS)
    assert run_all(worker) == ids
    stream = ResultStream(connection)
    stream.open()
    records = [record for _, record in stream.read(100, 0.01)]
    costs = {r.variant: r.cost for r in records if isinstance(r, VariantMeasured) and r.cost is not None}
    assert len(costs) == len(records)
    return costs


@pytest.mark.usefixtures("small_shards")
def test_each_variant_says_what_it_costs(
    connection: Redis,
    dataset: StoredDataset,  # noqa: F811
    encoder: HashEncoder,  # noqa: F811
    worker: WarmWorker,
) -> None:
    costs = measured(connection, worker, dataset, [LEXICAL, SEMANTIC, FUSED, RERANKED, SMALL])
    assert {cost.queries for cost in costs.values()} == {len(dataset.queries)}
    assert all(cost.total is not None and cost.total.p50 > 0 for cost in costs.values())
    assert {name for name, cost in costs.items() if cost.encode is not None} == {
        "dense", "fused", "reranked", "small",
    }  # fmt: skip
    assert [name for name, cost in costs.items() if cost.rerank is not None] == ["reranked"]
    # Five documents of eight float32 values are 160 bytes, of eight bytes 40; a file's head comes on top.
    assert 160 <= costs["dense"].vector_bytes < 500
    assert costs["bm25"].vector_bytes == 0 < costs["bm25"].index_bytes
    assert costs["fused"].index_bytes == costs["bm25"].index_bytes + costs["dense"].index_bytes
    assert costs["dense"].encode_seconds == costs["fused"].encode_seconds
    assert costs["bm25"].encode_seconds is None
    assert costs["dense"].usd is None


def test_lists_made_elsewhere_cannot_be_asked() -> None:
    assert not can_be_asked(Variant("theirs", Retrieve(run=Run("theirs", "0" * 16))))
    assert can_be_asked(Variant("chunks", Retrieve(dense=Dense("hash", chunk=Chunk()))))
