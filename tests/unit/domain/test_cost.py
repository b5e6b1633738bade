"""What a variant costs."""

from __future__ import annotations

import pytest

from evaluator.domain.cost import Latency, VariantCost

COST = VariantCost(
    queries=3,
    total=Latency(0.004, 0.008, 0.009),
    search=Latency(0.003, 0.006, 0.007),
    encode=Latency(0.001, 0.002, 0.002),
    rerank=None,
    index_bytes=1000,
    vector_bytes=800,
    encode_seconds=12.5,
    tokens=200,
    usd=None,
    usd_per_million_queries=None,
    alone=True,
    machine="x86_64",
)


def test_percentiles_lie_between_the_times() -> None:
    # Of 0 to 100 ms in steps of one: the 95th of 101 values is 95 ms.
    latency = Latency.of([n / 1000 for n in range(101)])
    assert (latency.p50, latency.p95, latency.p99) == pytest.approx((0.05, 0.095, 0.099))
    assert Latency.of([0.25]) == Latency(0.25, 0.25, 0.25)


def test_throughput_is_of_the_median() -> None:
    assert COST.queries_per_second == pytest.approx(250)


def test_a_cost_can_be_written_as_json_and_read_back() -> None:
    assert VariantCost.from_json(COST.to_json()) == COST
