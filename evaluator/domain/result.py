"""A query's result under one variant: the unit of checkpointing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluator.domain.cost import VariantCost
from evaluator.domain.ranking import EMPTY, Ranking


@dataclass(frozen=True)
class QueryResult:
    """What one query gave under one variant; keyed by (experiment, variant, query).

    Attributes:
        measures: values by notation; empty if the query has no relevant document or failed.
        seconds: of retrieval, the query's share of its batch.
        error: why it failed; None if it did not.
    """

    experiment: str
    variant: str
    query_id: str
    ranking: Ranking = EMPTY
    measures: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class VariantFailure:
    """A variant that cannot work at all: one message for all of its queries."""

    experiment: str
    variant: str
    error: str


@dataclass(frozen=True)
class Spending:
    """What one request to an endpoint cost; keyed by (experiment, id).

    Attributes:
        id: of the request, made up by whoever sent it.
        endpoint: its name.
        tokens, output_tokens: sent, and written by a chat model.
        micro_usd: millionths of a USD; 0 where no price is known.
    """

    experiment: str
    id: str
    endpoint: str
    tokens: int
    output_tokens: int
    micro_usd: int


@dataclass(frozen=True)
class ExperimentStop:
    """An experiment that its workers stopped, and why."""

    experiment: str
    reason: str


@dataclass(frozen=True)
class VariantMeasured:
    """What a variant costs, or why that could not be measured; keyed by (experiment, variant)."""

    experiment: str
    variant: str
    cost: VariantCost | None
    error: str | None = None


Record = QueryResult | VariantFailure | Spending | ExperimentStop | VariantMeasured
"""What travels from workers to the recorder."""
