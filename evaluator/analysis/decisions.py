"""Which variants of an experiment are separable: the same answer on every page (ADR 0020).

Variants are compared over the queries that every variant with a score has scored. The correction has two rules:

- with a baseline chosen beforehand, p is corrected for its comparisons with all other variants;
- without a baseline, p is corrected for all pairs of variants; a pair is compared with its better variant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from evaluator.analysis.snapshot import Snapshot
from evaluator.domain.statistics.resampling import Resampled
from evaluator.domain.statistics.separability import Decision, decide
from evaluator.workspace.memory import Kind

DECISIONS, ORDERS = Kind("decisions", 512), Kind("orders", 512)


class Correction(NamedTuple):
    """What p-values are corrected for.

    Attributes:
        family: how many comparisons.
        baseline: the variant that was chosen beforehand; None if each pair of variants is one of all pairs.
    """

    family: int
    baseline: str | None

    @property
    def words(self) -> str:
        """The text that follows "corrected for", such as `all 10 pairs of variants`."""
        if self.baseline is None:
            return (
                f"all {self.family:,} pairs of variants" if self.family > 1 else "the only pair of variants"
            )
        if self.family > 1:
            return f"the {self.family:,} comparisons with the baseline {self.baseline}"
        return f"the only comparison with the baseline {self.baseline}"


def correction(n_variants: int, baseline: str | None = None) -> Correction:
    """The correction for the number of variants with a score."""
    family = n_variants - 1 if baseline is not None else n_variants * (n_variants - 1) // 2
    return Correction(max(family, 1), baseline)


class Finding(NamedTuple):
    """The decision on two variants (the first minus the second), and what its p was corrected for."""

    decision: Decision
    correction: Correction


def differences_to(snapshot: Snapshot, measure: str, reference: str) -> Resampled | None:
    """Differences of all variants with a score (the reference included) to the reference, over the compared queries.

    None if there is no such query, or the reference has no score.
    """
    sampled, names = snapshot.resampled(measure), snapshot.scores(measure).names
    return None if sampled is None or reference not in names else sampled.against(names.index(reference))


def decisions_to(
    snapshot: Snapshot, measure: str, reference: str, *, pinned: bool, differences: Resampled | None = None
) -> Mapping[str, Decision]:
    """The decisions on all other variants with a score against the reference; empty if there is no query to compare.

    Args:
        pinned: whether the reference was chosen beforehand.
        differences: the differences to the reference if the caller has them; for 2,000 variants they take 320 MB.
    """

    def compute() -> Mapping[str, Decision]:
        to = differences or differences_to(snapshot, measure, reference)
        if to is None:
            return {}
        evidence = dict(zip(snapshot.scores(measure).names, to.evidence(), strict=True))
        del evidence[reference]
        family = correction(len(evidence) + 1, reference if pinned else None).family
        return dict(zip(evidence, decide(list(evidence.values()), family), strict=True))

    return snapshot.remember(DECISIONS, (measure, reference, pinned), compute)


def best_first(snapshot: Snapshot, measure: str) -> list[str]:
    """The experiment's variants by descending mean over the compared queries; those without a score come last.

    Variants with equal means keep the experiment's order, as do all variants if there is no query to compare.
    """

    def compute() -> list[str]:
        sampled, scores = snapshot.resampled(measure), snapshot.scores(measure)
        if sampled is None:
            return sorted(scores.variants, key=lambda name: name not in scores.names)
        means = dict(zip(scores.names, sampled.values.mean(axis=1).tolist(), strict=True))
        return sorted(scores.variants, key=lambda name: -means.get(name, -np.inf))

    return list(snapshot.remember(ORDERS, measure, compute))


def between(snapshot: Snapshot, measure: str, a: str, b: str, baseline: str | None = None) -> Finding | None:
    """The decision on two variants; None if there is no query to compare, or one of the variants has no score.

    Args:
        baseline: the variant chosen beforehand; used only if it is one of the two.
    """
    names = snapshot.scores(measure).names
    if a not in names or b not in names or snapshot.resampled(measure) is None:
        return None
    if baseline in (a, b):
        reference = str(baseline)
    else:
        reference = next(name for name in best_first(snapshot, measure) if name in (a, b))
        baseline = None
    other = a if reference == b else b
    decision = decisions_to(snapshot, measure, reference, pinned=baseline is not None)[other]
    return Finding(decision if other == a else decision.mirrored, correction(len(names), baseline))
