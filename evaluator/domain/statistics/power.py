"""The smallest difference between two variants that a number of queries can show."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

ASSUMED_DEVIATION: Final = 0.25
"""Standard deviation of the per-query differences of two variants, for a measure between 0 and 1.

Before anything was run it can only be assumed. On Cranfield's 225 queries all-MiniLM-L6-v2 and BM25 differ with 0.20 in
nDCG@10 and with 0.39 in RR@10: graded measures over several documents vary less, those of one document more.
"""

SIGNIFICANCE: Final = 0.05
"""Two-sided level of the test: how often a difference is found where there is none."""

POWER: Final = 0.8
"""How often a difference that is there is found."""


def detectable_difference(
    n_queries: int,
    deviation: float = ASSUMED_DEVIATION,
    *,
    significance: float = SIGNIFICANCE,
    power: float = POWER,
) -> float | None:
    """The smallest difference of two means that a paired test over these queries finds with the given power.

    (z(1 - significance / 2) + z(power)) * deviation / sqrt(n): the normal approximation of the paired t-test
    (Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988; for test collections Sakai, Topic set
    size design, Information Retrieval Journal 19, 2016).

    Args:
        n_queries: queries that are scored.
        deviation: standard deviation of the per-query differences, assumed or measured.
        significance: two-sided level of the test.
        power: probability of finding a difference of that size.

    Returns:
        The difference in the measure's own unit, at most 1; None for fewer than two queries, which show nothing.
    """
    if n_queries < 2:
        return None
    normal = NormalDist()
    quantiles = normal.inv_cdf(1 - significance / 2) + normal.inv_cdf(power)
    return min(1.0, quantiles * deviation / math.sqrt(n_queries))


def needed_queries(
    deviation: float, difference: float, *, significance: float = SIGNIFICANCE, power: float = POWER
) -> int | None:
    """Queries after which a paired test finds a difference of this size with the given power.

    ((z(1 - significance / 2) + z(power)) * deviation / difference)^2: `detectable_difference` solved for n (Cohen,
    1988; Sakai, Information Retrieval Journal 19, 2016).

    Args:
        deviation: standard deviation of the per-query differences.
        difference: of the two means, if what was seen is true.
        significance: two-sided level of the test.
        power: probability of finding it.

    Returns:
        At least 2; None for no difference, which no number of queries shows.
    """
    if difference == 0:
        return None
    normal = NormalDist()
    quantiles = normal.inv_cdf(1 - significance / 2) + normal.inv_cdf(power)
    return max(2, math.ceil((quantiles * deviation / difference) ** 2))
