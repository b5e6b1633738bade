"""What a variant costs: the time of a query, the size of its index, and the time and money for encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.domain.json_record import JsonRecord

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Latency:
    """Percentiles of the seconds per query, over queries that ran one after the other."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """Percentiles of one or more times in seconds, interpolated linearly (NumPy's default)."""
        return cls(*(float(value) for value in np.percentile(np.asarray(seconds), PERCENTILES)))


@dataclass(frozen=True)
class VariantCost(JsonRecord):
    """What one variant costs, measured on one machine while nothing else ran, as far as the queue knows.

    Attributes:
        queries: number of queries that were timed, one at a time; 0 where timing is meaningless (imported runs, chat
            models).
        total, search, encode, rerank: latency of a query; None if the variant has no such step, or nothing was timed.
        index_bytes: size of all files that searching reads.
        vector_bytes: size of the documents' vectors among them.
        encode_seconds: seconds for encoding the documents, even if that was done earlier; None if nothing is encoded.
        tokens: tokens of the documents, as their encoders count them; None if nothing is encoded.
        usd: cost of encoding the documents; None if it was free.
        usd_per_million_queries: cost at the endpoints' prices; None if no endpoint with a price is used.
        alone: whether no other job ran during the measurement.
        machine: the machine of the measurement.
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
        """Throughput of one process that answers one query after the other, at the median latency; None if unknown."""
        return 1 / self.total.p50 if self.total is not None and self.total.p50 > 0 else None


def size(n_bytes: float) -> str:
    """Such as `812 bytes`, `3.4 MB` and `2 GB`, in powers of 1,000."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            number = n_bytes / factor
            return f"{number:.1f}".removesuffix(".0") + f" {unit}" if number < 10 else f"{number:,.0f} {unit}"
    return f"{n_bytes:,.0f} bytes"
