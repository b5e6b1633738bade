"""Wording for a comparison, claiming no more than the evidence supports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evaluator.analysis.pairwise import Outcome
from evaluator.domain.statistics.resampling import TestName

EFFECTS: Final = ((0.2, "negligible"), (0.5, "small"), (0.8, "medium"))
"""Upper bounds of effect sizes and their names; from the last bound on an effect is "large" (Cohen, Statistical Power
Analysis for the Behavioral Sciences, 1988)."""
TESTS: Final[Mapping[TestName, str]] = {"randomization": "randomization test", "t": "paired t-test"}
"""The names of the tests that p-values come from."""
SMALLEST_P: Final = 0.001
"""Smaller p-values are written as "less than" this."""


def effect_words(effect_size: float) -> str:
    """The name of an effect of this size: negligible, small, medium, large."""
    return next((word for limit, word in EFFECTS if abs(effect_size) < limit), "large")


def p_words(p: float) -> str:
    """A p-value as text: `p = 0.012`, `p < 0.001`."""
    return f"p < {SMALLEST_P}" if p < SMALLEST_P else f"p = {p:.3f}"


def headline(outcome: Outcome) -> str:
    """The conclusion that the evidence supports about two variants, in one sentence."""
    test, size = outcome.test, f"{abs(outcome.test.difference):.3f} {outcome.measure}"
    ahead = outcome.ahead or outcome.a
    behind = outcome.b if ahead == outcome.a else outcome.a
    low, high, wins, losses = test.interval.low, test.interval.high, test.wins, test.losses
    if ahead == outcome.b:
        low, high, wins, losses = -high, -low, losses, wins
    interval = f"95 % interval {low:.3f} to {high:.3f}, " if test.n > 1 else ""
    corrected = " corrected" if outcome.correction.family > 1 else ""
    evidence = f"({interval}{p_words(outcome.decision.corrected)}{corrected})"
    counts = ", ".join(
        f"{number:,} {word if number == 1 else plural}"
        for number, word, plural in (
            (wins, "win", "wins"),
            (losses, "loss", "losses"),
            (test.ties, "tie", "ties"),
        )
    )
    if outcome.separable:
        return f"{ahead} beats {behind} by {size} {evidence}: {counts}"
    if test.difference == 0:
        return f"{ahead} and {behind} have the same {outcome.measure} {evidence}: {counts}"
    return f"{ahead} cannot be told from {behind}: {size} ahead {evidence}, {counts}"
