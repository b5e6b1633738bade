"""Decides whether two variants are separable; no other module decides this (ADR 0020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evaluator.domain.statistics.resampling import Evidence, TestName
from evaluator.domain.statistics.significance import holm, is_significant


@dataclass(frozen=True)
class Decision:
    """The result of a paired comparison, the first minus the second.

    Attributes:
        difference: difference of the means.
        p: two-sided p of this comparison alone.
        test: the test that gave p.
        corrected: p with Holm's correction for the comparisons that were made together.
    """

    difference: float
    p: float
    test: TestName
    corrected: float

    @property
    def separable(self) -> bool:
        """Whether the difference is significant at the usual level, after the correction."""
        return self.difference != 0 and is_significant(self.corrected)

    @property
    def mirrored(self) -> Decision:
        """The same comparison, the second minus the first."""
        return replace(self, difference=-self.difference)


def decide(evidence: Sequence[Evidence], family: int | None = None) -> list[Decision]:
    """Decide comparisons that were made together.

    Args:
        evidence: the evidence of each comparison.
        family: number of comparisons from which these were selected, for the correction; by default their own number.
    """
    corrected = holm([result.p for result in evidence], family)
    return [
        Decision(result.difference, result.p, result.test, p)
        for result, p in zip(evidence, corrected, strict=True)
    ]


def tie_group(scores: Mapping[str, float], to_best: Mapping[str, Decision]) -> tuple[str, ...]:
    """The variant with the highest score, and those that are not separable from it, best first.

    Args:
        scores: mean score by variant.
        to_best: the comparison of each other variant with the best, by variant.
    """
    ranked = sorted(scores, key=lambda name: -scores[name])
    return tuple(
        name
        for place, name in enumerate(ranked)
        if place == 0 or name not in to_best or not to_best[name].separable
    )
