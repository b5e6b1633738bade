"""Quality against cost: which variants nothing beats in both, and which one to take within limits, and why."""

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
    """A kind of cost: what it is called, its unit, and how its numbers are written."""

    label: str
    unit: str
    format: str = ",.1f"

    def text(self, value: float) -> str:
        """Such as `12.3 ms`."""
        return f"{value:{self.format}} {self.unit}"


COSTS: Mapping[Cost, CostKind] = {
    "p95_ms": CostKind("p95 latency", "ms"),
    "index_mb": CostKind("Index size", "MB"),
    "usd_per_million_queries": CostKind("Price", "USD per million queries", ",.2f"),
}

Limits = Mapping[Cost, float]
"""What a variant may cost at most; a kind of cost that is not there is not limited."""


@dataclass(frozen=True)
class Recommendation:
    """What to take.

    Attributes:
        variant: the best within the limits; None if there is none.
        reasons: why, in whole sentences.
        excluded: why each of the others may not be taken, by variant, best first.
    """

    variant: str | None
    reasons: tuple[str, ...]
    excluded: Mapping[str, str]


def cost_of(row: BoardRow, cost: Cost) -> float | None:
    """What a variant costs; None if it was not measured. Who asks no endpoint with a price pays nothing."""
    paid = row.cost
    if paid is None:
        return None
    if cost == "index_mb":
        return paid.index_bytes / 1e6
    if cost == "usd_per_million_queries":
        return paid.usd_per_million_queries or 0.0
    return None if paid.total is None else 1000 * paid.total.p95


def pareto_front(board: Leaderboard, cost: Cost) -> tuple[str, ...]:
    """Variants that no other beats: none is at least as good and as cheap, and better or cheaper; best first.

    Scores are taken as they are, without regard to their intervals.
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
    """Variants with a score as a chart of quality against cost draws them, best first; `cost` is None if not known."""
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
    """The variant with the highest score that costs no more than it may.

    Args:
        snapshot: that the leaderboard is of.
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
        found = between(snapshot, board.measure, chosen.variant, other.variant)
        return found is not None and found.decision.separable

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
    """Why a variant is not within the limits."""
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
    """Variants that may be as good and cost at most half, one a kind of cost."""
    for cost, kind in COSTS.items():
        spent = cost_of(chosen, cost)
        known = [(value, row.variant) for row in equal if (value := cost_of(row, cost)) is not None]
        if spent and known and (least := min(known))[0] <= spent / 2:
            yield (
                f"{least[1]} is as good as can be told, and costs less: "
                f"{kind.label} {kind.text(least[0])} instead of {kind.text(spent)}."
            )
