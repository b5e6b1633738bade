"""Measuring what variants cost: jobs that ask a variant some queries again, one variant after the other."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

from redis import Redis
from rq.registry import StartedJobRegistry

from evaluator.domain.cost import Latency, VariantCost
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.variant import LanguageModel, Variant
from evaluator.jobs.queue import enqueue, job_data, open_queues
from evaluator.jobs.stages import job_id
from evaluator.retrieval.pipeline import Keep
from evaluator.retrieval.search.indexes import Sources
from evaluator.retrieval.search.queries import Load
from evaluator.retrieval.timing import Times, can_be_asked, index_sizes, time_queries
from evaluator.retrieval.vectors.costs import EncodingCost, cost_of_texts
from evaluator.settings import Settings

QUERIES = 100
"""Queries that a variant is asked, evenly from the dataset."""
PAID_QUERIES = 10
"""The same for a variant that asks an endpoint, which may cost money."""


def enqueue_measurements(
    connection: Redis, spec: ExperimentSpec, variants: Sequence[str], settings: Settings
) -> list[str]:
    """Enqueue the measurement of some variants, each after the one before; returns the ids of new jobs."""
    jobs = []
    previous: list[str] = []
    for variant in variants:
        id_ = job_id("measure", spec.id, spec.position(variant))
        jobs.append(job_data(settings, "measure", (spec.id, variant), id_, after=previous))
        previous = [id_]
    return enqueue(connection, jobs)


def measure_variant(
    variant: Variant, sources: Sources, load: Load, keep: Keep, connection: Redis
) -> VariantCost:
    """What a variant costs: latencies measured now, sizes and the cost of encoding from the store."""
    alone = _alone(connection)
    times = _times(variant, sources, load, keep)
    sizes = index_sizes(variant, sources)
    documents, queries = _encoded(variant, sources, "document"), _encoded(variant, sources, "query")
    usd, usd_of_queries = _usd(documents), _usd(queries)
    encodes = times is not None and any(times.encode)
    return VariantCost(
        queries=0 if times is None else len(times.search),
        total=None if times is None else Latency.of(times.total),
        search=None if times is None else Latency.of(times.search),
        encode=Latency.of(times.encode) if times is not None and encodes else None,
        rerank=Latency.of(times.rerank) if times is not None and variant.rerank else None,
        index_bytes=sizes.index,
        vector_bytes=sizes.vectors,
        encode_seconds=sum(cost.seconds for cost, _ in documents) if documents else None,
        tokens=sum(cost.tokens for cost, _ in documents) if documents else None,
        usd=usd,
        usd_per_million_queries=None
        if usd_of_queries is None
        else usd_of_queries / sources.dataset.manifest.n_queries * 1e6,
        alone=alone and _alone(connection),
        machine=f"{platform.machine()}, {os.cpu_count()} cores, {os.environ.get('OMP_NUM_THREADS', '1')} threads",
    )


def _times(variant: Variant, sources: Sources, load: Load, keep: Keep) -> Times | None:
    # A run made elsewhere answers no new queries; a chat model's answers come from the cache by now.
    if not can_be_asked(variant) or any(isinstance(stage, LanguageModel) for stage in variant.stages()):
        return None
    paid = any(e.encoder.endpoint for stage in variant.stages() for e in sources.encodings(stage))
    queries = [query.text for query in sources.dataset.queries]
    step = -(-len(queries) // (PAID_QUERIES if paid else QUERIES))
    return time_queries(variant, sources, load, keep, queries[::step], sources.spec.depth)


def _encoded(variant: Variant, sources: Sources, role: str) -> list[tuple[EncodingCost, float | None]]:
    """What encoding a variant's texts of a role took, and the price in USD per million tokens; shared texts once."""
    costs: dict[tuple[str, str], tuple[EncodingCost, float | None]] = {}
    for stage in variant.stages():
        for encoding in sources.encodings(stage):
            encoder, texts = encoding.encoder, encoding.texts
            if texts.role == role:
                price = encoder.endpoint.usd_per_million_tokens if encoder.endpoint else None
                cost = cost_of_texts(encoder, texts, sources.store)
                costs[encoder.fingerprint, texts.part] = cost, price
    return list(costs.values())


def _usd(costs: Sequence[tuple[EncodingCost, float | None]]) -> float | None:
    paid = [cost.tokens * price / 1e6 for cost, price in costs if price is not None]
    return sum(paid) if paid else None


def _alone(connection: Redis) -> bool:
    """Whether no other job than the caller's waits or runs."""
    queues = open_queues(connection)
    running = sum(StartedJobRegistry(queue=queue).get_job_count(cleanup=False) for queue in queues)
    return running <= 1 and not any(queue.count for queue in queues)
