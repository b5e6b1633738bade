"""What a variant costs: how long a query takes, how large its index is, what encoding took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.domain.json_record import JsonRecord

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Latency:
    """Percentiles of seconds, over queries asked one after the other."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """Of at least one time; between two times, as NumPy interpolates by default."""
        return cls(*(float(value) for value in np.percentile(np.asarray(seconds), PERCENTILES)))


@dataclass(frozen=True)
class VariantCost(JsonRecord):
    """What one variant costs, measured on one machine while nothing else ran, as far as the queue knows.

    Attributes:
        queries: asked, one at a time; 0 where that says nothing: ranked lists made elsewhere, answers of a chat model.
        total, search, encode, rerank: seconds of a query; None where there is none, or none was asked.
        index_bytes: of all files that searching reads.
        vector_bytes: of the documents' vectors among them.
        encode_seconds: that encoding the documents took, also if it was done earlier; None if nothing is encoded.
        tokens: of the documents, as their encoders count; None if nothing is encoded.
        usd: that encoding the documents cost; None if nothing was paid for.
        usd_per_million_queries: at the endpoints' prices; None if no endpoint with a price is asked.
        alone: whether no other job ran meanwhile.
        machine: what it was measured on.
    """

    queries: int
    total: Latency | None
    search: Latency | None
    encode: Latency | None
    rerank: Latency | None
    index_bytes: int
    vector_bytes: int
    encode_seconds: float | None
    tokens: int | None
    usd: float | None
    usd_per_million_queries: float | None
    alone: bool
    machine: str

    @property
    def queries_per_second(self) -> float | None:
        """Of one process that answers one query after the other, at the median."""
        return 1 / self.total.p50 if self.total is not None and self.total.p50 > 0 else None
