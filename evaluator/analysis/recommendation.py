"""Quality against cost: the Pareto front, and the variant to choose within limits, with reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evaluator.analysis.decisions import between
from evaluator.analysis.leaderboard import BoardRow, Leaderboard
from evaluator.analysis.snapshot import Snapshot

Cost = Literal["p95_ms", "index_mb", "usd_per_million_queries"]


@dataclass(frozen=True)
class CostKind:
    """A kind of cost: its label, its unit, and its number format."""

    label: str
    unit: str
    format: str = ",.1f"

    def text(self, value: float) -> str:
        """A cost as text, such as `12.3 ms`."""
        return f"{value:{self.format}} {self.unit}"


COSTS: Mapping[Cost, CostKind] = {
    "p95_ms": CostKind("p95 latency", "ms"),
    "index_mb": CostKind("Index size", "MB"),
    "usd_per_million_queries": CostKind("Price", "USD per million queries", ",.2f"),
}

Limits = Mapping[Cost, float]
"""The highest cost allowed, by kind; kinds that are absent are not limited."""


@dataclass(frozen=True)
class Recommendation:
    """The variant to choose, and why.

    Attributes:
        variant: the best within the limits; None if there is none.
        reasons: why, in whole sentences.
        excluded: why other variants exceed the limits, by variant, best first.
    """

    variant: str | None
    reasons: tuple[str, ...]
    excluded: Mapping[str, str]


def cost_of(row: BoardRow, cost: Cost) -> float | None:
    """A variant's cost; None if it was not measured. Without an endpoint that has a price, the price is 0."""
    paid = row.cost
    if paid is None:
        return None
    if cost == "index_mb":
        return paid.index_bytes / 1e6
    if cost == "usd_per_million_queries":
        return paid.usd_per_million_queries or 0.0
    return None if paid.total is None else 1000 * paid.total.p95


def pareto_front(board: Leaderboard, cost: Cost) -> tuple[str, ...]:
    """The variants that no other variant beats in quality and cost together, best first.

    One variant beats another if it is at least as good and as cheap, and better or cheaper. Intervals are ignored.
    """
    measured = [
        (row.variant, row.score, spent)
        for row in board.rows
        if row.score is not None and (spent := cost_of(row, cost)) is not None
    ]
    return tuple(
        name
        for name, score, spent in measured
        if not any(s >= score and c <= spent and (s > score or c < spent) for _, s, c in measured)
    )


def tradeoff_rows(board: Leaderboard, cost: Cost) -> list[dict[str, Any]]:
    """Variants with a score as rows for a chart of quality against cost, best first; an unknown `cost` is None."""
    front = pareto_front(board, cost)
    return [
        {
            "place": place,
            "variant": row.variant,
            "score": row.score,
            "low": None if row.mean is None else row.mean.low,
            "high": None if row.mean is None else row.mean.high,
            "cost": cost_of(row, cost),
            "front": row.variant in front,
        }
        for place, row in enumerate(board.scored, 1)
    ]


def recommend(snapshot: Snapshot, board: Leaderboard, limits: Limits) -> Recommendation:
    """The variant with the highest score within the limits.

    Args:
        snapshot: the snapshot behind the leaderboard.
    """
    scored = board.scored
    excluded = {row.variant: reason for row in scored if (reason := _excess(row, limits)) is not None}
    candidates = [row for row in scored if row.variant not in excluded]
    if not candidates:
        reason = "No variant keeps within the limits." if scored else "No variant has a score."
        return Recommendation(None, (reason,), excluded)
    chosen = candidates[0]
    reasons = [_rank(board, chosen, len(candidates), limits), *_within(chosen, limits)]

    def is_separable(other: BoardRow) -> bool:
        finding = between(snapshot, board.measure, chosen.variant, other.variant)
        return finding is not None and finding.decision.separable

    reasons += _cheaper(chosen, [row for row in candidates[1:] if not is_separable(row)])
    better = next((row for row in scored[: scored.index(chosen)] if is_separable(row)), None)
    if better is not None:
        lost = _score(better) - _score(chosen)
        reasons.append(
            f"The limits cost {lost:.4f} of {board.measure}: {better.variant} is better, but not within them."
        )
    return Recommendation(chosen.variant, tuple(reasons), excluded)


def _score(row: BoardRow) -> float:
    return 0.0 if row.score is None else row.score


def _excess(row: BoardRow, limits: Limits) -> str | None:
    """Why a variant exceeds the limits; None if it does not."""
    for cost, limit in limits.items():
        kind, spent = COSTS[cost], cost_of(row, cost)
        if spent is None:
            return f"{kind.label} is not measured"
        if spent > limit:
            return f"{kind.label} {kind.text(spent)}, more than {kind.text(limit)}"
    return None


def _rank(board: Leaderboard, chosen: BoardRow, n_candidates: int, limits: Limits) -> str:
    among = f"of the {n_candidates} variants within the limits" if limits else "of all variants"
    if n_candidates == 1 and limits:
        return f"The only variant within the limits: {board.measure} {_score(chosen):.4f}."
    return f"The highest {board.measure} {among}: {_score(chosen):.4f}."


def _within(chosen: BoardRow, limits: Limits) -> Iterator[str]:
    for cost, limit in limits.items():
        kind, spent = COSTS[cost], cost_of(chosen, cost)
        if spent is not None:
            yield f"{kind.label}: {kind.text(spent)}, of {kind.text(limit)} that it may be."


def _cheaper(chosen: BoardRow, equal: Sequence[BoardRow]) -> Iterator[str]:
    """For each kind of cost, the cheapest equally good variant that costs at most half."""
    for cost, kind in COSTS.items():
        spent = cost_of(chosen, cost)
        costs = [(value, row.variant) for row in equal if (value := cost_of(row, cost)) is not None]
        if spent and costs and (least := min(costs))[0] <= spent / 2:
            yield (
                f"{least[1]} is as good as can be told, and costs less: "
                f"{kind.label} {kind.text(least[0])} instead of {kind.text(spent)}."
            )
