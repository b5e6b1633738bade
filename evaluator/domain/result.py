"""A query's result under one variant: the unit of checkpointing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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
    kind: Literal["spending"] = field(default="spending", kw_only=True)


@dataclass(frozen=True)
class ExperimentStop:
    """An experiment that its workers stopped, and why."""

    experiment: str
    reason: str
    kind: Literal["stop"] = field(default="stop", kw_only=True)


@dataclass(frozen=True)
class VariantMeasured:
    """What a variant costs, or why that could not be measured; keyed by (experiment, variant)."""

    experiment: str
    variant: str
    cost: VariantCost | None
    error: str | None = None
    kind: Literal["measured"] = field(default="measured", kw_only=True)


Record = QueryResult | VariantFailure | Spending | ExperimentStop | VariantMeasured
"""What travels from workers to the recorder; `kind` says which of them it is."""


@dataclass(frozen=True)
class Rejected:
    """What came from a worker and cannot be recorded.

    Attributes:
        reason: why, for people.
        content: the record, or the bytes that are none.
        stand_in: what is recorded in its place, so that whoever waits for it does not wait for ever; None where
            nobody does, or it does not say what it is about.
    """

    reason: str
    content: Record | bytes
    stand_in: Record | None = None


def stand_in(fields: Mapping[str, object], reason: str) -> Record | None:
    """The failure that takes the place of a record which cannot be recorded; None if nobody waits for it.

    Args:
        fields: the record's, as far as they can be read.
        reason: why it cannot be recorded.
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
