"""A query's result under one variant: the unit of checkpointing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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


Record = QueryResult | VariantFailure
"""What travels from workers to the recorder."""
