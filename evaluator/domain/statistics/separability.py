"""Whether a difference between variants counts as found: decided here, and nowhere else (ADR 0020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evaluator.domain.statistics.resampling import Evidence, TestName
from evaluator.domain.statistics.significance import holm, is_significant


@dataclass(frozen=True)
class Decision:
    """The result of a paired comparison, the first minus the second.

    Attributes:
        difference: of the means.
        p: two-sided, of that comparison alone.
        test: that gave p.
        corrected: p, corrected by Holm over the comparisons that it was made with.
    """

    difference: float
    p: float
    test: TestName
    corrected: float

    @property
    def separable(self) -> bool:
        """Whether the difference is found at the usual level, after the correction."""
        return self.difference != 0 and is_significant(self.corrected)

    @property
    def mirrored(self) -> Decision:
        """The same comparison, the second minus the first."""
        return replace(self, difference=-self.difference)


def decide(evidence: Sequence[Evidence], family: int | None = None) -> list[Decision]:
    """Decide comparisons that were made together.

    Args:
        evidence: of each of them.
        family: how many they were picked from, which p is corrected for; their number by default.
    """
    corrected = holm([shown.p for shown in evidence], family)
    return [
        Decision(shown.difference, shown.p, shown.test, p)
        for shown, p in zip(evidence, corrected, strict=True)
    ]


def tie_group(scores: Mapping[str, float], to_best: Mapping[str, Decision]) -> tuple[str, ...]:
    """The variant with the highest score, and those that are not separable from it, best first.

    Args:
        scores: mean score by variant.
        to_best: each of the others, compared with the best.
    """
    ranked = sorted(scores, key=lambda name: -scores[name])
    return tuple(
        name
        for place, name in enumerate(ranked)
        if place == 0 or name not in to_best or not to_best[name].separable
    )
