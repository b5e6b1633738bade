"""A query's result with one variant: the unit of checkpointing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evaluator.domain.cost import VariantCost
from evaluator.domain.ranking import EMPTY, Ranking


@dataclass(frozen=True)
class QueryResult:
    """The result of one query with one variant; keyed by (experiment, variant, query).

    Attributes:
        measures: scores by notation; empty if the query has no relevant document or failed.
        seconds: time of retrieval, the query's share of its batch.
        error: why the query failed; None if it succeeded.
    """

    experiment: str
    variant: str
    query_id: str
    ranking: Ranking = EMPTY
    measures: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None
    kind: Literal["query"] = field(default="query", kw_only=True)


@dataclass(frozen=True)
class VariantFailure:
    """A variant that failed as a whole: one message for all of its queries."""

    experiment: str
    variant: str
    error: str
    kind: Literal["failure"] = field(default="failure", kw_only=True)


@dataclass(frozen=True)
class Spending:
    """What one request to an endpoint cost; keyed by (experiment, id).

    Attributes:
        id: the request's id, chosen by its sender.
        endpoint: the endpoint's name.
        tokens, output_tokens: tokens that were sent, and tokens that a chat model wrote.
        micro_usd: cost in millionths of a USD; 0 if the price is unknown.
    """

    experiment: str
    id: str
    endpoint: str
    tokens: int
    output_tokens: int
    micro_usd: int
    kind: Literal["spending"] = field(default="spending", kw_only=True)


@dataclass(frozen=True)
class ExperimentStop:
    """An experiment that its workers stopped, and why."""

    experiment: str
    reason: str
    kind: Literal["stop"] = field(default="stop", kw_only=True)


@dataclass(frozen=True)
class VariantMeasured:
    """What a variant costs, or why its costs could not be measured; keyed by (experiment, variant)."""

    experiment: str
    variant: str
    cost: VariantCost | None
    error: str | None = None
    kind: Literal["measured"] = field(default="measured", kw_only=True)


Record = QueryResult | VariantFailure | Spending | ExperimentStop | VariantMeasured
"""The records that workers send to the recorder; `kind` says which one it is."""


@dataclass(frozen=True)
class Rejected:
    """A record from a worker that cannot be recorded.

    Attributes:
        reason: why, for people.
        content: the record, or bytes that are no valid record.
        stand_in: the failure that is recorded in its place, so that nothing waits for the record for ever; None if
            nothing waits for the record, or if its query or variant is unknown.
    """

    reason: str
    content: Record | bytes
    stand_in: Record | None = None


def stand_in(fields: Mapping[str, object], reason: str) -> Record | None:
    """The failure that replaces a record that cannot be recorded; None if nothing waits for the record.

    Args:
        fields: the fields of the record, as far as they can be read.
        reason: why the record cannot be recorded.
    """
    error = f"what the worker handed over cannot be recorded: {reason}"
    match dict(fields):
        case {
            "kind": "query",
            "experiment": str(experiment),
            "variant": str(variant),
            "query_id": str(query_id),
        }:
            return QueryResult(experiment, variant, query_id, error=error)
        case {"kind": "failure", "experiment": str(experiment), "variant": str(variant)}:
            return VariantFailure(experiment, variant, error)
        case {"kind": "measured", "experiment": str(experiment), "variant": str(variant)}:
            return VariantMeasured(experiment, variant, None, error)
    return None
